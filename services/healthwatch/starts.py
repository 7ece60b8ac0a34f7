"""Programs that start again and again, each time long enough for supervisord to count it as up. Pure."""

from __future__ import annotations

from collections import deque

WINDOW = 120.0
"""Seconds that are looked back."""
LOOP = 4
"""Starts within them that make a crash loop. A look in every round sees each: supervisord counts a program as up after
2 s, and rounds are about as far apart at most."""


class Starts:
    """Of one program."""

    def __init__(self) -> None:
        self._pid = 0
        self._at: deque[float] = deque(maxlen=100)

    def saw(self, pid: int, up: float, now: float) -> None:
        """It runs. up: seconds since its start."""
        if pid and pid != self._pid:
            self._pid = pid
            self._at.append(now - up)

    def within(self, now: float) -> int:
        """How many."""
        while self._at and now - self._at[0] > WINDOW:
            self._at.popleft()
        return len(self._at)

    def loops(self, now: float) -> str:
        """The crash loop in words, "" for none."""
        count = self.within(now)
        return f"crash loop: {count} starts in {now - self._at[0]:.0f} s" if count >= LOOP else ""

    def last(self) -> float:
        """When it started last; 0 for never."""
        return self._at[-1] if self._at else 0.0
