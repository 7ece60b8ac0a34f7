"""The newest calls: a list, one with its whole story, and as they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any

from msgspec import Meta, Struct

from router.api.manage.events import EventStream
from router.api.manage.operation import Asked, Operation, Refused
from router.observe.recent import CallRow, Recent


class Wanted(Struct):
    """Of the calls in memory. failed: only those that failed, or that needed more than one attempt. session: of this
    conversation, as a call names it. text: stands in a name, a reason or the id."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    failed: bool = False
    key: str = ""
    model: str = ""
    provider: str = ""
    session: str = ""
    text: str = ""

    def fits(self, row: CallRow) -> bool:
        if self.failed and not row.failed and len(row.attempts) < 2:
            return False
        if self.key and row.key != self.key:
            return False
        if self.model and self.model not in (row.asked, row.model):
            return False
        if self.provider and row.provider != self.provider:
            return False
        if self.session and row.session != self.session:
            return False
        words = f"{row.id} {row.asked} {row.model} {row.key} {row.client} {row.reason} {row.account}".lower()
        return self.text.lower() in words


class Calls(Struct, frozen=True):
    """The newest first."""

    calls: list[CallRow]


class CallDesk:
    """Reads `Recent`."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/calls", need="viewer", name="calls", query=Wanted, answer=Calls,
                handler=self.newest, summary="The newest calls that are still in memory.",
            ),
            Operation(
                method="GET", path="/calls/live", need="viewer", name="calls_live", query=Wanted, answer=str,
                handler=self.live, summary="Calls as they end, as server-sent events.",
            ),
            Operation(
                method="GET", path="/calls/{id}", need="viewer", name="call", answer=CallRow, handler=self.one,
                summary="One call with every attempt and its reason.",
            ),
        ]  # fmt: skip

    async def newest(self, asked: Asked) -> Calls:
        wanted: Wanted = asked.query
        return Calls(list(islice(filter(wanted.fits, self._recent.newest()), wanted.limit)))

    async def one(self, asked: Asked) -> CallRow:
        found = self._recent.find(asked.path["id"])
        if found is None:
            raise Refused(404, "This call is not in memory (any more); the ledger may have it: `switchyard usage`.")
        return found

    async def live(self, asked: Asked) -> EventStream:
        wanted: Wanted = asked.query

        def listen(take: Callable[[Any], None]) -> Callable[[], None]:
            def listener(row: CallRow) -> None:
                if wanted.fits(row):
                    take(row)

            self._recent.listeners.add(listener)
            return lambda: self._recent.listeners.discard(listener)

        return EventStream(listen, [])
