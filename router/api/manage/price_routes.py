"""What models cost: the price table in force, its rows, and another table in its place.

Management writes the table of the state folder alone, and never a path: which file `usage.prices` names stays the
operator's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Annotated, Literal

import yaml
from msgspec import Meta, Struct

from router.api.manage.operation import Asked, Operation, Refused
from router.config_history import ConfigHistory, Stale, Version, digest_of
from router.gateway import Gateway
from router.plain_yaml import LOADER
from router.snapshot import price_files
from router.usage.price_file import PriceMistakes, load, read, read_file, shipped, under
from router.usage.prices import Price, PriceTable, Rates, newest, rows

LONGEST = 1024 * 1024
_TOLD = 5
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


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
    them. age_days: since then. known: prices in the table; found: those that fit what was asked for. source: whose
    table it is. own: whether one of the settings (`usage.prices`) lies above it. digest: SHA-256 of the file in the
    state folder, of nothing where there is none; `PUT` wants it."""

    version: str
    as_of: str
    age_days: int
    known: int
    found: int
    source: Literal["shipped", "state"]
    own: bool
    digest: str
    prices: list[PriceRow]


class Wanted(Struct):
    """search: stands in the name of the model or the vendor, in any case. vendor: exactly."""

    search: str = ""
    vendor: str = ""
    limit: Annotated[int, Meta(ge=1, le=2000)] = 500

    def fits(self, price: Price) -> bool:
        names = f"{price.vendor}/{price.model}".lower()
        return self.search.lower() in names and self.vendor in ("", price.vendor)


class NewPrices(Struct, forbid_unknown_fields=True):
    """text: a whole table, as `docs/usage.md` tells. digest: of the one that was read."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    digest: Digest


class Back(Struct, forbid_unknown_fields=True):
    """id: of the history. digest: of the table that was read."""

    id: Annotated[str, Meta(min_length=1, max_length=100)]
    digest: Digest


class PutInForce(Struct, frozen=True):
    """version: of the table that is in force now, that of the settings with it. missing: vendors that had prices
    before and have none now."""

    version: str
    known: int
    digest: str
    missing: list[str]


class PriceHistory(Struct, frozen=True):
    """The newest first; one of size 0 stands for the shipped table."""

    versions: list[Version]


class PriceDesk:
    """history: of the table in the state folder. apply: puts in force what was written. wall: Unix seconds."""

    def __init__(
        self, gateway: Gateway, history: ConfigHistory, apply: Callable[[], Awaitable[None]], wall: Callable[[], float]
    ) -> None:
        self._gateway = gateway
        self._history = history
        self._apply = apply
        self._wall = wall

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/prices", need="viewer", name="prices", query=Wanted, answer=Prices,
                handler=self.get, summary="The price table in force: its age, and what models cost by it.",
            ),
            Operation(
                method="PUT", path="/prices", need="admin", name="prices_put", body=NewPrices, answer=PutInForce,
                handler=self.put, audited=True, size=2 * LONGEST,
                summary="Put another table in the place of the shipped one, if it is not older than what is in force.",
            ),
            Operation(
                method="GET", path="/prices/history", need="operator", name="prices_history", answer=PriceHistory,
                handler=self.versions, summary="Tables that were replaced.",
            ),
            Operation(
                method="POST", path="/prices/rollback", need="admin", name="prices_rollback", body=Back,
                answer=PutInForce, handler=self.back, audited=True, summary="Put one of them in force again.",
            ),
        ]  # fmt: skip

    async def get(self, asked: Asked) -> Prices:
        wanted: Wanted = asked.query
        table = self._gateway.current.tariff.table
        text, kept = await asyncio.to_thread(self._kept)
        known = list(rows(table))
        found = [price for price in known if wanted.fits(price)]
        dated = newest(table.version)
        return Prices(
            version=table.version,
            as_of=dated.isoformat(),
            age_days=max(0, (datetime.fromtimestamp(self._wall(), UTC).date() - dated).days),
            known=len(known),
            found=len(found),
            source="state" if kept and kept in table.version.split("+") else "shipped",
            own=self._gateway.current.settings.usage.prices is not None,
            digest=digest_of(text),
            prices=[_row(price) for price in islice(found, wanted.limit)],
        )

    def _kept(self) -> tuple[str, str]:
        """The table in the state folder and its version, "" where there is none, or none that counts. On a thread."""
        text = self._history.text()
        try:
            return text, read(text, "").version if text else ""
        except PriceMistakes:
            return text, ""

    async def put(self, asked: Asked) -> PutInForce:
        text: str = asked.body.text
        before = self._gateway.current.tariff.table
        await asyncio.to_thread(self._refuse, text, newest_first=True)
        return await self._in_force(text, asked.body.digest, asked.who.key.name, before)

    async def versions(self, asked: Asked) -> PriceHistory:
        return PriceHistory(await asyncio.to_thread(self._history.versions))

    async def back(self, asked: Asked) -> PutInForce:
        text = await asyncio.to_thread(self._history.version, asked.body.id)
        if text is None:
            raise Refused(404, f"There is no table {asked.body.id[:100]!r}.")
        before = self._gateway.current.tariff.table
        if text:
            await asyncio.to_thread(self._refuse, text, newest_first=False)
        return await self._in_force(text or None, asked.body.digest, asked.who.key.name, before)

    def _refuse(self, text: str, *, newest_first: bool) -> None:
        """Raises `Refused` for a table that cannot be in force. On a thread: it reads files."""
        state_dir, own = price_files(self._gateway.current.settings)
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=LOADER)):
                raise Refused(
                    400, "The price table has an alias (*name), which management does not take: write it out."
                )
            table = read(text, "that was sent")
            if own is not None:
                under(table, own)
            base = read_file(shipped()) if not newest_first else load(state_dir, None)
        except (yaml.YAMLError, RecursionError):
            raise Refused(400, "The price table is not valid YAML.") from None
        except PriceMistakes as problem:
            raise Refused(400, _shortened(problem)) from None
        if table.version < base.version:
            raise Refused(
                409, f"The table is of {table.version}, older than {base.version}, which is in force: newer ones win."
            )

    async def _in_force(self, text: str | None, digest: str, who: str, before: PriceTable) -> PutInForce:
        try:
            new = await asyncio.to_thread(self._history.put, text, digest, who)
        except Stale:
            raise Refused(409, "The table has changed meanwhile. Read it again and repeat the change.") from None
        await self._apply()
        if self._gateway.config_error is not None:
            raise Refused(503, f"The table is written, but not in force: {self._gateway.config_error}")
        table = self._gateway.current.tariff.table
        missing = sorted({*before.vendors} - {*table.vendors})
        return PutInForce(table.version, sum(1 for _ in rows(table)), new, missing)


def _shortened(problem: PriceMistakes) -> str:
    told = "; ".join(problem.mistakes[:_TOLD])
    more = f"; and {len(problem.mistakes) - _TOLD} more" if len(problem.mistakes) > _TOLD else ""
    return f"The price table cannot be used: {told}{more}"[:2000]


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
