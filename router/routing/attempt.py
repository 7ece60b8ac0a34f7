"""The only loop around upstream calls: walks a plan until an answer has begun, inside one deadline and one budget.

An answer has begun when its first content (or its end) has arrived; what came before it is held. Until then anything
may fail over; afterwards the answer is the client's, and a fault goes to the client as an error of its dialect.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

from msgspec.structs import replace

from router.accounts.affinity import Affinity
from router.accounts.health import Cooling, Health, Lease
from router.accounts.sessions import Sessions
from router.call import Call, Limits, Record, Try
from router.clock import Clock
from router.faults import Fault
from router.patience import Patience
from router.providers.config import ProviderConfig
from router.providers.lanes import Batch, Lane
from router.providers.run import Opened, Runner
from router.routing.affinity import Held
from router.routing.plan import Candidate, Plan
from router.routing.renewing import Renewing
from router.routing.walk import Walk
from router.wire.written import Note

HELD = 64 * 1024
"""Bytes that are held back while waiting for the first content."""


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
        _judge(self._health, self._lease, fault)
        self._record.tries[-1] = _failed(self._record.tries[-1], fault)
        await self._close()

    async def abandoned(self) -> None:
        """The client went away, or we did: nothing was learnt about the account."""
        self._health.release(self._lease)
        await self._close()

    async def _close(self) -> None:
        observed = self.lane.observed
        if observed.opaque:  # also of an answer that was cut: the client may keep what it has got
            self._affinity.learn(observed.opaque, self._lease.account.id)
        self._record.usage, self._record.finish = observed.usage, observed.finish
        await self.lane.close()


class Attempts:
    """Makes attempts for calls. Holds no state of its own."""

    def __init__(
        self,
        runner: Runner,
        health: Health,
        affinity: Affinity,
        clock: Clock,
        chance: random.Random,
        patience: Patience,
        sessions: Sessions,
    ) -> None:
        self._affinity = affinity
        self._sessions = sessions
        self._patience = patience
        self._runner = runner
        self._health = health
        self._clock = clock
        self._chance = chance

    async def begin(
        self, call: Call, plan: Plan, providers: Mapping[str, ProviderConfig], limits: Limits, record: Record
    ) -> Begun:
        """The first answer that begins. Raises the `Fault` that tells most about why none did."""
        held = self._affinity.held(call.dialect, call.body, call.conversation)
        session = self._sessions.of(call) if self._sessions.ttl and _may_choose(plan, providers) else None
        prefer = held.prefer or call.prefer or (session.account if session is not None else None)
        if call.strict and plan.smaller:
            plan = replace(plan, smaller=())  # another model is a change, which strict callers do not want
        walk = Walk(plan, limits, self._clock.monotonic(), prefer)
        renewing: Renewing | None = None
        again: str | None = None
        while (step := walk.next(self._clock.monotonic())) is not None:
            candidate, provider = step, providers[step.provider]
            lease = self._health.lease(provider, candidate.model, avoid=walk.avoid(candidate), prefer=again or prefer)
            again = None
            if isinstance(lease, Cooling):
                walk.cooling(candidate, lease)
                continue
            began = self._clock.monotonic()
            try:
                begun = await self._try(call, plan, candidate, provider, lease, held, limits, record)
            except Fault as fault:
                seconds = self._clock.monotonic() - began
                record.tries.append(_failed(_attempt(candidate, lease, seconds), fault))
                renewing = renewing or Renewing(self._runner)
                again = await self._failed(walk, candidate, lease, fault, renewing)
            except BaseException:
                self._health.release(lease)
                raise
            else:
                seconds = self._clock.monotonic() - began
                record.tries.append(_attempt(candidate, lease, seconds))
                record.lane, record.provider, record.model = begun[1], candidate.provider, candidate.model
                record.account, record.notes = lease.account.id, _notes(candidate, begun[0])
                self._health.committed(lease)
                if session is not None:
                    self._sessions.learn(session, lease.account.id)
                return begun[0]
            pause = walk.pause(self._clock.monotonic(), self._chance)
            if pause > 0:
                await asyncio.sleep(pause)
        raise walk.verdict()

    async def _failed(
        self, walk: Walk, candidate: Candidate, lease: Lease, fault: Fault, renewing: Renewing
    ) -> str | None:
        """Judge a failed attempt. Gives the account's id where it has another secret now and is to be asked again."""
        try:
            held_against = await renewing.recover(lease.account, fault)
        except BaseException:
            self._health.release(lease)
            raise
        if held_against is None:
            self._health.release(lease)
            walk.replayed(candidate, fault)
            return lease.account.id
        _judge(self._health, lease, held_against, suspend=renewing.suspends(lease.account, held_against))
        walk.failed(candidate, lease, held_against, final=lease.config.kind == "demo")
        return None

    async def _try(
        self,
        call: Call,
        plan: Plan,
        candidate: Candidate,
        provider: ProviderConfig,
        lease: Lease,
        held: Held,
        limits: Limits,
        record: Record,
    ) -> tuple[Begun, str]:
        """One attempt up to its first content. Closes what it opened on every failure."""
        if candidate.stands_in is not None:  # an answer names the model that gives it
            call = replace(call, asked=candidate.stands_in)
        patient = candidate.capabilities.slow or not call.stream
        seconds = limits.slow_first_token if patient else limits.first_token

        def sent() -> None:
            if record.overhead is None:
                record.overhead = self._clock.monotonic() - call.began

        opened: Opened | None = None
        try:
            with self._patience.limit(seconds):
                foreign = held.foreign(lease.account.id)
                opened = await self._runner.open(call, plan, candidate, provider, lease.account, limits, sent, foreign)
                rest = opened.lane.batches()
                first = await _first_content(rest)
        except TimeoutError:
            await _close(opened)
            raise Fault("timeout", f"The provider gave no first token within {seconds:g} seconds.") from None
        except BaseException:
            await _close(opened)
            raise
        return Begun(opened, lease, self._health, self._affinity, first, rest, record), opened.name


