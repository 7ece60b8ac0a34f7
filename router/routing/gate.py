"""One limit on what runs at once, with the futures of those who wait for it. Synchronous: the waiting is `Crowd`'s."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from msgspec import Struct

from router.call import Priority
from router.clock import Clock
from router.faults import Fault, Kind
from router.routing.line import Bounds, Line

Scope: TypeAlias = Literal["key", "process", "provider"]
Reason: TypeAlias = Literal["full", "timeout", "displaced"]
"""Why a call is turned away: no room to wait, waited too long, or left the line for one that goes before it."""
UNMEASURED = 2.0
"""Seconds after which to come back, before anything was measured."""
SOONEST, LATEST = 1.0, 60.0
_WEIGHT = 0.1  # of the newest call in the moving average


class Owner(Struct, frozen=True, kw_only=True):
    """Whose limit it is, in words. kind: of the fault. setting, queue: the settings that say how many."""

    scope: Scope
    name: str
    kind: Kind
    setting: str
    queue: str


class Waiter:
    """A call that waits at one gate or at several, for whichever is first. Its future is set to the gate."""

    __slots__ = ("_tickets", "future")

    def __init__(self, future: asyncio.Future[Gate]) -> None:
        self.future = future
        self._tickets: dict[Gate, int] = {}

    @property
    def waits(self) -> bool:
        return bool(self._tickets)

    def joined(self, gate: Gate, ticket: int) -> None:
        self._tickets[gate] = ticket

    def give(self, gate: Gate) -> bool:
        """A place is there. False where nobody wants it any more."""
        del self._tickets[gate]
        if self.future.done():
            return False
        self._leave()
        self.future.set_result(gate)
        return True

    def displaced(self, gate: Gate) -> None:
        """The call must leave this line; that ends its wait where there is no other."""
        del self._tickets[gate]
        if not self._tickets and not self.future.done():
            self.future.set_exception(gate.fault("displaced"))

    def end(self) -> Gate | None:
        """Wait no longer, at any gate. The gate whose place came all the same; whoever calls has to give it back."""
        self._leave()
        if not self.future.done() or self.future.cancelled() or self.future.exception() is not None:
            return None
        return self.future.result()

    def _leave(self) -> None:
        for gate, ticket in self._tickets.items():
            gate.leave(ticket)
        self._tickets.clear()


class Gate:
    """The places of one owner. Every `take` that gave one and every place that was waited for ends with `release`."""

    __slots__ = ("_clock", "_line", "_pace", "_waiters", "owner")

    def __init__(self, owner: Owner, bounds: Bounds, clock: Clock) -> None:
        self.owner = owner
        self._line = Line(bounds)
        self._waiters: dict[int, Waiter] = {}
        self._clock = clock
        self._pace: float | None = None  # seconds for which a place is held, on average

    @property
    def running(self) -> int:
        """Calls that have a place."""
        return self._line.running

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return self._line.waiting

    def follow(self, bounds: Bounds) -> None:
        """Other bounds from now on. Whoever has a place keeps it."""
        if bounds != self._line.bounds:
            self._line.bounds = bounds
            self._serve()

    def take(self) -> bool:
        """A place at once, if one is free and nobody waits for it."""
        return self._line.take()

    def join(self, waiter: Waiter, priority: Priority) -> None:
        """Let a call wait here, if there is room."""
        joined = self._line.join(priority, self._clock.monotonic())
        if joined.displaced is not None:
            self._waiters.pop(joined.displaced).displaced(self)
        if joined.ticket is not None:
            self._waiters[joined.ticket] = waiter
            waiter.joined(self, joined.ticket)

    def leave(self, ticket: int) -> None:
        """A call waits no longer."""
        self._line.leave(ticket)
        self._waiters.pop(ticket, None)

    def release(self, held: float | None = None) -> None:
        """A place is free again. held: seconds for which it served a call, None where it served none."""
        if held is not None:
            self._pace = held if self._pace is None else self._pace + _WEIGHT * (held - self._pace)
        self._line.release()
        if self._line.waiting:
            self._serve()

    def retry_after(self) -> float:
        """Seconds after which a call that is turned away now would find a place, as far as one can tell."""
        most = self._line.bounds.most
        if self._pace is None or most is None:
            return UNMEASURED
        return min(LATEST, max(SOONEST, (self.waiting + 1) * self._pace / most))

    def fault(self, reason: Reason, waited: float = 0.0) -> Fault:
        """Why a call is turned away: whose limit, how many run, how many wait. waited: seconds."""
        owner, bounds = self.owner, self._line.bounds
        room = f"{bounds.queue} may ({owner.queue})" if bounds.queue else f"none may ({owner.queue})"
        told = f"{owner.name} has {self.running} calls in progress, and {owner.setting} allows {bounds.most}; "
        if reason == "full":
            told += f"{self.waiting} wait, and {room}."
        elif reason == "timeout":
            told += f"{self.waiting} wait, and this call had waited {waited:.0f} s (server.limits.queue_timeout)."
        else:
            told += f"{self.waiting} wait, and this batch call left the full line for an interactive one."
        return Fault(owner.kind, told, retry_after=self.retry_after())

    def _serve(self) -> None:
        while (ticket := self._line.call()) is not None:
            if not self._waiters.pop(ticket).give(self):
                self._line.release()
