"""The newest lines of this process's log in memory, for people who look. Fed on the writer's thread, redacted
already."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from router.observe.logs import Line

KEPT = 500
_LONGEST = 4000


class LogLine(Struct, frozen=True):
    """at: Unix seconds. text: the whole line as it is written."""

    at: float
    level: str
    logger: str
    text: str


class Tail:
    """`seen` is given to the writer of the log."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._listeners: dict[object, tuple[asyncio.AbstractEventLoop, Callable[[LogLine], None]]] = {}

    def seen(self, line: Line, text: str) -> None:
        """A line was written."""
        made = LogLine(line.created, line.levelname.lower(), line.name, text[:_LONGEST])
        self._lines.append(made)
        for loop, take in tuple(self._listeners.values()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(take, made)

    def lines(self) -> list[LogLine]:
        """The oldest first."""
        return list(self._lines)

    def listen(self, take: Callable[[LogLine], None]) -> Callable[[], None]:
        """Call `take` in the running loop for each line from now on. Gives what ends that."""
        mark = object()
        self._listeners[mark] = (asyncio.get_running_loop(), take)

        def forget() -> None:
            self._listeners.pop(mark, None)

        return forget
