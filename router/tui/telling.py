"""Numbers, money and times for people, as the dashboard writes them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from router.money import MICRO

_HARDLY = 50
"""Micro-dollars below which four places would show nothing."""


def money(micro: int | None, unknown: int = 0) -> str:
    """Micro-dollars as dollars. unknown: how many of the calls have a price that nobody knows: never shown as free."""
    if micro is None or (unknown and not micro):
        return "unknown"
    rest = " + ?" if unknown else ""
    if 0 < micro < _HARDLY:
        return f"<$0.0001{rest}"
    dollars = micro / MICRO
    return f"${dollars:,.4f}{rest}" if 0 < dollars < 1 else f"${dollars:,.2f}{rest}"


def amount(value: float, unit: str) -> str:
    """Of a budget: US dollars or tokens."""
    return money(round(value * MICRO)) if unit == "usd" else f"{value:,.0f}"


def clock(at: float) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def until(at: float | None, now: float) -> str:
    """How long until then, in the largest fitting unit."""
    return "-" if at is None else f"in {span(at - now)}"


def span(seconds: float) -> str:
    """A time that is left."""
    left = max(0, round(seconds))
    if left < 90:
        return f"{left} s"
    if left < 5400:
        return f"{left // 60} min"
    return f"{left // 3600} h" if left < 172_800 else f"{left // 86_400} d"


def took(value: float | None) -> str:
    """Seconds that something took."""
    return "-" if value is None else f"{value:.2f} s"


def share(value: float) -> str:
    """From 0 to 1 as 42%."""
    return f"{max(0.0, value):.0%}"


def sentences(*pieces: str | None) -> str:
    """Pieces of text as sentences in one line."""
    told = [each.strip() for each in pieces if each and each.strip()]
    return " ".join(each if each.endswith((".", "!", "?", "…", ":")) else f"{each}." for each in told)
