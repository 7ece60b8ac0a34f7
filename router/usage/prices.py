"""What tokens cost: a table of prices per million, and the arithmetic. Pure.

One US dollar per million tokens is one micro-dollar per token, so prices need no conversion. Everything is `Decimal`;
a cost is rounded once, to whole micro-dollars, when the attempt that it belongs to is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase

from msgspec import Struct

from router.wire.events import Usage

_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest|preview-\d\d-(?:\d\d|20\d\d)|00\d)$")
"""What vendors put behind a name for one version of a model, which costs the same."""


class Rates(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, for each of the disjoint kinds."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    reasoning: Decimal


class Price(Struct, frozen=True, kw_only=True):
    """What one model costs.

    tiers: (tokens, rates), the largest first: a prompt of more tokens is charged at these rates as a whole. as_of: when
    the figures were right. source: where they stand.
    """

    vendor: str
    model: str
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    as_of: str = ""
    source: str = ""

    def rates_for(self, prompt: int) -> Rates:
        """The rates of a call with so many tokens of input, caches included."""
        return next((rates for above, rates in self.tiers if prompt > above), self.rates)


class PriceTable(Struct, frozen=True, kw_only=True):
    """version: its date. vendors: prices by vendor and `spelled` name of the model, which may be a pattern with ``*``.
    like: providers of the settings that charge as a vendor does. hosts: the vendor of a server's address."""

    version: str
    vendors: Mapping[str, Mapping[str, Price]]
    like: Mapping[str, str] = {}
    hosts: Mapping[str, str] = {}

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
        vendors = {name: {**self.vendors.get(name, {}), **_rest(self, other, name)} for name in names}
        return PriceTable(
            version=f"{other.version}+{self.version}",
            vendors=vendors,
            like={**other.like, **self.like},
            hosts={**other.hosts, **self.hosts},
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


def cost(usage: Usage, price: Price) -> int:
    """Micro-USD for what was used."""
    rates = price.rates_for(usage.input)
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
    return round(total)  # halves to the even neighbour


def _among(prices: Mapping[str, Price], model: str) -> Price | None:
    name = plain(model)
    found = prices.get(spelled(model)) or prices.get(name)
    if found is None:
        found = next((price for key, price in prices.items() if "*" in key and fnmatchcase(name, key)), None)
    return found


def _rest(first: PriceTable, other: PriceTable, vendor: str) -> dict[str, Price]:
    known = first.vendors.get(vendor, {})
    return {name: price for name, price in other.vendors.get(vendor, {}).items() if name not in known}
