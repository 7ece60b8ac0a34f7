"""The audit log: who changed what, the newest first. It names accounts and people, so it is for admins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from msgspec import Meta

from router.accounts.audit import Audit
from router.accounts.audit_reader import Entries, Gone, read
from router.accounts.audit_reader import Wanted as Fitting
from router.api.manage.operation import Asked, Operation, Refused

Moment = Annotated[float, Meta(ge=0, le=1e11)]
Name = Annotated[str, Meta(max_length=200)]


class Wanted(Fitting, frozen=True, kw_only=True):
    """The same within bounds, page by page. after: `next` of the page before."""

    since: Moment | None = None
    until: Moment | None = None
    action: Name = ""
    who: Name = ""
    text: Name = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    after: Annotated[str, Meta(pattern=r"^([0-9]{1,20}-[0-9]{1,20})?$", max_length=41)] = ""


class AuditDesk:
    """Reads the files of `Audit`, on a thread."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._turn = asyncio.Lock()  # one look at a time: nobody may keep every thread busy

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/audit", need="admin", name="audit", query=Wanted, answer=Entries,
                handler=self.newest, summary="Who changed what: the audit log, the newest first.",
            ),
        ]  # fmt: skip

    async def newest(self, asked: Asked) -> Entries:
        wanted: Wanted = asked.query
        async with self._turn:
            try:
                return await asyncio.to_thread(self._read, wanted)
            except Gone:
                raise Refused(404, "`after` leads nowhere (any more): begin with the newest, without it.") from None

    def _read(self, wanted: Wanted) -> Entries:
        with suppress(OSError):  # what waits is told as well, where the disk takes it; whoever owns it tells why not
            self._audit.flush()
        return read(self._audit.path.parent, wanted, wanted.limit, wanted.after or None)
