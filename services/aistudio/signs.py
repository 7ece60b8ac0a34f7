"""Signs of life of whoever holds a place of the pool: who waits for something with a limit of its own has said so, and
who has not and does nothing is stuck."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Use:
    """One use of a place. Anything that goes on in its page, and each step of its holder, is a sign. answered: when the
    page itself last gave one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until = -math.inf
        self.heard = now()
        self.answered = -math.inf
        self.holder: asyncio.Task[object] | None = None
        self.taken()

    def taken(self) -> None:
        """The task that runs now holds it from here on."""
        self.holder = asyncio.current_task()
        self.sign()

    def sign(self) -> None:
        """The holder goes on."""
        self.heard, self._until = self._now(), -math.inf

    def hears(self) -> None:
        """The page has said or answered something."""
        self.sign()
        self.answered = self.heard

    def waits(self, seconds: float) -> None:
        """The holder waits for something, for at most so many seconds; it acts by itself when they are over."""
        self.heard = self._now()
        self._until = self.heard + seconds

    def quiet(self) -> float:
        """Seconds without a sign, beyond what was announced. A holder that has ended waits for nothing."""
        gone = self.holder is not None and self.holder.done()
        return self._now() - (self.heard if gone else max(self.heard, self._until))


class Uses:
    """Those of all places."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._all: list[Use] = []

    def begin(self) -> Use:
        """A use by the task that runs now."""
        use = Use(self._now)
        self._all.append(use)
        return use

    def end(self, use: Use) -> None:
        self._all.remove(use)

    def quiet(self) -> float:
        """Seconds without a sign from any of them; without end where there is none."""
        return min((use.quiet() for use in self._all), default=math.inf)

    def answered(self) -> float:
        """When one of their pages has last said or answered something."""
        return max((use.answered for use in self._all), default=-math.inf)
