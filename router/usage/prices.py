"""What calls cost: a table of prices per million tokens and per piece, and the arithmetic. Pure.

One US dollar per million tokens is one micro-dollar per token, so prices need no conversion. Everything is `Decimal`;
a cost is rounded once, to whole micro-dollars, when the attempt that it belongs to is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.money import MICRO
from router.wire.charges import NOTHING, PICTURE, Item
from router.wire.events import Usage

_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest|preview-\d\d-(?:\d\d|20\d\d)|00\d)$")
"""What vendors put behind a name for one version of a model, which costs the same."""


class Rates(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, for each of the disjoint kinds. audio_input … image_output: for tokens of input
    and output that are no text; None where they cost what text does."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    reasoning: Decimal
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None

    def times(self, multiple: Decimal) -> Rates:
        """All of them, so many times."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return Rates(**{name: rate * multiple for name, rate in given.items() if rate is not None})


NOT_TEXT = ("audio_input", "audio_output", "image_input", "image_output")
Pieces: TypeAlias = Mapping[str, Mapping[str, Decimal]]
"""US dollars for a piece, by its kind and detail; the detail ``*`` is any."""


class Price(Struct, frozen=True, kw_only=True):
    """What one model costs.

    tiers: (tokens, rates), the largest first: a prompt of more tokens is charged at these rates as a whole. services:
    by service tier, a multiple of these, or rates of its own. pieces: what is paid for each. by_token: whether the
    rates are prices; else only pieces have any. as_of: when the figures were right. source: where they stand.
    """

    vendor: str
    model: str
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    services: Mapping[str, Decimal | Rates] = {}
    pieces: Pieces = {}
    by_token: bool = True
    as_of: str = ""
    source: str = ""

    def rates_for(self, prompt: int) -> Rates:
        """The rates of a call with so many tokens of input, caches included."""
        return next((rates for above, rates in self.tiers if prompt > above), self.rates)

    def rates_in(self, tier: str, prompt: int) -> Rates | None:
        """The same in a service tier, None where nobody knows."""
        if not tier:
            return self.rates_for(prompt)
        service = self.services.get(tier)
        return self.rates_for(prompt).times(service) if isinstance(service, Decimal) else service

    def piece(self, item: Item) -> Decimal | None:
        """US dollars for one, None where nobody knows."""
        prices = self.pieces.get(item.kind, {})
        return prices.get(item.detail, prices.get("*"))


class Common(Struct, frozen=True):
    """What all models of a vendor have where their rows do not say it. As of `Price`."""

    services: Mapping[str, Decimal | Rates] = {}
    pieces: Pieces = {}

    def under(self, price: Price) -> Price:
        """A row, with what it does not say from here."""
        return replace(price, services={**self.services, **price.services}, pieces={**self.pieces, **price.pieces})

    def above(self, price: Price) -> Price:
        """A row of another table, with what is said here in its place."""
        return replace(price, services={**price.services, **self.services}, pieces={**price.pieces, **self.pieces})


class PriceTable(Struct, frozen=True, kw_only=True):
    """version: its date. vendors: prices by vendor and `spelled` name of the model, which may be a pattern with ``*``.
    like: providers of the settings that charge as a vendor does. hosts: the vendor of a server's address. common: by
    vendor; rows have it already."""

    version: str
    vendors: Mapping[str, Mapping[str, Price]]
    like: Mapping[str, str] = {}
    hosts: Mapping[str, str] = {}
    common: Mapping[str, Common] = {}

    def find(self, vendor: str, model: str) -> Price | None:
        """The price of a model at one vendor. None: nobody knows it."""
        prices = self.vendors.get(vendor)
        return _among(prices, model) if prices else None

    def find_anywhere(self, model: str) -> Price | None:
        """The price of a model at its maker's, whoever that is."""
        return next((price for prices in self.vendors.values() if (price := _among(prices, model)) is not None), None)

    def over(self, other: PriceTable) -> PriceTable:
        """This table before another one: its prices win, the other's fill in."""
        names = (*self.vendors, *(name for name in other.vendors if name not in self.vendors))
        vendors = {}
        for name in names:
            mine, theirs = self.common.get(name, Common()), other.common.get(name, Common())
            own = {key: theirs.under(price) for key, price in self.vendors.get(name, {}).items()}
            vendors[name] = own | {key: mine.above(price) for key, price in _rest(self, other, name).items()}
        return PriceTable(
            version=f"{other.version}+{self.version}",
            vendors=vendors,
            like={**other.like, **self.like},
            hosts={**other.hosts, **self.hosts},
            common={**other.common, **self.common},
        )


