"""Recorded calls: a list, one with all of its stages, and away with it. Content of others: for admins, and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from router.access.session_tokens import SessionTokens
from router.api.manage.operation import Asked, Operation, Refused
from router.clock import Clock
from router.observe.records.folder import RecordFolder, Unreadable

T = TypeVar("T")
LONGEST_WAIT = 10.0
LOOKS_EVERY = 0.1


class Wanted(Struct):
    """The newest so many."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Patience(Struct):
    """wait: seconds to wait for a record that is still being written, or whose call is about to end."""

    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0


class Ticket(Struct, frozen=True):
    """ticket: what `x-switchyard-record` of a call takes so that it is recorded. ends: Unix seconds; a call that begins
    before is recorded to its end."""

    ticket: str
    ends: float


class Records(Struct, frozen=True):
    """What is known of each record without its content, the newest first."""

    records: list[dict[str, Any]]


class RecordDesk:
    """Reads the folder of records, on a thread; and lets single calls be recorded whatever the settings say."""

    def __init__(self, folder: RecordFolder, tokens: SessionTokens, clock: Clock) -> None:
        self._folder = folder
        self._tokens = tokens
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/records", need="admin", name="records", query=Wanted, answer=Records,
                handler=self.newest, audited=True, summary="The newest recorded calls.",
            ),
            Operation(
                method="POST", path="/records/ticket", need="admin", name="record_ticket", answer=Ticket,
                handler=self.ticket, audited=True, summary="What lets calls of the next minutes be recorded.",
            ),
            Operation(
                method="GET", path="/records/{id}", need="admin", name="record", query=Patience, answer=dict[str, Any],
                handler=self.one, audited=True, summary="One recorded call with what was said at each stage.",
            ),
            Operation(
                method="DELETE", path="/records/{id}", need="admin", name="record_delete", handler=self.delete,
                audited=True, summary="Removes one recorded call.",
            ),
        ]  # fmt: skip

    async def newest(self, asked: Asked) -> Records:
        limit: int = asked.query.limit
        return Records(await asyncio.to_thread(lambda: list(islice(self._folder.newest(), limit))))

    async def ticket(self, asked: Asked) -> Ticket:
        return Ticket(*self._tokens.ticket(asked.who.key.id, self._clock.wall()))

    async def one(self, asked: Asked) -> dict[str, Any]:
        until = self._clock.monotonic() + asked.query.wait
        while (found := await _done(lambda: self._folder.read(asked.path["id"]))) is None:
            if self._clock.monotonic() >= until:
                raise _missing()
            await asyncio.sleep(LOOKS_EVERY)  # the disk tells nobody, and another process may be the writer
        return found

    async def delete(self, asked: Asked) -> None:
        if not await _done(lambda: self._folder.delete(asked.path["id"])):
            raise _missing()


async def _done(work: Callable[[], T]) -> T:
    """On a thread. Raises `Refused`."""
    try:
        return await asyncio.to_thread(work)
    except Unreadable as problem:
        raise Refused(503, str(problem)) from None
    except ValueError as problem:
        raise Refused(404, f"There is no such record: {problem}.") from None


def _missing() -> Refused:
    return Refused(404, "This call was not recorded, or its record is gone: see observe.request_log in the settings.")
