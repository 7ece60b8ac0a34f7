"""``switchyard config plan FILE``: what a settings file would change in the running gateway, in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli.options import ConfigOption, JsonOption
from router.cli.talk import Refused, Unreachable, find_place, request

FAILED, UNREACHABLE = 1, 3
_HEADS = {
    "keys": "client keys",
    "routes": "where names lead",
    "providers": "providers and accounts",
    "limits": "limits",
    "restart": "not at once (switchyard restart)",
}
_WITHIN = 60.0


def plan(
    file: Annotated[Path, typer.Argument(help="The settings file that is thought of; - reads standard input.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say what a file would change in the running gateway: settings, keys, routes, limits. Changes nothing."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        typer.echo(f"{file} cannot be read: {reason}", err=True)
        raise typer.Exit(FAILED) from None
    try:
        told = request(find_place(config), "POST", "/v0/management/config/plan", {"text": text}, timeout=_WITHIN)
    except (Unreachable, Refused) as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(UNREACHABLE if isinstance(problem, Unreachable) else FAILED) from None
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for line in _lines(told):
            typer.echo(line)
        for warning in told["warnings"]:
            typer.echo(f"warning: {warning}", err=True)
        for mistake in told["mistakes"]:
            typer.echo(_mistake(mistake), err=True)
    if not told["ok"]:
        raise typer.Exit(FAILED)


def _lines(told: Any) -> Iterator[str]:
    if told["ok"] and not told["changes"]:
        yield "nothing would change"
    for change in told["changes"]:
        yield change["told"]
    for name, head in _HEADS.items():
        sentences = told["consequences"][name]
        if sentences:
            yield from ("", f"{head}:", *(f"  {each}" for each in sentences))


def _mistake(mistake: Any) -> str:
    where = f"line {mistake['line']}, " if mistake["line"] else ""
    return " ".join(filter(None, (f"{where}{mistake['path']}: {mistake['problem']}", mistake["remedy"])))
