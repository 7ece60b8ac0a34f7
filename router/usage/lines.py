"""What the ledger says when it is added up: lines of a report and steps of a time series. Pure values."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from msgspec import Struct

By: TypeAlias = Literal["key", "model", "day", "account", "provider", "session"]
BY: tuple[str, ...] = get_args(By)
MOST_SESSIONS = 1000
"""Lines of a report by session: there may be any number of them, and the dearest are told."""
KINDS = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


class Line(Struct, frozen=True, kw_only=True):
    """Calls that have something in common. Tokens in disjoint kinds; cost, worth: micro-USD, as far as known.

    unknown: calls, or attempts where those are added up, whose cost nobody knows, or not all of it. estimated: those
    with such tokens. lost: those whose router ended before they were over.
    """

    name: str
    calls: int = 0
    attempts: int = 0
    fresh_input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    cost: int = 0
    worth: int = 0
    unknown: int = 0
    estimated: int = 0
    lost: int = 0


class Step(Struct, frozen=True, kw_only=True):
    """The calls that began in one step of time. at: Unix seconds of its beginning. input: caches included. output:
    reasoning included. cost: micro-USD, as far as known. unknown: calls whose cost nobody knows, or not all of it. p50,
    p95: seconds to the first word, None where nobody measured any."""

    at: float
    calls: int = 0
    failed: int = 0
    input: int = 0
    output: int = 0
    cost: int = 0
    unknown: int = 0
    p50: float | None = None
    p95: float | None = None
