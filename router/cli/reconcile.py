"""``switchyard reconcile``: the ledger beside a provider's invoice."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import typer

from router.cli.ledger import open_ledger
from router.state.usage_reports import days_of_models
from router.usage.reconcile import CannotRead, Sum, compare, lines, read, together


def reconcile(
    file: str,
    names: Mapping[str, str | None],
    provider: str | None,
    tolerance: float,
    *,
    as_json: bool,
    config: str | None,
) -> int:
    """0: they agree. 1: they do not, or something cannot be read."""
    try:
        with Path(file).expanduser().open(encoding="utf-8-sig", newline="") as opened:
            theirs = read(opened, names)
    except (OSError, UnicodeDecodeError, csv.Error, CannotRead) as error:
        typer.echo(f"{file} cannot be used: {error}", err=True)
        return 1
    first, last = min(day for day, _ in theirs), max(day for day, _ in theirs)
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    end = datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1)
    with open_ledger(config) as connection:
        found = days_of_models(connection, begin.timestamp(), end.timestamp(), provider)
    ours = together(
        (
            each.day,
            each.model,
            Sum(input=each.input, output=each.output, cost=each.cost, estimated=each.estimated, unknown=each.unknown),
        )
        for each in found
        if each.input or each.output or each.cost or each.unknown
    )
    differences = compare(ours, theirs, tolerance)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(differences), indent=2))
    else:
        for line in lines(differences):
            typer.echo(line)
    return 0 if all(each.same for each in differences) else 1
