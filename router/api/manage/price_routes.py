"""What models cost: the price table in force, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Annotated

from msgspec import Meta, Struct

from router.api.manage.operation import Asked, Operation
from router.gateway import Gateway
from router.usage.prices import Price, Rates, newest, rows


class RowRates(Struct, frozen=True):
    """US dollars per million tokens. tokens: a prompt of more is charged at these rates as a whole; 0: any. audio_input
    … image_output: of tokens that are no text; null where they cost what text does. service_tier: "" for the usual
    one."""

    tokens: int
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    reasoning: float
    audio_input: float | None = None
    audio_output: float | None = None
    image_input: float | None = None
    image_output: float | None = None
    service_tier: str = ""


class Each(Struct, frozen=True):
    """What one piece costs. kind: `picture`, or a tool that the provider runs. detail: its size and quality; empty
    where neither is said, `*` for any."""

    kind: str
    detail: str
    usd: float


class PriceRow(Struct, frozen=True):
    """What one model costs at one vendor. model: perhaps a pattern with `*`. rates: the plain ones first; none where
    tokens have no price. times: by service tier, what it multiplies them by. each: what is paid for by the piece.
    as_of: the month in which they were right. source: where they stand."""

    vendor: str
    model: str
    as_of: str
    source: str
    rates: list[RowRates]
    times: dict[str, float]
    each: list[Each]


class Prices(Struct, frozen=True):
    """version: the date of the table, or of several in one another's place, with `+` between. as_of: the newest of
    them. age_days: since then. known: prices in the table; found: those that fit what was asked for."""

    version: str
    as_of: str
    age_days: int
    known: int
    found: int
    prices: list[PriceRow]


class Wanted(Struct):
    """search: stands in the name of the model or the vendor, in any case. vendor: exactly."""

    search: str = ""
    vendor: str = ""
    limit: Annotated[int, Meta(ge=1, le=2000)] = 500

    def fits(self, price: Price) -> bool:
        names = f"{price.vendor}/{price.model}".lower()
        return self.search.lower() in names and self.vendor in ("", price.vendor)


class PriceDesk:
    """wall: Unix seconds."""

    def __init__(self, gateway: Gateway, wall: Callable[[], float]) -> None:
        self._gateway = gateway
        self._wall = wall

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/prices", need="viewer", name="prices", query=Wanted, answer=Prices,
                handler=self.get, summary="The price table in force: its age, and what models cost by it.",
            )
        ]  # fmt: skip

    async def get(self, asked: Asked) -> Prices:
        wanted: Wanted = asked.query
        table = self._gateway.current.tariff.table
        known = list(rows(table))
        found = [price for price in known if wanted.fits(price)]
        dated = newest(table.version)
        return Prices(
            version=table.version,
            as_of=dated.isoformat(),
            age_days=max(0, (datetime.fromtimestamp(self._wall(), UTC).date() - dated).days),
            known=len(known),
            found=len(found),
            prices=[_row(price) for price in islice(found, wanted.limit)],
        )


def _row(price: Price) -> PriceRow:
    rates, times = [], {}
    if price.by_token:
        rates = [_rates(0, price.rates), *(_rates(above, some) for above, some in reversed(price.tiers))]
    for tier, service in price.services.items():
        if isinstance(service, Decimal):
            times[tier] = float(service)
        else:
            rates.append(_rates(0, service, tier))
    each = [Each(kind, detail, float(usd)) for kind, some in price.pieces.items() for detail, usd in some.items()]
    return PriceRow(price.vendor, price.model, price.as_of, price.source, rates, times, each)


def _rates(tokens: int, rates: Rates, tier: str = "") -> RowRates:
    given = {name: getattr(rates, name) for name in Rates.__struct_fields__}
    told = {name: None if rate is None else float(rate) for name, rate in given.items()}
    return RowRates(tokens=tokens, service_tier=tier, **told)  # type: ignore[arg-type]  # those of text are given
