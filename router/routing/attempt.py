"""The only loop around upstream calls: walks a plan until an answer has begun, inside one deadline and one budget.

An answer has begun when its first content (or its end) has arrived; what came before it is held. Until then anything
may fail over; afterwards the answer is the client's, and a fault goes to the client as an error of its dialect.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

from router.accounts.health import Cooling, Health, Lease
from router.call import Call, Limits, Record, Try
from router.clock import Clock
from router.faults import Fault
from router.patience import Patience
from router.providers.config import ProviderConfig
from router.providers.lanes import Batch, Lane
from router.providers.run import Opened, Runner
from router.routing.plan import Candidate, Plan

HELD = 64 * 1024
"""Bytes that are held back while waiting for the first content."""
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0


class Begun:
    """An answer that has begun. Exactly one of `complete`, `broken`, `abandoned` ends it; all close the upstream."""

    def __init__(
        self, opened: Opened, lease: Lease, health: Health, first: bytes, rest: AsyncIterator[Batch], record: Record
    ) -> None:
        self.lane: Lane = opened.lane
        self.notes = opened.notes
        self.first = first
        self.rest = rest
        self._lease = lease
        self._health = health
        self._record = record

    async def complete(self) -> None:
        """The whole answer went to the client."""
        self._health.succeeded(self._lease)
        await self._close()

    async def broken(self, fault: Fault) -> None:
        """The upstream failed in the middle."""
        if self._lease.provider == "demo":
            self._health.release(self._lease)
        else:
            self._health.failed(self._lease, fault)
        self._record.tries[-1] = _try(self._record.tries[-1], fault)
        await self._close()

    async def abandoned(self) -> None:
        """The client went away, or we did: nothing was learnt about the account."""
        self._health.release(self._lease)
        await self._close()

    async def _close(self) -> None:
        self._record.usage = self.lane.observed.usage
        self._record.finish = self.lane.observed.finish
        await self.lane.close()


class Attempts:
    """Makes attempts for calls. Holds no state of its own."""

    def __init__(self, runner: Runner, health: Health, clock: Clock, chance: random.Random, patience: Patience) -> None:
        self._patience = patience
        self._runner = runner
        self._health = health
        self._clock = clock
        self._chance = chance

    async def begin(
        self, call: Call, plan: Plan, providers: Mapping[str, ProviderConfig], limits: Limits, record: Record
    ) -> Begun:
        """The first answer that begins. Raises the `Fault` that tells most about why none did."""
        walk = _Walk(plan, limits, self._clock.monotonic())
        while (step := walk.next(self._clock.monotonic())) is not None:
            candidate, provider = step, providers[step.provider]
            lease = self._health.lease(provider, candidate.model, avoid=walk.avoid(candidate))
            if isinstance(lease, Cooling):
                walk.cooling(candidate, lease)
                continue
            began = self._clock.monotonic()
            try:
                begun = await self._try(call, plan, candidate, provider, lease, limits, record)
            except Fault as fault:
                self._judge(provider, lease, fault)
                seconds = self._clock.monotonic() - began
                record.tries.append(_failed(candidate, lease, fault, seconds))
                walk.failed(candidate, lease, fault, final=provider.kind == "demo")
            except BaseException:
                self._health.release(lease)
                raise
            else:
                seconds = self._clock.monotonic() - began
                record.upstream_seconds += seconds
                record.tries.append(_succeeded(candidate, lease, seconds))
                record.lane, record.provider, record.model = begun[1], candidate.provider, candidate.model
                record.account, record.notes = lease.account.id, begun[0].notes
                self._health.committed(lease)
                return begun[0]
            pause = walk.pause(self._clock.monotonic(), self._chance)
            if pause > 0:
                await asyncio.sleep(pause)
        raise walk.verdict()

    def _judge(self, provider: ProviderConfig, lease: Lease, fault: Fault) -> None:
        """Remember a failure, but not one that was asked for: the demo's failures say nothing about it."""
        if provider.kind == "demo":
            self._health.release(lease)
        else:
            self._health.failed(lease, fault)

    async def _try(
        self,
        call: Call,
        plan: Plan,
        candidate: Candidate,
        provider: ProviderConfig,
        lease: Lease,
        limits: Limits,
        record: Record,
    ) -> tuple[Begun, str]:
        """One attempt up to its first content. Closes what it opened on every failure."""
        patient = candidate.capabilities.slow or not call.stream
        seconds = limits.slow_first_token if patient else limits.first_token

        def sent() -> None:
            if record.overhead is None:
                record.overhead = self._clock.monotonic() - call.began

        opened: Opened | None = None
        try:
            with self._patience.limit(seconds):
                opened = await self._runner.open(call, plan, candidate, provider, lease.account, limits, sent)
                rest = opened.lane.batches()
                first = await _first_content(rest)
        except TimeoutError:
            await _close(opened)
            raise Fault("timeout", f"The provider gave no first token within {seconds:g} seconds.") from None
        except BaseException:
            await _close(opened)
            raise
        return Begun(opened, lease, self._health, first, rest, record), opened.name


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


