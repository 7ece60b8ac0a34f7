"""How long to wait before a router is dialled again. Pure: chance comes in."""

from __future__ import annotations

import random

FIRST = 0.5
LONGEST = 30.0


class Backoff:
    """Seconds: doubling from the first to the longest, each shortened by up to a half by chance."""

    def __init__(self, chance: random.Random, first: float = FIRST, longest: float = LONGEST) -> None:
        self._chance = chance
        self._first = first
        self._longest = longest
        self._failures = 0

    def failed(self) -> float:
        """The next wait, after another failure."""
        full: float = min(self._first * 2.0 ** min(self._failures, 16), self._longest)
        self._failures += 1
        return full * (1 - 0.5 * self._chance.random())

    def refused(self) -> float:
        """The wait after a router has said that it does not want this service: nothing changes soon by itself."""
        self._failures = 16
        return self.failed()

    def worked(self) -> None:
        """The router has taken the service."""
        self._failures = 0
