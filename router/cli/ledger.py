"""The ledger as the command line finds it: where it is, and from when to when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from router.cli.config_commands import DATABASE, settings_or_exit, state_dir
from router.state.database import Connection, reading
from router.state.migrate import revision

FIRST, THIS = "0007", "0013"
"""The revisions that brought the ledger, and the columns that are read here."""
_SPAN = re.compile(r"^(\d{1,5})([hdw])$")
_HOURS = {"h": 1, "d": 24, "w": 168}


@contextmanager
def open_ledger(config: str | None) -> Iterator[Connection]:
    """A connection that only reads. Without a ledger the command ends with 1 and says so."""
    loaded, _ = settings_or_exit(config, need_key=False)
    path: Path = state_dir(loaded) / DATABASE
    found = revision(path)
    if found is None or found < FIRST:
        typer.echo(f"there is no ledger in {path} yet: it begins when the router has started", err=True)
        raise typer.Exit(1)
    if found < THIS:
        typer.echo(f"the ledger in {path} is of an older version: start the router, which renews it", err=True)
        raise typer.Exit(1)
    with reading(path) as connection:
        yield connection


def moment(text: str, now: float, option: str, *, end: bool = False) -> float:
    """Unix time of a date (2026-11-27, UTC), a moment (with hours) or a span before now (7d, 12h, 4w). end: a date
    means its end. Raises `typer.BadParameter`."""
    span = _SPAN.match(text)
    if span is not None:
        return now - timedelta(hours=int(span[1]) * _HOURS[span[2]]).total_seconds()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be like 7d, 12h, 4w or 2026-11-27", param_hint=option) from None
    if end and len(text) == 10:
        parsed += timedelta(days=1)
    return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()
