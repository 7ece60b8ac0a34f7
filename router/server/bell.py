"""A wait for the next time that something happens, cheap enough for one or two of them in every call."""

from __future__ import annotations

import asyncio


class Bell:
    """As `asyncio.Condition`, within one event loop and without a lock: whoever waits looks first whether there is
    anything to wait for, and looks again when the bell has rung."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Wake everybody who waits now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def wait(self) -> None:
        """Until it rings."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._waiting:  # whoever looks in again and again for a moment must leave nothing behind
                self._waiting.remove(future)
            raise
