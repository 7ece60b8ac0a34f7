"""What the configured providers charge: which prices are theirs, and the cost of a whole call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from router.call import Record, Try
from router.providers.config import Kind, ProviderConfig
from router.usage.prices import EVERYTHING, Price, PriceTable, charge
from router.wire.splice import together

_METERED: Mapping[Kind, str] = MappingProxyType(
    {
        "openai": "openai",
        "anthropic": "anthropic",
        "gemini": "gemini",
        "vertex": "gemini",
        "openai-compatible": "",
        "anthropic-compatible": "",
    }
)
"""Kinds of providers that charge by the token, and whose prices they have where nothing else is known. The others are
subscriptions, browser sessions and the demo: a call costs nothing more than what they cost anyway."""

_REMEMBERED = 4096
_MOST = 10**12
"""Tokens that nobody can have used in one attempt; some servers count oddly, and sums must stay in their columns."""
_FREE_TO_ASK = frozenset({"count_tokens", "models"})


class Charged(Struct, frozen=True):
    """How one provider charges. vendor: whose prices; "" for unknown. metered: by the token. demo: never."""

    vendor: str
    metered: bool
    demo: bool = False


class Tariff:
    """The prices of one version of the settings."""

    def __init__(self, table: PriceTable, providers: Sequence[ProviderConfig]) -> None:
        self.table = table
        self._charged = {each.id: _charged(each, table) for each in providers}
        self._known: dict[tuple[str, str], Price | None] = {}

    def remember(self, earlier: Tariff) -> None:
        """Calls of providers that the settings have no more may still be in the middle."""
        for provider, charged in earlier._charged.items():
            self._charged.setdefault(provider, charged)

    def price(self, provider: str, model: str) -> Price | None:
        """The list price of a model as this provider has it. None: unknown."""
        key = (provider, model)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:  # names come from clients
                self._known.clear()
            self._known[key] = self._find(provider, model)
        return self._known[key]

    def metered(self, provider: str) -> bool:
        """Whether a call of this provider is paid for by the token."""
        charged = self._charged.get(provider)
        return charged is None or charged.metered

    def known(self, provider: str, model: str) -> bool:
        """Whether what a call of this model costs here is known: nothing, or by a price."""
        return not self.metered(provider) or self.price(provider, model) is not None

    def per_token(self, provider: str, model: str) -> float | None:
        """What tokens of a model cost here, for comparing: US dollars for four million, three of them input. 0 for a
        provider that is not paid by the token; None: unknown."""
        if not self.metered(provider):
            return 0.0
        price = self.price(provider, model)
        return None if price is None or not price.by_token else float(3 * price.rates.input + price.rates.output)

    def settle(self, record: Record) -> None:
        """Put what the call costs into its record and its attempts."""
        record.prices = self.table.version
        if len(record.tries) == 1 and record.tries[0].usage is not None:  # nearly all of them
            made = self._priced(_sane(record.tries[0]), record.surface)
            record.tries = [made]
            record.usage, record.cost, record.worth, record.unpriced = made.usage, made.cost, made.worth, made.unpriced
            return
        shares = record.shares()
        if shares and not any(attempt.usage is not None for attempt in record.tries):
            served = next((at for at, attempt in enumerate(record.tries) if attempt.outcome == "ok"), None)
            if served is None:
                record.tries.append(shares[0])
            else:
                record.tries[served] = replace(record.tries[served], usage=record.usage)
        record.tries = [self._priced(_sane(attempt), record.surface) for attempt in record.tries]
        used = [attempt.usage for attempt in record.tries if attempt.usage is not None]
        record.usage = reduce(together, used) if used else None
        record.cost = _sum(attempt.cost for attempt in record.tries)
        record.worth = _sum(attempt.worth for attempt in record.tries)
        record.unpriced = tuple(dict.fromkeys(name for attempt in record.tries for name in attempt.unpriced))

    def _priced(self, attempt: Try, surface: str) -> Try:
        """A failed attempt without usage costs nothing; what a good one without usage costs, nobody knows."""
        usage, provider = attempt.usage, attempt.provider
        charged = self._charged.get(provider)
        if (charged is not None and charged.demo) or (
            usage is None and (attempt.outcome != "ok" or surface in _FREE_TO_ASK)
        ):
            return replace(attempt, cost=0, worth=0)
        price = self.price(provider, attempt.model) if usage is not None else None
        worth = charge(usage, price) if usage is not None and price is not None else EVERYTHING
        if not self.metered(provider):
            return replace(attempt, cost=0, worth=worth.cost)
        return replace(attempt, cost=worth.cost, worth=worth.cost, unpriced=worth.unpriced)

    def _find(self, provider: str, model: str) -> Price | None:
        charged = self._charged.get(provider)
        if charged is None:
            return None
        if charged.vendor:
            return self.table.find(charged.vendor, model)
        return None if charged.metered else self.table.find_anywhere(model)


def _charged(provider: ProviderConfig, table: PriceTable) -> Charged:
    """Named by the table itself, else a vendor by its name, else by the address, else by the kind."""
    metered = provider.kind in _METERED
    if provider.id in table.like:
        return Charged(table.like[provider.id], metered)
    if not metered:
        return Charged("", False, provider.kind == "demo")
    if provider.id in table.vendors:
        return Charged(provider.id, True)
    by_host = next((table.hosts[host] for host in map(_host, provider.base_urls) if host in table.hosts), "")
    return Charged(by_host or _METERED[provider.kind], True)


def _sane(attempt: Try) -> Try:
    """The same, with no count that is out of this world."""
    usage = attempt.usage
    if usage is None or (usage.total <= _MOST and usage.cache_read <= _MOST and usage.cache_write <= _MOST):
        return attempt
    counts = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
    cut = {name: min(getattr(usage, name), _MOST) for name in counts}
    return replace(attempt, usage=replace(usage, **cut, estimated=True))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _sum(parts: Iterable[int | None]) -> int | None:
    """All together; None where one is unknown."""
    total = 0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


NOTHING_KNOWN = Tariff(PriceTable(version="", vendors={}), ())
"""No prices at all."""
