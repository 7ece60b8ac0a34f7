"""``switchyard chaos``: faults on demand, from the demo provider, to see what a client of the gateway sees of them.

Exit codes: 0 done, 1 a part of an answer looked like a finished one or the gateway lets no call of the demo through,
2 wrong usage, 3 no gateway answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, get_args

import typer
from msgspec import to_builtins

from router.cli import chaos_calls
from router.cli.chaos_reading import CLIENTS, ENDINGS, STRIKING, strikes
from router.cli.options import AddressOption, ConfigOption, JsonOption, KeyFileOption
from router.cli.talk import Refused, Unreachable, find_place, key_stays, url
from router.observe.redact import one_line
from router.providers.demo.chaos import CHAOS, placed
from router.providers.demo.models import ERRORS, model_names
from router.wire.conversation import Dialect

app = typer.Typer(help="Faults of the demo provider, for trying out clients.", no_args_is_help=True)
FAILED, UNREACHABLE = 1, 3
DOES = {
    **{name: fault.does for name, fault in CHAOS.items()},
    "too-long": "says that the prompt is too long",
    **{f"error-{status}": f"answers with this fault ({kind})" for status, (kind, _) in ERRORS.items()},
}


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Say what each fault does, and what a client of each dialect sees of it."""
    rows = [
        {"fault": name, "does": does, "strikes": strikes(name), "clients_see": STRIKING[strikes(name)]}
        for name, does in DOES.items()
    ]
    if as_json:
        typer.echo(json.dumps({"faults": rows, "error_in_the_middle": dict(CLIENTS)}, indent=2))
        return
    _table(("model", "what it does", "what a client sees"), [
        (f"demo/{row['fault']}", row["does"].replace("`", ""), row["clients_see"]) for row in rows
    ])  # fmt: skip
    typer.echo("\nAn error in the middle of a streamed answer:")
    for dialect, sees in CLIENTS.items():
        typer.echo(f"  {dialect:<10} {sees.replace('`', '')}")


@app.command()
def run(
    dialect: Annotated[str, typer.Option(help="The client's: chat, responses, messages, gemini, or all.")] = "all",
    fault: Annotated[str, typer.Option(help="One of `chaos list`, also with a place (cut-5), or all.")] = "all",
    address: AddressOption = None,
    key_file: KeyFileOption = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds for each call; stall and hang last as long as the gateway's limits.", min=1)
    ] = 180.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send each fault through the running gateway, and show what a client sees. 1 where a part looked like a whole."""
    dialects = _dialects(dialect)
    faults = list(DOES) if fault == "all" else [_known(fault.removeprefix("demo/"))]
    place = find_place(config)
    if address is not None and key_file is None and (why := key_stays(place, address)):
        raise typer.BadParameter(why, param_hint="--address")
    key = _key(Path(key_file).expanduser()) if key_file is not None else place.key("client")
    try:
        rows = chaos_calls.run(address or url(*place.address()), key, faults, dialects, timeout)
    except Unreachable as error:
        typer.echo(error, err=True)
        raise typer.Exit(UNREACHABLE) from None
    except Refused as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps(to_builtins(rows), indent=2))
    else:
        _show(rows)
    if any(row.ending == "truncated" for row in rows):
        typer.echo("A part of an answer looked like a finished one. Please report this.", err=True)
        raise typer.Exit(FAILED)


def _dialects(asked: str) -> tuple[Dialect, ...]:
    known: tuple[Dialect, ...] = get_args(Dialect)
    if asked == "all":
        return known
    if asked not in known:
        raise typer.BadParameter(f"must be one of {', '.join(known)} or all", param_hint="--dialect")
    return (asked,)


def _known(fault: str) -> str:
    if fault in DOES or placed(fault) is not None:
        return fault
    if fault in model_names():
        raise typer.BadParameter(f"demo/{fault} is no fault; see `switchyard chaos list`", param_hint="--fault")
    raise typer.BadParameter(f"there is no demo/{fault}; see `switchyard chaos list`", param_hint="--fault")


def _key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--key-file") from None


def _show(rows: tuple[chaos_calls.Row, ...]) -> None:
    _table(("fault", "dialect", "status", "ended", "seconds", "what came"), [
        (row.fault, row.dialect, str(row.seen.status or "-"), row.ending, f"{row.seconds:.2f}", _came(row))
        for row in rows
    ])  # fmt: skip
    for name in dict.fromkeys(row.ending for row in rows):
        print(f"{name}: {ENDINGS[name]}", file=sys.stderr)


def _came(row: chaos_calls.Row) -> str:
    words = len(row.seen.text.split())
    parts = [*([f"{words} words"] if words else []), *([row.seen.error] if row.seen.error else [])]
    return one_line(", then: ".join(parts))[:110] or "nothing"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
