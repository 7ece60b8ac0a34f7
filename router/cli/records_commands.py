"""``switchyard records``: what was recorded of calls, read from the state folder itself.

Data on stdout, talk on stderr.
Exit codes: 0 done, 1 there is no such record or it cannot be read, 2 wrong usage.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from router.cli.options import ConfigOption, JsonOption
from router.cli.talk import find_place
from router.observe.records.folder import RecordFolder, Unreadable, opened
from router.observe.records.stages import CLIENT_ANSWER, CLIENT_REQUEST, META, NEUTRAL

app = typer.Typer(help="Recorded calls.")
_ID = Annotated[str, typer.Argument(help="The call, as x-switchyard-request-id and the log name it.", metavar="ID")]
Limit = Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=10_000)]


def _folder(config: str | None) -> RecordFolder:
    state = find_place(config).state_dir
    return RecordFolder(state, lambda: opened(state))


@app.callback(invoke_without_command=True)
def records(context: typer.Context, config: ConfigOption = None) -> None:
    """List the newest recorded calls, or show one."""
    if context.invoked_subcommand is None:
        _list(20, False, config)


@app.command(name="list")
def list_records(limit: Limit = 20, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """The newest recorded calls."""
    _list(limit, as_json, config)


def _list(limit: int, as_json: bool, config: str | None) -> None:
    found = list(islice(_folder(config).newest(), limit))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for each in found:
        typer.echo(_line(each))
    if not found:
        typer.echo("nothing is recorded: observe.request_log in the settings turns it on (docs/records.md)", err=True)


def _line(meta: dict[str, Any]) -> str:
    if "unreadable" in meta:
        return f"{meta['id']}  {meta['unreadable']}"
    began = datetime.fromtimestamp(meta.get("began") or 0, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    served = f"{meta.get('provider')}/{meta.get('served')}" if meta.get("served") else "-"
    words = (meta["id"], began, f"{meta.get('status')} {meta.get('outcome')}", meta.get("key") or "-")
    return "  ".join([*map(str, words), f"{meta.get('asked') or '-'} -> {served}"])


@app.command()
def show(call_id: _ID, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Everything that was recorded of one call, stage by stage."""
    folder = _folder(config)
    try:
        stages = folder.read(call_id)
    except (ValueError, Unreadable, OSError) as problem:
        typer.echo(f"{call_id} cannot be read: {problem}", err=True)
        raise typer.Exit(1) from None
    if stages is None:
        typer.echo(f"{call_id} is not in {folder.path}: not recorded, or removed since", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(stages, indent=2))
        return
    for stage in sorted(stages, key=_order):
        typer.echo(f"== {stage}")
        for line in _shown(stages[stage]):
            typer.echo(line)
        typer.echo("")


def _order(stage: str) -> tuple[int, int, bool]:
    """The order in which stages happen."""
    words = stage.split("-")
    if words[0] == "upstream":
        return 3, int(words[1]), words[2] == "answer"
    return (META, CLIENT_REQUEST, NEUTRAL, "", CLIENT_ANSWER).index(stage), 0, False


def _shown(stage: dict[str, Any]) -> list[str]:
    """Facts as ``name: value``, and the body below them, JSON made readable."""
    facts = {name: value for name, value in stage.items() if name not in ("body", "headers")}
    lines = [f"{name}: {_fact(value)}" for name, value in facts.items() if value not in (None, "")]
    lines += [f"  {name}: {value}" for name, value in stage.get("headers", {}).items()]
    return [*lines, *_body(stage["body"])] if "body" in stage else lines


def _fact(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict | bool) else str(value)


def _body(body: str) -> list[str]:
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body
    return ["", *text.encode("utf-8", "backslashreplace").decode().splitlines()]


@app.command()
def path(
    call_id: Annotated[str | None, typer.Argument(help="One call.", metavar="[ID]")] = None, config: ConfigOption = None
) -> None:
    """The folder of all records, or of one call's."""
    folder = _folder(config)
    if call_id is None:
        typer.echo(folder.path)
        return
    try:
        there = folder.place(call_id)
    except ValueError as problem:
        typer.echo(f"{call_id}: {problem}", err=True)
        raise typer.Exit(2) from None
    if not there.is_dir():
        typer.echo(f"{call_id} is not in {folder.path}: not recorded, or removed since", err=True)
        raise typer.Exit(1)
    typer.echo(there)