def rows(table: PriceTable) -> Iterator[Price]:
    """Each price once, whatever other names it has."""
    for prices in table.vendors.values():
        yield from (price for name, price in prices.items() if name == spelled(price.model))


def newest(version: str) -> date:
    """version: of one table, or of several in one another's place; the newest counts."""
    return max(date.fromisoformat(each) for each in version.split("+"))


def spelled(model: str) -> str:
    """A model's name in one spelling, where vendors have several: without a maker in front, dots as dashes."""
    return model.lower().rpartition("/")[2].replace(".", "-")


def plain(model: str) -> str:
    """The same without what tells one version of a model from another."""
    return _DATE.sub("", spelled(model))


def versionless(model: str) -> str:
    """A model's name as people write it, without a maker in front and a version behind."""
    return _DATE.sub("", model.lower().rpartition("/")[2])


class Charged(Struct, frozen=True):
    """cost: micro-USD as far as prices are known, None where tokens have none. unpriced: names of what has no price."""

    cost: int | None
    unpriced: tuple[str, ...] = ()


EVERYTHING = Charged(None, ("everything",))


def charge(usage: Usage, price: Price) -> Charged:
    """What was used at this price."""
    also = usage.charges
    if also is None and price.by_token:  # nearly all calls
        return Charged(cost(usage, price))
    also = also or NOTHING
    pieces, unknown = Decimal(0), list[str]()
    counted = usage.total > 0 and price.by_token
    for item in also.items:
        each = price.piece(item)
        if each is not None:
            pieces += item.count * each * MICRO
        elif item.kind != PICTURE or not counted:  # pictures are paid for each, or by their tokens
            unknown.append(item.name)
    if not price.by_token:
        if not any(item.kind == PICTURE for item in also.items):
            return EVERYTHING
        return Charged(None if unknown and not pieces else round(pieces), tuple(unknown))
    rates = price.rates_in(also.tier, usage.input)
    if rates is None:
        return Charged(None, (f"service tier {also.tier}", *unknown))
    total = round(_tokens(usage, rates) + _beyond_text(usage, rates) + pieces)
    return Charged(None if unknown and not total else total, tuple(unknown))


def cost(usage: Usage, price: Price) -> int:
    """Micro-USD for tokens of text in the usual service."""
    return round(_tokens(usage, price.rates_for(usage.input)))  # halves to the even neighbour


def _tokens(usage: Usage, rates: Rates) -> Decimal:
    reasoning = min(usage.reasoning, usage.output)
    total = usage.fresh_input * rates.input + (usage.output - reasoning) * rates.output
    if usage.cache_read:  # most calls have few of these kinds, and this is done for every call
        total += usage.cache_read * rates.cache_read
    if usage.cache_write_5m:
        total += usage.cache_write_5m * rates.cache_write_5m
    if usage.cache_write_1h:
        total += usage.cache_write_1h * rates.cache_write_1h
    if reasoning:
        total += reasoning * rates.reasoning
    return total


def _beyond_text(usage: Usage, rates: Rates) -> Decimal:
    """What audio and pictures cost more than text would. Caches hold text first, so that fresh tokens are not."""
    also, more = usage.charges or NOTHING, Decimal(0)
    heard = min(also.audio_input, usage.fresh_input)
    shown = min(also.image_input, usage.fresh_input - heard)
    written = usage.output - min(usage.reasoning, usage.output)
    spoken = min(also.audio_output, written)
    drawn = min(also.image_output, written - spoken)
    for tokens, rate, text in (
        (heard, rates.audio_input, rates.input),
        (shown, rates.image_input, rates.input),
        (spoken, rates.audio_output, rates.output),
        (drawn, rates.image_output, rates.output),
    ):
        if rate is not None:
            more += tokens * (rate - text)
    return more


def _among(prices: Mapping[str, Price], model: str) -> Price | None:
    name = plain(model)
    found = prices.get(spelled(model)) or prices.get(name)
    if found is None:
        found = next((price for key, price in prices.items() if "*" in key and fnmatchcase(name, key)), None)
    return found


def _rest(first: PriceTable, other: PriceTable, vendor: str) -> dict[str, Price]:
    known = first.vendors.get(vendor, {})
    return {name: price for name, price in other.vendors.get(vendor, {}).items() if name not in known}
