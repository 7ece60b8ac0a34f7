"""When a quota window will be full at its pace, as the dashboard tells it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from router.tui.telling import share, span

_NAME = re.compile(r"(\d+)([mhdw])(?:_|$)")
_LENGTHS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
APART = 120.0
"""Seconds between two looks that show a pace."""
_KEPT = 60
_EVERY = 60.0
Look = tuple[float, float]
"""When, and how much was used."""


class Guess(NamedTuple):
    """full_at: when it is full, Unix seconds, None where it will not be before its reset. left: the share then."""

    full_at: float | None = None
    left: float = 0.0


def length_of(name: str) -> float | None:
    """Seconds that a window lasts, from a name such as ``5h`` or ``7d_opus``; None where the name does not say."""
    found = _NAME.match(name)
    return float(found[1]) * _LENGTHS[found[2]] if found else None


def forecast(window: Mapping[str, Any], now: float, seen: Sequence[Look] = ()) -> Guess | None:
    """What to expect; None for no idea. seen: earlier looks, the oldest first."""
    used, resets_at = window["used"], window["resets_at"]
    if resets_at is None:
        return None
    pace = _own_pace(window["window"], used, resets_at, now)
    if pace is None:
        pace = _seen_pace(used, now, seen)
    if pace is None:
        return None
    if used >= 1:
        return Guess(full_at=now)
    at_end = used + pace * (resets_at - now)
    return Guess(full_at=now + (1 - used) / pace) if at_end >= 1 else Guess(left=1 - at_end)


def _own_pace(name: str, used: float, resets_at: float, now: float) -> float | None:
    length = length_of(name)
    if length is None:
        return None
    gone = length - (resets_at - now)
    return None if gone < length * 0.02 else float(used / gone)


def _seen_pace(used: float, now: float, seen: Sequence[Look]) -> float | None:
    first = next((look for look in seen if look[1] <= used), None)
    return (used - first[1]) / (now - first[0]) if first is not None and now - first[0] >= APART else None


def expected(window: Mapping[str, Any], now: float, seen: Sequence[Look] = ()) -> str:
    """The same in words."""
    guess = forecast(window, now, seen)
    if guess is None:
        return "-"
    if guess.full_at is None:
        return f"{share(guess.left)} will be left"
    wait = guess.full_at - now
    return "used up" if wait <= 60 else f"used up in {span(wait)}"


class Looks:
    """What windows said, for those whose pace can only be watched."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], list[Look]] = {}

    def remember(self, windows: Iterable[Mapping[str, Any]], now: float) -> None:
        """One look at all of them; those that are gone are forgotten."""
        kept: dict[tuple[str, str], list[Look]] = {}
        for each in windows:
            name = (each["account"], each["window"])
            looks = self._seen.get(name, [])
            if looks and looks[-1][1] > each["used"]:
                looks = []  # it began anew
            if not looks or now - looks[-1][0] >= _EVERY:
                looks = [*looks, (now, each["used"])]
            kept[name] = looks[-_KEPT:]
        self._seen = kept

    def of(self, window: Mapping[str, Any]) -> Sequence[Look]:
        """Earlier looks at one window."""
        return self._seen.get((window["account"], window["window"]), ())
