"""The only loop around upstream calls: walks a plan until an answer has begun, inside one deadline and one budget.

An answer has begun when its first content (or its end) has arrived; what came before it is held. Until then anything
may fail over; afterwards the answer is the client's, and a fault goes to the client as an error of its dialect.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.affinity import Affinity
from router.accounts.health import Cooling, Crowded, Health, Lease
from router.accounts.sessions import Session, Sessions
from router.call import Call, Limits, Record, Try
from router.clock import Clock
from router.faults import Fault
from router.patience import Patience
from router.providers.config import ProviderConfig
from router.providers.lanes import Batch
from router.providers.run import Opened, Runner
from router.routing.affinity import Held
from router.routing.begun import Begun, failed, judge
from router.routing.choose import PREFERRED
from router.routing.crowd import Crowd
from router.routing.gate import Gate
from router.routing.hedge import FirstTokens, first_of
from router.routing.plan import Candidate, Plan
from router.routing.renewing import Renewing
from router.routing.spent import Progress
from router.routing.walk import Walk
from router.wire.written import Note

RENEWED = "its sign-in was renewed, and it is asked once more"
BESIDE = "the first attempt kept the caller waiting (hedge)"
HELD = 64 * 1024
"""Bytes that are held back while waiting for the first content."""


class _Round(Struct, frozen=True, kw_only=True):
    """What all attempts of one call share. wanted: why the call wants a certain account, where it wants one."""

    call: Call
    plan: Plan
    providers: Mapping[str, ProviderConfig]
    limits: Limits
    record: Record
    held: Held
    session: Session | None
    wanted: str
    walk: Walk
    renewing: Renewing


class _Run(Struct, frozen=True):
    """One attempt: its target, its account, since when (monotonic), how far it came, and why it is made with this
    account where its lease does not know that."""

    candidate: Candidate
    lease: Lease
    began: float
    progress: Progress
    because: str = ""


class Attempts:
    """Makes attempts for calls. Knows how long targets took lately, nothing else."""

    def __init__(
        self,
        runner: Runner,
        health: Health,
        affinity: Affinity,
        clock: Clock,
        chance: random.Random,
        patience: Patience,
        sessions: Sessions,
        crowd: Crowd,
    ) -> None:
        self._affinity = affinity
        self._sessions = sessions
        self._crowd = crowd
        self._patience = patience
        self._runner = runner
        self._health = health
        self._clock = clock
        self._chance = chance
        self.first_tokens = FirstTokens()

    async def begin(
        self, call: Call, plan: Plan, providers: Mapping[str, ProviderConfig], limits: Limits, record: Record
    ) -> Begun:
        """The first answer that begins. Raises the `Fault` that tells most about why none did."""
        held = self._affinity.held(call.dialect, call.body, call.conversation)
        session = self._sessions.of(call) if self._sessions.ttl and _may_choose(plan, providers) else None
        prefer, wanted = _wish(held, call, session)
        if call.strict and plan.smaller:
            plan = replace(plan, smaller=())  # another model is a change, which strict callers do not want
        round_ = _Round(
            call=call,
            plan=plan,
            providers=providers,
            limits=limits,
            record=record,
            held=held,
            session=session,
            wanted=wanted,
            walk=Walk(plan, limits, self._clock.monotonic(), prefer),
            renewing=Renewing(self._runner),
        )
        walk, hedged = round_.walk, False
        again: str | None = None
        while True:
            candidate, place = walk.next(self._clock.monotonic()), None
            if candidate is None:
                if not walk.full(self._clock.monotonic()):
                    break
                if (turn := await self._turn(round_)) is None:
                    continue  # which leaves the smaller models, where a limit was met
                candidate, place = turn
            provider = providers[candidate.provider]
            lease = self._health.lease(
                provider, candidate.model, avoid=walk.avoid(candidate), prefer=again or prefer, place=place
            )
            asked, again = again, None
            if isinstance(lease, Cooling):
                walk.cooling(candidate, lease)
                continue
            if isinstance(lease, Crowded):
                walk.crowded(candidate)
                continue
            because = RENEWED if lease.account.id == asked else ""
            run = _Run(candidate, lease, self._clock.monotonic(), Progress(), because)
            wait = self.first_tokens.wait(limits.hedge, candidate.provider, candidate.model, call.stream)
            if wait is None or hedged:
                begun, again = await self._alone(round_, run)
            else:
                hedged = True  # once for a call
                begun, again = await self._hedged(round_, run, wait)
            if begun is not None:
                return begun
            pause = walk.pause(self._clock.monotonic(), self._chance)
            if pause > 0:
                await asyncio.sleep(pause)
        raise walk.verdict()

    async def _turn(self, round_: _Round) -> tuple[Candidate, Gate] | None:
        """Wait for a place at whichever full provider has one first. None where there was none."""
        walk, began = round_.walk, self._clock.monotonic()
        gates: dict[Gate, str] = {}
        for candidate in walk.full(began):
            gate = self._health.rooms.of(round_.providers[candidate.provider])
            if gate is not None:
                gates[gate] = candidate.provider
        try:
            priority = round_.call.caller.priority
            place = await self._crowd.place(tuple(gates), priority, walk.remaining(began))
        except Fault as fault:
            walk.unserved(fault)
            return None
        finally:
            round_.record.waited += self._clock.monotonic() - began
        return walk.freed(gates[place]), place

    async def _alone(self, round_: _Round, run: _Run) -> tuple[Begun | None, str | None]:
        """One attempt: the answer that has begun, or the account that is to be asked again."""
        try:
            tried = await self._try(round_, run)
        except Fault as fault:
            return None, await self._lost(round_, run, fault)
        except BaseException:
            self._given_up(round_, run)
            raise
        return self._won(round_, run, tried), None

    async def _hedged(self, round_: _Round, run: _Run, wait: float) -> tuple[Begun | None, str | None]:
        """The same with a second attempt beside it where the first keeps the caller waiting."""
        runs = [run]

        def other() -> Coroutine[Any, Any, tuple[Begun, str]] | None:
            second = self._second(round_, run)
            if second is None:
                return None
            runs.append(second)
            return self._try(round_, second)

        async def drop(tried: tuple[Begun, str]) -> None:
            await tried[0].dropped()

        try:
            outcomes = await first_of(self._try(round_, run), wait, other, drop)
        except BaseException:
            for each in runs:
                self._given_up(round_, each)
            raise
        again: str | None = None
        for each, outcome in zip(runs, outcomes, strict=True):
            if isinstance(outcome, Fault):
                again = await self._lost(round_, each, outcome)
            elif outcome is None:
                self._given_up(round_, each, "hedged", "another was quicker")
        for each, outcome in zip(runs, outcomes, strict=True):
            if isinstance(outcome, tuple):
                return self._won(round_, each, outcome), None
            if isinstance(outcome, BaseException) and not isinstance(outcome, Fault):
                self._health.release(each.lease)
                raise outcome
        return None, again

    def _second(self, round_: _Round, run: _Run) -> _Run | None:
        """Who is asked beside a slow first attempt; None where nobody else can be."""
        walk = round_.walk
        for candidate in walk.beside(run.candidate):
            avoid = walk.avoid(candidate) | {run.lease.account.id}
            lease = self._health.lease(round_.providers[candidate.provider], candidate.model, avoid=avoid)
            if isinstance(lease, Lease):
                return _Run(candidate, lease, self._clock.monotonic(), Progress(), BESIDE)
        return None

    def _given_up(self, round_: _Round, run: _Run, outcome: str = "cancelled", reason: str = "") -> None:
        """Nobody wants the attempt any more. What was sent is paid for all the same."""
        self._health.release(run.lease)
        if run.progress.sent:
            usage = run.progress.spent(round_.call, "cancelled")
            made = replace(self._made(run, round_.wanted), outcome=outcome, reason=reason, usage=usage)
            round_.record.tries.append(made)

    def _won(self, round_: _Round, run: _Run, tried: tuple[Begun, str]) -> Begun:
        """Remember who answers."""
        call, record, candidate, lease = round_.call, round_.record, run.candidate, run.lease
        begun, lane = tried
        made = self._made(run, round_.wanted)
        record.tries.append(made)
        record.lane, record.provider, record.model = lane, candidate.provider, candidate.model
        record.account, record.notes = lease.account.id, (*call.notes, *_notes(candidate, begun))
        record.upstream_dialect = candidate.dialect
        if record.first_token is None:
            record.first_token = self._clock.monotonic() - call.began
        self._health.committed(lease)
        self.first_tokens.learn(candidate.provider, candidate.model, call.stream, made.seconds)
        if round_.session is not None:
            self._sessions.learn(round_.session, lease.account.id)
        return begun

    def _made(self, run: _Run, wanted: str) -> Try:
        seconds = self._clock.monotonic() - run.began
        candidate, account = run.candidate, run.lease.account.id
        return Try(
            provider=candidate.provider,
            model=candidate.model,
            account=account,
            outcome="ok",
            seconds=seconds,
            why=candidate.why,
            chosen=run.because or (wanted if run.lease.why == PREFERRED else run.lease.why),
        )

    async def _lost(self, round_: _Round, run: _Run, fault: Fault) -> str | None:
        """Judge a failed attempt. Gives the account's id where it has another secret now and is to be asked again."""
        walk, candidate, lease, renewing = round_.walk, run.candidate, run.lease, round_.renewing
        made = replace(self._made(run, round_.wanted), usage=run.progress.spent(round_.call, fault.kind))
        round_.record.tries.append(failed(made, fault))
        try:
            held_against = await renewing.recover(lease.account, fault)
        except BaseException:
            self._health.release(lease)
            raise
        if held_against is None:
            self._health.release(lease)
            walk.replayed(candidate, fault)
            return lease.account.id
        judge(self._health, lease, held_against, suspend=renewing.suspends(lease.account, held_against))
        walk.failed(candidate, lease, held_against, final=lease.config.kind == "demo")
        return None

    async def _try(self, round_: _Round, run: _Run) -> tuple[Begun, str]:
        """One attempt up to its first content. Closes what it opened on every failure."""
        call, candidate, lease, limits = round_.call, run.candidate, run.lease, round_.limits
        record, provider = round_.record, candidate.through(round_.providers[candidate.provider])
        if candidate.stands_in is not None:  # an answer names the model that gives it
            call = replace(call, asked=candidate.stands_in)
        patient = candidate.capabilities.slow or not call.stream
        seconds = limits.slow_first_token if patient else limits.first_token

        def sent() -> None:
            run.progress.sent = True
            if record.overhead is None:
                record.overhead = self._clock.monotonic() - call.began - record.waited

        opened: Opened | None = None
        try:
            with self._patience.limit(seconds):
                foreign = round_.held.foreign(lease.account.id)
                opened = await self._runner.open(
                    call, round_.plan, candidate, provider, lease.account, limits, sent, foreign
                )
                run.progress.observed = opened.lane.observed
                rest = opened.lane.batches()
                first = await _first_content(rest)
        except TimeoutError:
            await _close(opened)
            raise Fault("timeout", f"The provider gave no first token within {seconds:g} seconds.") from None
        except BaseException:
            await _close(opened)
            raise
        return Begun(opened, lease, self._health, self._affinity, first, rest, record, call), opened.name


def _wish(held: Held, call: Call, session: Session | None) -> tuple[str | None, str]:
    """The account that a call wants, and why."""
    if held.prefer is not None:
        return held.prefer, "it made what this conversation carries (thoughts, signatures)"
    if call.prefer is not None:
        return call.prefer, "it gave the answer that this call goes on from"
    if session is not None and session.account is not None:
        return session.account, "it has served this conversation before"
    return None, ""


def _may_choose(plan: Plan, providers: Mapping[str, ProviderConfig]) -> bool:
    """Whether there is more than one account of one rank, so that a session can be kept at one of them."""
    candidates = plan.candidates
    if any(len(providers[candidate.provider].accounts) > 1 for candidate in candidates):
        return True
    return len(candidates) > 1 and len({candidate.rank for candidate in candidates}) < len(candidates)


def _notes(candidate: Candidate, begun: Begun) -> tuple[Note, ...]:
    return begun.notes if candidate.stands_in is None else (*begun.notes, Note("changed", "model"))


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