def _may_choose(plan: Plan, providers: Mapping[str, ProviderConfig]) -> bool:
    """Whether there is more than one account of one rank, so that a session can be kept at one of them."""
    candidates = plan.candidates
    if any(len(providers[candidate.provider].accounts) > 1 for candidate in candidates):
        return True
    return len(candidates) > 1 and len({candidate.rank for candidate in candidates}) < len(candidates)


def _notes(candidate: Candidate, begun: Begun) -> tuple[Note, ...]:
    return begun.notes if candidate.stands_in is None else (*begun.notes, Note("changed", "model"))


def _judge(health: Health, lease: Lease, fault: Fault, *, suspend: bool = False) -> None:
    """Remember a failure, but not one that was asked for: the demo's failures say nothing about it."""
    if lease.config.kind == "demo":
        health.release(lease)
    else:
        health.failed(lease, fault, suspend=suspend)


async def _close(opened: Opened | None) -> None:
    if opened is not None:
        await opened.lane.close()


async def _first_content(batches: AsyncIterator[Batch]) -> bytes:
    """The bytes up to and with the first content; at most `HELD` of them wait for it."""
    held: list[bytes] = []
    size = 0
    async for batch in batches:
        held.append(batch.data)
        size += len(batch.data)
        if batch.content or size > HELD:
            return held[0] if len(held) == 1 else b"".join(held)
    raise Fault("upstream_broken", "The provider's answer ended before it began.")


def _attempt(candidate: Candidate, lease: Lease, seconds: float) -> Try:
    return Try(
        provider=candidate.provider, model=candidate.model, account=lease.account.id, outcome="ok", seconds=seconds
    )


def _failed(attempt: Try, fault: Fault) -> Try:
    """The same attempt with the fault that ended it, before or after it had begun."""
    return replace(attempt, outcome=fault.kind, status=fault.status, reason=fault.message)
