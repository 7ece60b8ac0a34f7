"""Time that passes only when everybody waits: an event loop that jumps to its next timer, for simulations of days.

Threads would wait outside of it, so what goes to an executor runs at once, in the loop's own thread.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Gives what is ready now; where nothing is, time passes instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            self.loop.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """now: its time in seconds, which is the Unix time of `VirtualClock`."""

    def __init__(self, now: float) -> None:
        self.now = now
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6  # of a float with today's Unix time; else a timer that is due would never be

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class VirtualClock:
    """A `router.clock.Clock` of a virtual loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def wall(self) -> float:
        return self._loop.now

    def monotonic(self) -> float:
        return self._loop.now


def run(main: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, now: float = 1_800_000_000.0) -> T:
    """Run `main` to its end in time of its own."""
    loop = VirtualLoop(now)
    try:
        return loop.run_until_complete(main(VirtualClock(loop)))
    finally:
        loop.close()
