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
        self._since: float | None = None  # the first who found no place came then, or a place moved after that
        self._refusals = 0

    def stuck(self, longest: float) -> str:
        """Why nothing goes on, "" where it does. longest: seconds that one use of a place can take.

        Counted from when somebody began to wait: a pool that nobody asked is idle, not stuck. Who was refused at the
        deadline waited in vain, so refusals end nothing; only a place that is given out or back does."""
        idle = self._now() - self._since if self._since is not None else 0.0
        if self._since is None or idle < longest:
            return ""
        refused = f", {self._refusals} were refused at their deadline" if self._refusals else ""
        return f"{len(self._line)} requests wait{refused}, and for {idle:.0f} s no page was given out or back"

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def enter(self) -> None:
        """Take a place. Raises `Fault` rate_limited when the line is full or the deadline has passed."""
        if self._open and self.busy < self.size and not self._line:
            self.busy += 1
            self._progress()
            return
        if len(self._line) >= self._limit:
            raise self._refused(f"{len(self._line)} requests wait for a page of AI Studio already")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        if self._since is None:
            self._since = self._now()
        try:
            async with asyncio.timeout(self._deadline):
                await place
        except TimeoutError:
            self._refusals += place in self._line
            self._left(place)
            raise self._refused(f"no page of AI Studio became free within {self._deadline:g} s") from None
        except BaseException:
            self._left(place)
            raise

    def _left(self, place: asyncio.Future[None]) -> None:
        """Somebody goes away: out of the line, or, where a place was just given, with that place passed on."""
        if place in self._line:
            self._line.remove(place)
            if not self._line and not self._refusals:
                self._since = None  # nobody waits, and nobody waited to the end
        elif place.done() and not place.cancelled():
            self.leave(None)

    def leave(self, seconds: float | None) -> None:
        """Give a place back. seconds: how long it was used, None where that says nothing."""
        self.busy -= 1
        self._progress()
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
                self._progress()
                place.set_result(None)

    def _progress(self) -> None:
        """A place was given out or back. Who still waits has waited for nothing since."""
        self._since = self._now() if self._line else None
        self._refusals = 0

    def _refused(self, why: str) -> Fault:
        after = max(1.0, math.ceil(self._usual * (len(self._line) + 1) / self.size))
        return Fault("rate_limited", f"AI Studio is busy: {why}. Try again later.", retry_after=after, code="busy")
