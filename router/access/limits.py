"""What a client key may use, and the words for it. Values only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from router.money import MICRO

Period: TypeAlias = Literal["minute", "day", "month"]
Unit: TypeAlias = Literal["requests", "tokens", "usd"]


class Cap(Struct, frozen=True):
    """One limit. most: requests, tokens, or micro-USD."""

    name: str
    unit: Unit
    period: Period
    most: int


class KeyLimits(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """None: no limit. usd: micro-USD. soft: the share of a limit from which its use is told."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_day: int | None = None
    usd_per_month: int | None = None
    soft: float = 0.8

    @property
    def nothing(self) -> bool:
        """Whether no limit is set at all."""
        return not any(self.caps())

    @property
    def in_dollars(self) -> bool:
        """Whether one of them is a sum of money."""
        return self.usd_per_day is not None or self.usd_per_month is not None

    def caps(self) -> Iterator[Cap]:
        """Those that are set, the shortest period first."""
        for name, unit, period in _CAPS:
            most: int | None = getattr(self, name)
            if most is not None:
                yield Cap(name, unit, period, most)


_CAPS: tuple[tuple[str, Unit, Period], ...] = (
    ("requests_per_minute", "requests", "minute"),
    ("tokens_per_minute", "tokens", "minute"),
    ("tokens_per_day", "tokens", "day"),
    ("usd_per_day", "usd", "day"),
    ("tokens_per_month", "tokens", "month"),
    ("usd_per_month", "usd", "month"),
)


class InDollars(Protocol):
    """Limits as people write them: in the settings, in a request of the management API."""

    @property
    def requests_per_minute(self) -> int | None: ...

    @property
    def tokens_per_minute(self) -> int | None: ...

    @property
    def tokens_per_day(self) -> int | None: ...

    @property
    def tokens_per_month(self) -> int | None: ...

    @property
    def usd_per_day(self) -> float | None: ...

    @property
    def usd_per_month(self) -> float | None: ...

    @property
    def soft(self) -> float: ...


def limits_in_dollars(wanted: InDollars) -> KeyLimits | None:
    """The same in micro-USD; None where nothing is limited."""
    made = KeyLimits(
        requests_per_minute=wanted.requests_per_minute,
        tokens_per_minute=wanted.tokens_per_minute,
        tokens_per_day=wanted.tokens_per_day,
        tokens_per_month=wanted.tokens_per_month,
        usd_per_day=micro(wanted.usd_per_day),
        usd_per_month=micro(wanted.usd_per_month),
        soft=wanted.soft,
    )
    return None if made.nothing else made


def lower_limits(first: KeyLimits | None, second: KeyLimits | None) -> KeyLimits | None:
    """The lower of each limit."""
    if first is None or second is None:
        return first or second
    given = {name: [getattr(one, name) for one in (first, second)] for name in KeyLimits.__struct_fields__}
    return msgspec.convert({name: min(filter(None, values), default=None) for name, values in given.items()}, KeyLimits)


def amount(value: float, unit: Unit) -> str:
    """``1.25 USD``, ``0.0021 USD``, ``1,200 tokens``."""
    if unit != "usd":
        return f"{value:,.0f} {unit}"
    cents = value >= MICRO or value % (MICRO // 100) == 0
    return f"{value / MICRO:.{2 if cents else 4}f} USD"


def micro(usd: float | None) -> int | None:
    """US dollars as micro-USD."""
    return None if usd is None else max(1, round(usd * MICRO))
