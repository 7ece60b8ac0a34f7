"""The waiting itself: a future for each call that waits, a limit for each wait, and what is counted of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from router.call import Priority
from router.clock import Clock
from router.faults import Fault
from router.patience import Patience
from router.routing.gate import Gate, Reason, Scope, Waiter


class Observer(Protocol):
    """Where waits are counted."""

    def waited(self, scope: Scope, seconds: float) -> None: ...

    def shed(self, scope: Scope, reason: Reason) -> None: ...


class Crowd:
    """All calls of the process that wait for a place.

    seconds: how long one may wait (the setting ``server.limits.queue_timeout``); may be set anew. waiting: how many
    wait now, by whose limit.
    """

    def __init__(self, clock: Clock, patience: Patience, observer: Observer, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self.waiting: dict[Scope, int] = {"key": 0, "process": 0, "provider": 0}
        self._clock = clock
        self._patience = patience
        self._observer = observer

    async def place(self, gates: Sequence[Gate], priority: Priority, within: float | None = None) -> Gate:
        """A place at the first of these gates that has one. within: seconds, where that is less than `seconds`.

        Raises `Fault` where no line has room, or the time is over."""
        for gate in gates:
            if gate.take():
                return gate
        scope = gates[0].owner.scope
        waiter: Waiter = Waiter(asyncio.get_running_loop().create_future())
        for gate in gates:
            gate.join(waiter, priority)
        if not waiter.waits:
            self._observer.shed(scope, "full")
            raise _soonest(gates).fault("full")
        began = self._clock.monotonic()
        seconds = self.seconds if within is None else min(self.seconds, within)
        self.waiting[scope] += 1
        try:
            return await self._wait(waiter, seconds)
        except TimeoutError:
            self._observer.shed(scope, "timeout")
            raise _soonest(gates).fault("timeout", self._clock.monotonic() - began) from None
        except Fault:
            self._observer.shed(scope, "displaced")
            raise
        finally:
            self.waiting[scope] -= 1
            self._observer.waited(scope, self._clock.monotonic() - began)

    async def _wait(self, waiter: Waiter, seconds: float) -> Gate:
        try:
            with self._patience.limit(seconds):
                return await waiter.future
        except TimeoutError:
            late = waiter.end()
            if late is None:
                raise
            return late  # the place came at the last moment
        except BaseException:
            late = waiter.end()
            if late is not None:
                late.release()
            raise


def _soonest(gates: Sequence[Gate]) -> Gate:
    return min(gates, key=lambda gate: gate.retry_after())
