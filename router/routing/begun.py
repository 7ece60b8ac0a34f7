"""An answer that has begun, and how it ends for the account that gives it and for the record."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec.structs import replace

from router.accounts.affinity import Affinity
from router.accounts.health import Health, Lease
from router.call import Record, Try
from router.faults import Fault
from router.providers.lanes import Batch, Lane
from router.providers.run import Opened
from router.wire.events import Usage
from router.wire.splice import together


class Begun:
    """An answer that has begun. Exactly one of `complete`, `broken`, `abandoned` ends it; all close the upstream."""

    def __init__(
        self,
        opened: Opened,
        lease: Lease,
        health: Health,
        affinity: Affinity,
        first: bytes,
        rest: AsyncIterator[Batch],
        record: Record,
    ) -> None:
        self.lane: Lane = opened.lane
        self.notes = opened.notes
        self.first = first
        self.rest = rest
        self._lease = lease
        self._health = health
        self._affinity = affinity
        self._record = record

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

    async def _close(self) -> None:
        observed = self.lane.observed
        if observed.opaque:  # also of an answer that was cut: the client may keep what it has got
            self._affinity.learn(observed.opaque, self._lease.account.id)
        self._record.usage, self._record.finish = self._used(observed.usage), observed.finish
        await self.lane.close()

    def _used(self, usage: Usage | None) -> Usage | None:
        """With the prompts that others were given beside this one: they were paid for, and say nothing of it."""
        record, beside = self._record, self._record.hedged
        record.hedged = 0
        if usage is None or beside == 0:
            return usage
        return together(usage, Usage(input=usage.input * beside, estimated=True))


def judge(health: Health, lease: Lease, fault: Fault, *, suspend: bool = False) -> None:
    """Remember a failure, but not one that was asked for: the demo's failures say nothing about it."""
    if lease.config.kind == "demo":
        health.release(lease)
    else:
        health.failed(lease, fault, suspend=suspend)


def failed(attempt: Try, fault: Fault) -> Try:
    """The same attempt with the fault that ended it, before or after it had begun."""
    return replace(attempt, outcome=fault.kind, status=fault.status, reason=fault.message)