class _Walk:
    """Where one call is in its plan: what was tried, what to try next, and what to say when nothing is left."""

    def __init__(self, plan: Plan, limits: Limits, now: float) -> None:
        self._plan = plan
        self._limits = limits
        self._deadline = now + limits.deadline
        self._left = list(plan.candidates)
        self._tried: dict[str, set[str]] = {}
        self._faults: list[tuple[Candidate, Fault]] = []
        self._coolings: list[Cooling] = []
        self._attempts = 0
        self._again = True
        self._wait = 0.0

    def next(self, now: float) -> Candidate | None:
        """The next target to try; None where the plan, the budget or the time is used up."""
        if self._attempts >= self._limits.max_attempts or now >= self._deadline:
            return None
        return self._left[0] if self._left else None

    def avoid(self, candidate: Candidate) -> set[str]:
        """Accounts of this target's provider that were tried and failed."""
        return self._tried.setdefault(f"{candidate.provider}\0{candidate.model}", set())

    def cooling(self, candidate: Candidate, cooling: Cooling) -> None:
        """No account of the target can be used (any more)."""
        self._left.remove(candidate)
        if not self.avoid(candidate):
            self._coolings.append(cooling)

    def failed(self, candidate: Candidate, lease: Lease, fault: Fault, *, final: bool = False) -> None:
        """An attempt failed: another account, another target, or the end (always, where `final`)."""
        self._attempts += 1
        self._faults.append((candidate, fault))
        self._wait = 0.0
        if final:
            self._left = []
        elif fault.kind == "too_long":
            window = candidate.capabilities.context_window or 0
            self._left = [other for other in self._left if (other.capabilities.context_window or 0) > window]
        elif fault.kind in ("bad_request", "too_large") and _about_target(fault):
            self._left.remove(candidate)
        elif not fault.meaning.moves_on:
            self._left = []
        elif fault.kind in ("not_found", "timeout"):
            self._left.remove(candidate)  # not the account's doing; a silent route is tried once
        else:
            self.avoid(candidate).add(lease.account.id)
            if self._again and self._is_last(candidate) and fault.kind in ("upstream_broken", "overloaded"):
                self._again = False
                self.avoid(candidate).discard(lease.account.id)
                self._wait = max(FIRST_PAUSE, fault.retry_after or 0.0)

    def _is_last(self, candidate: Candidate) -> bool:
        return len(self._left) == 1 and self._left[0] is candidate

    def pause(self, now: float, chance: random.Random) -> float:
        """Seconds to wait before the same target is tried once more; 0 where another one is next."""
        if self._wait == 0.0:
            return 0.0
        wait = self._wait * (1.0 + chance.random() / 4)
        if self._wait > LONGEST_PAUSE or now + wait >= self._deadline:
            self._left = []
            return 0.0
        return wait

    def verdict(self) -> Fault:
        """The fault to tell: the last real one, with what else was tried; else why every account rests."""
        if self._faults:
            fault = _most_telling([fault for _, fault in self._faults])
            others = [
                f"{candidate.provider}: {other.message}" for candidate, other in self._faults if other is not fault
            ]
            if others and fault.meaning.whose != "caller":
                told = "; ".join(dict.fromkeys(others))
                fault.message = f"{fault.message} (also tried {told[:600]})"
            return fault
        if self._coolings:
            soonest = min(self._coolings, key=lambda cooling: cooling.retry_after or float("inf"))
            return soonest.fault()
        if self._plan.fault is not None:
            return self._plan.fault
        return Fault("unavailable", f"No provider can serve {self._plan.asked} now.")


def _about_target(fault: Fault) -> bool:
    """A request that this target cannot be given (found before sending): another target may still take it."""
    return fault.status is None and fault.passthrough is None


def _most_telling(faults: list[Fault]) -> Fault:
    """Recoverable faults before hopeless ones before "no such model": a client that may retry must learn it."""
    for test in (
        lambda fault: fault.meaning.retryable,
        lambda fault: fault.kind != "not_found",
        lambda fault: True,
    ):
        told = [fault for fault in faults if test(fault)]
        if told:
            return told[-1]
    raise AssertionError("no fault to tell")


def _failed(candidate: Candidate, lease: Lease, fault: Fault, seconds: float) -> Try:
    return Try(
        provider=candidate.provider,
        model=candidate.model,
        account=lease.account.id,
        outcome=fault.kind,
        status=fault.status,
        reason=fault.message,
        seconds=seconds,
    )


def _succeeded(candidate: Candidate, lease: Lease, seconds: float) -> Try:
    return Try(
        provider=candidate.provider, model=candidate.model, account=lease.account.id, outcome="ok", seconds=seconds
    )


def _try(attempt: Try, fault: Fault) -> Try:
    return Try(
        provider=attempt.provider,
        model=attempt.model,
        account=attempt.account,
        outcome=fault.kind,
        status=fault.status,
        reason=fault.message,
        seconds=attempt.seconds,
    )
