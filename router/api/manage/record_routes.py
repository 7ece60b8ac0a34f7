"""Recorded calls: a list, one with all of its stages, and away with it. Content of others: for admins, and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from router.api.manage.operation import Asked, Operation, Refused
from router.observe.records.folder import RecordFolder, Unreadable

T = TypeVar("T")


class Wanted(Struct):
    """The newest so many."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Records(Struct, frozen=True):
    """What is known of each record without its content, the newest first."""

    records: list[dict[str, Any]]


class RecordDesk:
    """Reads the folder of records, on a thread."""

    def __init__(self, folder: RecordFolder) -> None:
        self._folder = folder

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/records", need="admin", name="records", query=Wanted, answer=Records,
                handler=self.newest, audited=True, summary="The newest recorded calls.",
            ),
            Operation(
                method="GET", path="/records/{id}", need="admin", name="record", answer=dict[str, Any],
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

    async def one(self, asked: Asked) -> dict[str, Any]:
        found = await _done(lambda: self._folder.read(asked.path["id"]))
        if found is None:
            raise _missing()
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
