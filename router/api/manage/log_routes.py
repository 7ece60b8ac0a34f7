"""The router's own log as it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from router.api.manage.events import EventStream
from router.api.manage.operation import Asked, Operation
from router.observe.tail import LogLine, Tail

_RANK = ("debug", "info", "warning", "error", "critical")


class Wanted(Struct):
    """level: the least. limit: lines of the past that come first."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    limit: Annotated[int, Meta(ge=0, le=500)] = 100

    def fits(self, line: LogLine) -> bool:
        return _RANK.index(line.level) >= _RANK.index(self.level)


class Lines(Struct, frozen=True):
    """The oldest first."""

    lines: list[LogLine]


class LogDesk:
    """Reads `Tail`."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/logs", need="operator", name="logs", query=Wanted, answer=Lines,
                handler=self.newest, summary="The newest lines of the router's log.",
            ),
            Operation(
                method="GET", path="/logs/live", need="operator", name="logs_live", query=Wanted, answer=str,
                handler=self.live, summary="The router's log as it is written, as server-sent events.",
            ),
        ]  # fmt: skip

    async def newest(self, asked: Asked) -> Lines:
        return Lines(self._newest(asked.query))

    async def live(self, asked: Asked) -> EventStream:
        wanted: Wanted = asked.query

        def listen(take: Callable[[Any], None]) -> Callable[[], None]:
            return self._tail.listen(lambda line: take(line) if wanted.fits(line) else None)

        return EventStream(listen, list(self._newest(wanted)))

    def _newest(self, wanted: Wanted) -> list[LogLine]:
        fitting = [line for line in self._tail.lines() if wanted.fits(line)]
        return fitting[max(0, len(fitting) - wanted.limit) :]
