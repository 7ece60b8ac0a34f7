"""How long one call waits. Pure: the clock's readings come in."""

from __future__ import annotations

from msgspec import Struct


class Patience(Struct, frozen=True):
    """first: moment until which the answer must begin, whoever gives it. total: moment of the end. idle: seconds
    between two pieces. Moments are monotonic."""

    first: float
    total: float
    idle: float

    def left(self, begun: bool, now: float) -> float:
        """Seconds that the next piece may take; 0 where there is no time left."""
        end = min(self.total, now + self.idle) if begun else min(self.first, self.total)
        return max(0.0, end - now)
