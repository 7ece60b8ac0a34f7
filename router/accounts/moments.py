"""Points in time as account files write them: RFC 3339, epoch seconds, epoch milliseconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

_MILLISECONDS = 1e11
"""Numbers from here on count milliseconds: as seconds this is the year 5138, as milliseconds 1973."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(value: Any) -> float | None:
    """Unix seconds; None for what is no time, and for the zero time of Go (year 1). A time without a zone is UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _number(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        moment = datetime.fromisoformat(text) if len(text) >= 8 and not text.isdigit() else None
    except ValueError:
        moment = None
    if moment is None:
        return _number(int(text)) if text.isascii() and text.isdigit() and len(text) < 20 else None
    try:
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        return None
    return seconds if seconds >= 0 else None


def write_moment(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, exact to a microsecond. None for what no calendar can say: it never comes."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        return (_EPOCH + timedelta(seconds=max(seconds, 0.0))).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def _number(value: float) -> float | None:
    try:
        seconds = float(value)
    except OverflowError:
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    return seconds / 1000 if seconds >= _MILLISECONDS else seconds
