"""Who gets the next free page: first come, first served, with a bound and a deadline."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from router.faults import Fault

_FIRST_GUESS = 10.0
_WEIGHT = 0.2


class Slots:
    """`size` places to work, and a line before them. Refusals are 429 with the time after which to come again."""

    def __init__(self, size: int, limit: int, deadline: float, now: Callable[[], float]) -> None:
        self.size = size
        self.busy = 0
        self._limit = limit
        self._deadline = deadline
        self._now = now
        self._line: deque[asyncio.Future[None]] = deque()
        self._usual = _FIRST_GUESS
        self._open = True
        self._moved = now()

    def stuck(self, longest: float) -> str:
        """Why nothing goes on, "" where it does. longest: seconds that one use of a place can take."""
        idle = self._now() - self._moved
        if not self._line or idle < longest:
            return ""
        return f"{len(self._line)} requests wait, and for {idle:.0f} s no page was given out or back"

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def enter(self) -> None:
        """Take a place. Raises `Fault` rate_limited when the line is full or the deadline has passed."""
        if self._open and self.busy < self.size and not self._line:
            self.busy += 1
            self._moved = self._now()
            return
        if len(self._line) >= self._limit:
            raise self._refused(f"{len(self._line)} requests wait for a page of AI Studio already")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            async with asyncio.timeout(self._deadline):
                await place
        except TimeoutError:
            self._left(place)
            raise self._refused(f"no page of AI Studio became free within {self._deadline:g} s") from None
        except BaseException:
            self._left(place)
            raise

    def _left(self, place: asyncio.Future[None]) -> None:
        """Somebody goes away: out of the line, or, where a place was just given, with that place passed on."""
        if place in self._line:
            self._line.remove(place)
        elif place.done() and not place.cancelled():
            self.leave(None)

    def leave(self, seconds: float | None) -> None:
        """Give a place back. seconds: how long it was used, None where that says nothing."""
        self.busy -= 1
        self._moved = self._now()
        if seconds is not None:
            self._usual += _WEIGHT * (seconds - self._usual)
        self._serve()

    def hold(self) -> None:
        """Give out no place until `resume`."""
        self._open = False

    def resume(self) -> None:
        self._open = True
        self._serve()

    def _serve(self) -> None:
        while self._open and self._line and self.busy < self.size:
            place = self._line.popleft()
            if not place.done():
                self.busy += 1
                self._moved = self._now()
                place.set_result(None)

    def _refused(self, why: str) -> Fault:
        after = max(1.0, math.ceil(self._usual * (len(self._line) + 1) / self.size))
        return Fault("rate_limited", f"AI Studio is busy: {why}. Try again later.", retry_after=after, code="busy")
