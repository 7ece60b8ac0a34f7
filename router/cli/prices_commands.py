"""``switchyard prices``: show what models cost, and take over a newer table.

Exit codes: 0 done, 1 nobody knows the model, or a table cannot be used, 2 wrong usage.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from router import places
from router.cli.audited import note
from router.cli.config_commands import ConfigOption, JsonOption, settings_or_exit, state_dir
from router.usage.price_file import NAME, PriceMistakes, load, read_file
from router.usage.prices import NOT_TEXT, Price, PriceTable, Rates, rows

app = typer.Typer(help="Show the price table, or take over another one.", no_args_is_help=True)


@app.command()
def show(
    model: Annotated[str | None, typer.Argument(help="Only this one, at every vendor that has it.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the prices in force, in US dollars per million tokens and per piece, with their month and page."""
    loaded, _ = settings_or_exit(config, need_key=False)
    own = loaded.settings.usage.prices
    try:
        table = load(state_dir(loaded), None if own is None else places.in_checkout(own))
    except PriceMistakes as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    found = [price for price in rows(table) if model is None or _is(table, price, model)]
    if as_json:
        typer.echo(json.dumps({"version": table.version, "prices": [_facts(price) for price in found]}, indent=2))
    else:
        for price in found:
            typer.echo(_line(price))
            for above, rates in price.tiers:
                typer.echo(f"{'':<50} above {above:,}: {_told(rates)}")
            for name, service in price.services.items():
                told = f"{service:g} times" if isinstance(service, Decimal) else _told(service)
                typer.echo(f"{'':<50} {name}: {told}")
            for kind, each in price.pieces.items():
                typer.echo(f"{'':<50} {kind}: {'  '.join(_piece(detail, usd) for detail, usd in each.items())}")
        typer.echo(f"table of {table.version}; list prices, not verified online", err=True)
    if not found:
        typer.echo(f"nobody knows what {model} costs; say it in a table of your own (docs/usage.md)", err=True)
        raise typer.Exit(1)


@app.command()
def update(
    file: Annotated[str, typer.Argument(help="A price table, as docs/usage.md tells.")],
    config: ConfigOption = None,
) -> None:
    """Check a price table and put it in the place of the shipped one. A running gateway takes it over by itself."""
    loaded, _ = settings_or_exit(config, need_key=False)
    folder = state_dir(loaded)
    try:
        table = read_file(Path(file).expanduser())
        before = load(folder, None)
        if table.version < before.version:
            typer.echo(f"{file} is of {table.version}, older than {before.version}, which is in force", err=True)
            raise typer.Exit(1)
        _put(folder / NAME, Path(file).expanduser().read_text(encoding="utf-8"))
    except PriceMistakes as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"the table cannot be written: {error}", err=True)
        raise typer.Exit(1) from None
    note(folder, "prices_put", f"prices of {table.version}", f"before: {before.version}")
    typer.echo(f"{folder / NAME}: {sum(1 for _ in rows(table))} prices of {table.version}")
    missing = sorted({*before.vendors} - {*table.vendors})
    if missing:
        typer.echo(f"it has nothing for {', '.join(missing)}, which are without a price now", err=True)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _is(table: PriceTable, price: Price, model: str) -> bool:
    """A pattern names no model, so that it does not answer for one."""
    found = table.find(price.vendor, model)
    return found is not None and found.model == price.model and "*" not in price.model


def _facts(price: Price) -> dict[str, Any]:
    def rates(some: Rates) -> dict[str, float]:
        given = {name: getattr(some, name) for name in some.__struct_fields__}
        return {name: float(rate) for name, rate in given.items() if rate is not None}

    tiers = [{"tokens": above, **rates(some)} for above, some in price.tiers]
    facts = {"vendor": price.vendor, "model": price.model, "as_of": price.as_of, "source": price.source}
    services = {
        name: float(each) if isinstance(each, Decimal) else rates(each) for name, each in price.services.items()
    }
    pieces = {
        kind: {detail or "default": float(usd) for detail, usd in each.items()} for kind, each in price.pieces.items()
    }
    tokens = rates(price.rates) if price.by_token else {}
    return {**facts, **tokens, "above": tiers, "service_tiers": services, "each": pieces}


def _line(price: Price) -> str:
    tokens = _told(price.rates, caches=True) if price.by_token else "by the piece"
    return f"{f'{price.vendor}/{price.model}':<44} {tokens}  ({price.as_of}, {price.source})"


def _told(rates: Rates, *, caches: bool = False) -> str:
    """Reasoning and what is no text only where it costs something else."""
    parts = [f"input {rates.input:g}"]
    if caches:
        parts.append(f"cache read {rates.cache_read:g}")
        parts.append(f"cache write {rates.cache_write_5m:g}/{rates.cache_write_1h:g}")
    parts.append(f"output {rates.output:g}")
    if rates.reasoning != rates.output:
        parts.append(f"reasoning {rates.reasoning:g}")
    for name in NOT_TEXT:
        rate = getattr(rates, name)
        if rate is not None:
            parts.append(f"{name.replace('_', ' ')} {rate:g}")
    return "  ".join(parts)


def _piece(detail: str, usd: Decimal) -> str:
    return f"{usd:g}" if detail == "*" else f"{detail or 'default'} {usd:g}"
