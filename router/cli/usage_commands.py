"""``switchyard usage``: what calls used and cost, read from the ledger itself. Data on stdout, talk on stderr.

Exit codes: 0 done, 1 there is no ledger, 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from router.cli.config_commands import ConfigOption, JsonOption
from router.cli.ledger import moment, open_ledger
from router.clock import SystemClock
from router.money import MICRO
from router.state.usage_export import AT_ONCE, COLUMNS, every_call
from router.state.usage_reports import report, total
from router.usage.export import Fitting, Format, csv_lines, head, lines
from router.usage.lines import BY, Line

app = typer.Typer(help="What calls used and what they cost.")
Since = Annotated[str, typer.Option(help="From when: a date (2026-11-27, UTC) or a span before now (7d, 12h, 4w).")]
Until = Annotated[str | None, typer.Option(help="To when; a date is included. Default: now.")]
_COLUMNS = ("calls", "fresh_input", "cache_read", "cache_write", "output", "reasoning")


@app.callback(invoke_without_command=True)
def usage(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="key, model, day, account, provider or session.")] = "model",
    since: Since = "30d",
    until: Until = None,
    session: Annotated[str, typer.Option(help="Only calls of this session, as the story of a call names it.")] = "",
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for spreadsheets.")] = False,
    config: ConfigOption = None,
) -> None:
    """Tokens and costs by key, model, day, account, provider or session; of 30 days where nothing else is said."""
    if context.invoked_subcommand is not None:
        return
    if by not in BY:
        raise typer.BadParameter(f"must be one of {', '.join(BY)}", param_hint="--by")
    if as_json and as_csv:
        raise typer.BadParameter("goes without --json", param_hint="--csv")
    begin, end = _between(since, until)
    with open_ledger(config) as connection:
        found = report(connection, by, begin, end, session)  # type: ignore[arg-type]  # checked above
        whole = total(connection, begin, end, session)
    if as_json:
        shown = {
            "by": by,
            "since": begin,
            "until": end,
            "lines": [_facts(line) for line in found],
            "total": _facts(whole),
        }
        typer.echo(json.dumps(shown, indent=2))
    elif as_csv:
        names = [by if key == "name" else key for key in _facts(whole)]
        sys.stdout.write(csv_lines([names, *(_facts(line).values() for line in found)]))
    else:
        for row in _table(by, found, whole):
            typer.echo(row)
        for remark in _remarks(whole):
            typer.echo(remark, err=True)


@app.command()
def export(
    since: Since = "30d",
    until: Until = None,
    key: Annotated[str, typer.Option(help="Only calls of this key, by name or id.")] = "",
    model: Annotated[str, typer.Option(help="Only calls that asked for this model, or tried it.")] = "",
    provider: Annotated[str, typer.Option(help="Only calls that were sent to this provider.")] = "",
    session: Annotated[str, typer.Option(help="Only calls of this session, as the story of a call names it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with its attempts.")] = False,
    config: ConfigOption = None,
) -> None:
    """Every call of the ledger as CSV, or with its attempts as JSON lines. Costs are in micro-dollars."""
    begin, end = _between(since, until)
    form: Format = "jsonl" if as_json else "csv"
    with open_ledger(config) as connection:
        found = every_call(connection, begin, end, Fitting(key=key, model=model, provider=provider, session=session))
        some = list(islice(found, AT_ONCE))
        if not some:
            typer.echo("there are no calls in this time", err=True)
            return
        sys.stdout.write(head(form, COLUMNS))
        while some:
            sys.stdout.write(lines(form, some))
            some = list(islice(found, AT_ONCE))


def _between(since: str, until: str | None) -> tuple[float, float]:
    now = SystemClock().wall()
    begin = moment(since, now, "--since")
    end = now + 1 if until is None else moment(until, now, "--until", end=True)
    if begin >= end:
        raise typer.BadParameter("lies before --since", param_hint="--until")
    return begin, end


def _facts(line: Line) -> dict[str, Any]:
    """Money in whole micro-dollars, and in dollars for whoever does not want to divide."""
    facts = {name: getattr(line, name) for name in line.__struct_fields__ if name not in ("cost", "worth")}
    return {
        **facts,
        "cost_micro_usd": line.cost,
        "worth_micro_usd": line.worth,
        "cost_usd": line.cost / MICRO,
        "worth_usd": line.worth / MICRO,
    }


def _table(by: str, lines: Sequence[Line], whole: Line) -> Iterator[str]:
    rows = [(by, *(name.replace("_", " ") for name in _COLUMNS), "cost", "worth")]
    rows += [_cells(line) for line in (*lines, whole)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        first, *rest = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *rest])


def _cells(line: Line) -> tuple[str, ...]:
    counts = (
        line.calls,
        line.fresh_input,
        line.cache_read,
        line.cache_write_5m + line.cache_write_1h,
        line.output,
        line.reasoning,
    )
    known = "" if line.unknown == 0 else "?" if line.cost == 0 else " + ?"
    cost = known if known == "?" else f"${line.cost / MICRO:,.4f}{known}"
    return (line.name or "-", *(f"{count:,}" for count in counts), cost, f"${line.worth / MICRO:,.4f}")


def _remarks(whole: Line) -> Iterator[str]:
    if whole.calls == 0:
        yield "there are no calls in this time"
    if whole.unknown:
        yield f"?: nobody knows what {whole.unknown} of {whole.calls} calls cost (docs/usage.md, Prices)"
    if whole.estimated:
        yield f"the tokens of {whole.estimated} calls are estimates: they broke off, or their provider did not count"
    if whole.lost:
        yield f"{whole.lost} calls were lost: their router ended before they were over (they may have cost something)"
    if whole.calls:
        yield "list prices, not verified online; days are UTC; micro-dollars: --json"
