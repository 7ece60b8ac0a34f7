"""An answer that outlives its provider: where it breaks off, another attempt says the rest.

The first attempt is `router.routing.attempt`'s. What it had given out goes to the next target as the beginning of the
answer; what comes back is joined to it (`router.wire.splice`) and written behind it, as if one model had said it all.
Where nobody can go on without losing or repeating something, the client gets the first fault.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from itertools import groupby
from typing import Protocol

from msgspec.structs import replace

from router.call import Call, Limits, Record, Resume
from router.faults import Fault, Kind
from router.providers.config import ProviderConfig
from router.providers.lanes import Batch, Lane, Writes
from router.providers.run import context_of, with_conversation
from router.routing.attempt import Attempts
from router.routing.begun import Begun
from router.routing.plan import Candidate, Plan
from router.wire.conversation import Conversation
from router.wire.delivered import Delivered
from router.wire.dialect import DialectSpec, ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.events import COMMITTING, Event, Usage
from router.wire.join import Disagreement
from router.wire.messages import count_tokens
from router.wire.splice import Splice, resumed, together

_log = logging.getLogger("switchyard.rescue")
MENDED: frozenset[Kind] = frozenset(
    (
        "upstream_broken",
        "timeout",
        "overloaded",
        "unavailable",
        "rate_limited",
        "quota_spent",
        "upstream_auth",
        "conflict",
    )
)
"""Faults in the middle behind which somebody else may go on."""


class Observer(Protocol):
    """Where rescues are counted."""

    def rescue(self, outcome: str) -> None: ...


class Tap:
    """In the place of a stream's writer: gives the events of an attempt as they are."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def made(self, context: ReplyContext) -> Tap:
        """For the next attempt; what a failed one has left is forgotten."""
        self._events.clear()
        return self

    def feed(self, event: Event) -> list[bytes]:
        self._events.append(event)
        return []

    def fail(self, fault: Fault) -> list[bytes]:
        return []

    def taken(self) -> list[Event]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events


