"""An answer that has begun, and how it ends for the account that gives it and for the record."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec.structs import replace

from router.accounts.affinity import Affinity
from router.accounts.health import Health, Lease
from router.call import Call, Record, Try
from router.faults import Fault
from router.providers.lanes import Batch, Lane
from router.providers.run import Opened
from router.routing.spent import spent


class Begun:
    """An answer that has begun. One of `complete`, `broken`, `abandoned`, `dropped` ends it, and its upstream too."""

    def __init__(
        self,
        opened: Opened,
        lease: Lease,
        health: Health,
        affinity: Affinity,
        first: bytes,
        rest: AsyncIterator[Batch],
        record: Record,
        call: Call,
    ) -> None:
        self.lane: Lane = opened.lane
        self.notes = opened.notes
        self.first = first
        self.rest = rest
        self._lease = lease
        self._health = health
        self._affinity = affinity
        self._record = record
        self._call = call

    async def complete(self) -> None:
        """The whole answer went to the client."""
        self._health.succeeded(self._lease)
        await self._close()

    async def broken(self, fault: Fault) -> None:
        """The upstream failed in the middle."""
        judge(self._health, self._lease, fault)
        self._record.tries[-1] = failed(self._record.tries[-1], fault)
        await self._close()

    async def abandoned(self) -> None:
        """The client went away, or we did: nothing was learnt about the account."""
        self._health.release(self._lease)
        await self._close()

    async def dropped(self) -> None:
        """Nobody has got anything of it: another answer was quicker. The record has its attempt from elsewhere."""
        self._health.release(self._lease)
        await self.lane.close()

    async def _close(self) -> None:
        observed = self.lane.observed
        if observed.opaque:  # also of an answer that was cut: the client may keep what it has got
            self._affinity.learn(observed.opaque, self._lease.account.id)
        record, usage = self._record, spent(self._call, observed)
        record.tries[-1] = replace(record.tries[-1], usage=usage)
        record.usage, record.finish = usage, observed.finish
        await self.lane.close()


def judge(health: Health, lease: Lease, fault: Fault, *, suspend: bool = False) -> None:
    """Remember a failure, but not one that was asked for: the demo's failures say nothing about it."""
    if lease.config.kind == "demo":
        health.release(lease)
    else:
        health.failed(lease, fault, suspend=suspend)


def failed(attempt: Try, fault: Fault) -> Try:
    """The same attempt with the fault that ended it, before or after it had begun."""
    return replace(attempt, outcome=fault.kind, status=fault.status, reason=fault.message)
