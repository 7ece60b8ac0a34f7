"""Minutes, days and months of limits. Days and months are those of UTC; times are Unix seconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from router.access.limits import Period

MINUTE = 60.0


def day_of(at: float) -> str:
    """``2026-11-30``; its first seven characters are the month."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def since(period: Period, now: float) -> str:
    """What the names of all days of this day or of this month begin with."""
    today = day_of(now)
    return today if period == "day" else today[:7]


def starts(now: float) -> tuple[float, float]:
    """When this day and this month began."""
    today = _midnight(now)
    return today.timestamp(), today.replace(day=1).timestamp()


def end_of(period: Period, now: float) -> float:
    """When this day or this month ends."""
    today = _midnight(now)
    if period == "day":
        return (today + timedelta(days=1)).timestamp()
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1).timestamp()


def _midnight(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
