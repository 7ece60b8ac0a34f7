"""Places of one limit and the bounded line before them: who gets a place, who waits, who is refused. Pure.

The order is fixed when a call joins: an interactive call stands where it came, a batch call as if it had come `AGING`
seconds later. So interactive calls go first, equal ones in the order in which they came, and nobody starves: a batch
call is passed only by interactive calls that came at most `AGING` seconds after it.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from msgspec import Struct

from router.call import Priority

AGING = 10.0
"""Seconds by which an interactive call may come later than a batch call and still go before it."""


class Bounds(Struct, frozen=True):
    """most: calls that run at once, None for any number. queue: calls that may wait for a place."""

    most: int | None
    queue: int = 0


class Joined(Struct, frozen=True):
    """What became of a call that wanted to wait. ticket: its own, None where the line is full. displaced: the ticket of
    the call that had to leave for it."""

    ticket: int | None
    displaced: int | None = None


class Line:
    """Who has a place and who waits. Every place that was taken or called is given back once, with `release`."""

    __slots__ = ("_numbers", "_order", "_ranks", "bounds", "running")

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.running = 0
        self._order: list[tuple[float, int]] = []  # (rank, ticket), the next one first
        self._ranks: dict[int, float] = {}
        self._numbers = 0

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._order)

    def take(self) -> bool:
        """A place at once: only where one is free and nobody waits for it."""
        if self._order or not self._free():
            return False
        self.running += 1
        return True

    def join(self, priority: Priority, now: float) -> Joined:
        """Wait for a place. now: seconds of a clock that never goes back.

        Where the line is full, the last one leaves it for a call that comes before it: a batch call that has not waited
        `AGING` seconds yet, for an interactive one."""
        rank = now if priority == "interactive" else now + AGING
        displaced: int | None = None
        if len(self._order) >= self.bounds.queue:
            if not self._order or self._order[-1][0] <= rank:
                return Joined(None)
            displaced = self._order[-1][1]
            self.leave(displaced)
        self._numbers += 1
        self._ranks[self._numbers] = rank
        insort(self._order, (rank, self._numbers))
        return Joined(self._numbers, displaced)

    def leave(self, ticket: int) -> bool:
        """Wait no longer. False where the ticket does not wait (any more)."""
        rank = self._ranks.pop(ticket, None)
        if rank is None:
            return False
        del self._order[bisect_left(self._order, (rank, ticket))]
        return True

    def call(self) -> int | None:
        """The next one that waits, which has a place from now on; None where nobody waits or no place is free."""
        if not self._order or not self._free():
            return None
        _, ticket = self._order.pop(0)
        del self._ranks[ticket]
        self.running += 1
        return ticket

    def release(self) -> None:
        """One place is free again. Whoever waits is to be called now."""
        if self.running == 0:
            raise ValueError("a place was given back that nobody had")
        self.running -= 1

    def _free(self) -> bool:
        return self.bounds.most is None or self.running < self.bounds.most