class Lasting:
    """An answer that has begun, and what goes on behind it. Used like `Begun`, whose place it takes."""

    def __init__(
        self,
        attempts: Attempts,
        begun: Begun,
        call: Call,
        plan: Plan,
        providers: Mapping[str, ProviderConfig],
        limits: Limits,
        record: Record,
        *,
        resume: Resume,
        observer: Observer,
    ) -> None:
        self.lane: Lane = begun.lane
        self.first = begun.first
        self._begun_rest = begun.rest
        self.rest = self._rest()
        self._attempts = attempts
        self._current: Begun | None = begun
        self._call = call
        self._plan = plan
        self._providers = providers
        self._limits = limits
        self._record = record
        self._resume = resume
        self._observer = observer
        self._broken: list[Candidate] = []
        self._useless: list[Candidate] = []
        self._used: Usage | None = None  # of the attempts that broke off

    async def complete(self) -> None:
        """The whole answer went to the client."""
        if self._current is not None:
            await self._current.complete()
        self._settle()

    async def broken(self, fault: Fault) -> None:
        """The answer broke off for good."""
        if self._current is not None:
            await self._current.broken(fault)
        self._settle()

    async def abandoned(self) -> None:
        """The client went away, or we did."""
        if self._current is not None:
            await self._current.abandoned()
        self._settle()

    def _settle(self) -> None:
        """The record has what all attempts have used."""
        if self._used is not None:
            usage = self._record.usage if self._current is not None else None
            self._record.usage = self._used if usage is None else together(self._used, usage)
        self._current = None

    async def _rest(self) -> AsyncIterator[Batch]:
        batches, first = self._begun_rest, None
        while True:
            last: Fault | str
            try:
                async for batch in batches:
                    yield batch
            except Fault as fault:
                last, first = fault, first or fault
            except Disagreement as disagreement:  # of a later attempt: there is a first fault
                last = str(disagreement)
            else:
                if first is not None:
                    self._observer.rescue("rescued")
                return
            following = await self._following(last)
            if following is None:
                self._observer.rescue("failed")
                raise first or Fault("internal", f"An answer does not go on with itself: {last}.")
            batches = following

    async def _following(self, last: Fault | str) -> AsyncIterator[Batch] | None:
        """What follows behind a break, or None where nothing can. last: the fault, or why the new text did not fit."""
        await self._let_go(last)
        delivered = self.lane.delivered
        why = self._bar(last, delivered)
        if why is not None or delivered is None:
            _log.info("%s: nobody goes on with this answer: %s", self._call.id, why)
            return None
        try:
            call = with_conversation(self._call, self._call.spec or DIALECTS[self._call.dialect])
            return await self._next(call, delivered)
        except Fault as fault:
            _log.info("%s: nobody could go on with this answer: %s", self._call.id, fault.message)
            return None

    async def _let_go(self, last: Fault | str) -> None:
        """End the attempt that broke off, and remember what it used."""
        current, self._current = self._current, None
        if current is None:
            return
        served = self._served()
        if isinstance(last, Fault):
            await current.broken(last)
            self._broken += [served] if served is not None else []
        else:
            await current.abandoned()
            self._record.tries[-1] = replace(self._record.tries[-1], outcome="disagreed", reason=last)
            self._useless += [served] if served is not None else []
        usage = self._record.usage
        if self.lane.delivered is not None and usage is not None:
            self._used = usage if self._used is None else together(self._used, usage)

    def _bar(self, last: Fault | str, delivered: Delivered | None) -> str | None:
        """Why nobody may go on; None where somebody may try."""
        if isinstance(last, Fault) and last.kind not in MENDED:
            return f"the fault is {last.kind}"
        if delivered is None:
            return "what went out was not kept"
        if delivered.bar is not None:
            return delivered.bar
        if self._left() < 1:
            return "all attempts are used up"
        return None

    def _left(self) -> int:
        return self._limits.max_attempts - len(self._record.tries)

    def _served(self) -> Candidate | None:
        """The candidate that gave the newest attempt."""
        made = self._record.tries[-1]
        every = (*self._plan.candidates, *self._plan.smaller)
        return next((each for each in every if (each.provider, each.model) == (made.provider, made.model)), None)

    async def _next(self, call: Call, delivered: Delivered) -> AsyncIterator[Batch]:
        """The rest, from the first target that begins it. Raises `Fault` where none does."""
        asked = call.conversation
        if asked is None:
            raise Fault("internal", "A request that was read is not there.")
        if (asked.n or 1) > 1 or asked.logprobs is not None:
            raise Fault("unavailable", "several answers, or log probabilities, were asked for")
        candidates = [each for each in self._plan.candidates if self._may_try(each)]
        if self._resume == "auto" and asked.output is not None and asked.output.kind != "text":
            candidates = [each for each in candidates if _continues(each)]  # others begin a new document
        candidates.sort(key=lambda each: each in self._broken)  # whoever broke off comes last
        write = self.lane.behind(context_of(call, asked))
        if write is None:
            raise Fault("unavailable", "the answer broke off where nothing can be written behind it")
        fault = Fault("unavailable", "no target is left that could")
        for continues, group in groupby(candidates, _continues):
            able = list(group)
            for way in (True, False) if continues else (False,):
                try:
                    return await self._with(able, call, asked, delivered, write, continues=way)
                except Fault as failed:
                    fault = failed
                if fault.kind != "bad_request" or self._left() < 1:  # else it takes no words of its own after all
                    break
        raise fault

    async def _with(
        self,
        candidates: list[Candidate],
        call: Call,
        asked: Conversation,
        delivered: Delivered,
        write: Writes,
        *,
        continues: bool,
    ) -> AsyncIterator[Batch]:
        """The rest from one of these, which are all asked in the same way."""
        tap = Tap()
        conversation = resumed(asked, delivered, continues=continues)
        going_on = replace(call, conversation=conversation, spec=_tapped(call, tap), resume="error")
        translated = tuple(replace(each, lane="translated") for each in candidates)
        plan = replace(self._plan, candidates=translated, smaller=())
        limits = replace(self._limits, max_attempts=self._left(), hedge="off")  # two would share the tap
        self._current = await self._attempts.begin(going_on, plan, self._providers, limits, self._record)
        before, lenient = self._estimated(delivered), self._resume == "continue"
        splice = Splice(delivered, before=before, continues=continues, lenient=lenient)
        _log.info("%s: %s/%s goes on with this answer", call.id, self._record.provider, self._record.model)
        return _spliced(self._current, tap, splice, write)

    def _may_try(self, candidate: Candidate) -> bool:
        """Not who said something else, nor who broke off twice; the demo breaks off whenever it is asked to."""
        times = self._broken.count(candidate)
        demo = self._providers[candidate.provider].kind == "demo"
        return candidate not in self._useless and times < (1 if demo else 2)

    def _estimated(self, delivered: Delivered) -> Usage:
        """What the attempts so far have used as the client may be told it."""
        known = delivered.usage
        called = sum(len(call.arguments) for call in delivered.calls)
        output = count_tokens.estimate_text(len(delivered.text) + called)
        if known is None:
            return Usage(output=output, estimated=True)
        return replace(known, output=max(known.output, output), estimated=known.estimated or output > known.output)


def _continues(candidate: Candidate) -> bool:
    """Whether the model goes on behind words that stand as its own: only this dialect has that in its contract."""
    return candidate.dialect == "messages" and candidate.capabilities.prefill


def _tapped(call: Call, tap: Tap) -> DialectSpec:
    return replace(call.spec or DIALECTS[call.dialect], stream_writer=tap.made)


async def _spliced(begun: Begun, tap: Tap, splice: Splice, write: Writes) -> AsyncIterator[Batch]:
    """The batches of an attempt that goes on, its events joined to what went out."""
    yield _batch(tap.taken(), splice, write)
    async for _ in begun.rest:
        yield _batch(tap.taken(), splice, write)


def _batch(events: list[Event], splice: Splice, write: Writes) -> Batch:
    joined = [out for event in events for out in splice.feed(event)]
    return Batch(write(joined), any(isinstance(event, COMMITTING) for event in joined))
