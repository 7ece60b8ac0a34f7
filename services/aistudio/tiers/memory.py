"""Which way of reading works, as experience tells: a way that fails twice is left out for a while. Pure."""

from __future__ import annotations

from services.aistudio.settings import Tier

FAILURES = 2
REST = 600.0
"""Seconds after which a way is tried again."""


class TierMemory:
    """The allowed ways, best first, and how each has done."""

    def __init__(self, allowed: tuple[Tier, ...]) -> None:
        order: tuple[Tier, ...] = ("network", "dom", "final")
        self._allowed = tuple(tier for tier in order if tier in allowed)
        self._failed: dict[Tier, int] = {}
        self._rests: dict[Tier, float] = {}

    def best(self, now: float) -> Tier:
        """The way that is taken first now."""
        return self.choose(self._allowed, now)

    def choose(self, possible: tuple[Tier, ...], now: float) -> Tier:
        """The best way that a page can and experience allows; the last resort is always there."""
        for tier in self._allowed:
            if tier in possible and self._rests.get(tier, 0.0) <= now:
                return tier
        return "final"

    def learn(self, chosen: Tier, used: Tier, heard: bool, now: float) -> None:
        """chosen: the way that was begun with; used: the one that brought the answer."""
        if chosen == used and (heard or chosen != "network"):
            self._failed.pop(chosen, None)
        elif chosen != used:
            self._failed[chosen] = self._failed.get(chosen, 0) + 1
            if self._failed[chosen] >= FAILURES:
                self._rests[chosen] = now + REST
                self._failed.pop(chosen)
