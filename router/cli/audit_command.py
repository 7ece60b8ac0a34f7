"""``switchyard audit``: who changed what, read from the state folder itself. Data on stdout, talk on stderr.

Exit codes: 0 done, 1 it cannot be read, 2 wrong usage.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

import msgspec
import typer
from msgspec import Struct

from router.accounts.audit_reader import Entry, Outcome, Wanted, read
from router.cli.ledger import moment
from router.cli.talk import find_place
from router.clock import SystemClock
from router.observe.redact import one_line

OUTCOMES = get_args(Outcome)


class Asked(Struct, frozen=True, kw_only=True):
    """As it was typed. since, until: dates or spans. The rest: see `Wanted`."""

    since: str | None
    until: str | None
    action: str
    who: str
    outcome: str | None
    text: str
    routine: bool


def audit(asked: Asked, limit: int, config: str | None, *, as_json: bool) -> int:
    """Print what fits; returns the exit code. Raises `typer.BadParameter`."""
    now, outcome = SystemClock().wall(), asked.outcome
    if outcome is not None and outcome not in OUTCOMES:
        raise typer.BadParameter(f"must be one of {', '.join(OUTCOMES)}", param_hint="--outcome")
    wanted = Wanted(
        since=None if asked.since is None else moment(asked.since, now, "--since"),
        until=None if asked.until is None else moment(asked.until, now, "--until", end=True),
        action=asked.action,
        who=asked.who,
        outcome=outcome,  # type: ignore[arg-type]  # checked above
        text=asked.text,
        routine=asked.routine,
    )
    folder = find_place(config).state_dir
    try:
        found = read(folder, wanted, limit)
    except OSError as error:
        typer.echo(f"the audit log in {folder} cannot be read: {error.strerror or type(error).__name__}", err=True)
        return 1
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found.entries), indent=2).decode())
        return 0
    for entry in found.entries:
        typer.echo(one_line("  ".join(_words(entry))))  # whoever wrote it
    if not found.entries:
        typer.echo("nothing like that stands in the audit log; --all also has what accounts do by themselves", err=True)
    elif found.next is not None:
        typer.echo(f"there are more than {limit}: give --limit, --until or another filter", err=True)
    return 0


def _words(entry: Entry) -> Iterator[str]:
    yield datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    yield f"{entry.who:<16}"
    yield f"{entry.action:<16}"
    yield f"{entry.which or '-'}"
    if entry.outcome != "done":
        yield entry.outcome
    if entry.count > 1:
        yield f"{entry.count} times"
    if entry.details:
        yield entry.details
