"""The one path of every generation request: understand, plan, attempt, reply, settle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from msgspec.structs import replace

from router.api.continuation import FinalAnswer
from router.api.edge import Edge
from router.api.entry import enter
from router.api.exchange import Exchange
from router.api.frame import framed, in_line
from router.api.local_answer import answer_here, housekept
from router.api.planning import ordering, planned, prompted, thoughtful
from router.api.recording import recorded
from router.api.replay import Replay, given_again
from router.api.reply import Reply
from router.api.spending import HEADER, reserve
from router.api.understand import Addressed, Surface, must_read, read, understand
from router.call import Call, Limits, Record
from router.faults import Fault
from router.providers.lanes import Lane
from router.routing.begun import Begun
from router.routing.limits import limits_of
from router.routing.needs import needs_of
from router.routing.plan import Candidate, Needs, Plan
from router.routing.rescue import Lasting
from router.snapshot import Snapshot
from router.trace import Part, Trace
from router.wire.capabilities import Capabilities
from router.wire.dialect import DialectSpec
from router.wire.notes import header_value

_NO_CAPABILITIES = Capabilities()
_EXHAUSTED = frozenset({"upstream_broken", "timeout", "overloaded", "unavailable"})
"""Faults that end a whole plan: an SDK that repeats the call would multiply all the attempts that were made for it."""


class Framing(Protocol):
    """Turns a stream of SSE bytes, errors included, into another framing (Gemini's JSON array). One per answer."""

    def feed(self, data: bytes) -> bytes: ...

    def close(self) -> bytes: ...


async def generate(
    edge: Edge, exchange: Exchange, surface: Surface, addressed: Addressed, framing: Framing | None = None
) -> None:
    """Serve one generation request from its first byte to its settlement. Raises nothing but a foreign cancellation."""
    gateway = edge.gateway
    call_id = gateway.ids.request()
    spec = surface.spec
    record = Record(call_id=call_id, dialect=spec.name, surface=surface.name, asked=addressed.model or "")
    record.began = gateway.clock.wall()
    reply = Reply(exchange.send, call_id, heartbeat=spec.heartbeat)
    out = _Out(exchange, reply, framing, gateway.clock.monotonic())
    await framed(
        gateway,
        exchange,
        record,
        _generate(edge, surface, addressed, record, out),
        refuse=lambda fault: _refuse(spec, out, record, fault),
        settle=lambda: _settle(edge, record, out),
    )


async def _generate(edge: Edge, surface: Surface, addressed: Addressed, record: Record, out: _Out) -> None:
    gateway, exchange, spec = edge.gateway, out.exchange, surface.spec
    key, record.caller = enter(exchange, gateway)
    snapshot = gateway.current
    policies = snapshot.settings.policies
    if edge.recorder.wanted(exchange.headers, snapshot.access.of(key.id).recorded):
        out.trace = recorded(exchange, out.reply, edge.recorder.room)
    with gateway.admission.entry(key) as entry, exchange.until_deadline():
        if entry.waits:
            await in_line(exchange, entry, record)
        if not edge.known.read.is_set():
            await edge.known.wait()
        body = await exchange.body(snapshot.settings.server.limits.body_bytes, gateway.net.patience)
        if out.trace is not None:
            out.trace.body = Part(body)
        call = understand(
            exchange,
            surface,
            addressed,
            body,
            call_id=record.call_id,
            response_id=gateway.ids.response(spec.id_prefix, record.call_id),
            caller=record.caller,
            began=out.began,
            created=int(gateway.clock.wall()),
            strict=policies.strict,
            thinking_output=policies.thinking_output,
            tracked=policies.sessions != "off",
        )
        record.asked, record.stream = call.asked, call.stream
        record.session = edge.pseudonym(call, "named" if policies.sessions != "off" else "off")
        out.replay = Replay(gateway, exchange, key, call, surface.name, array=addressed.array)
        if await given_again(edge, out.replay, out.replay.repeated(), out.reply, exchange, record):
            return
        if out.trace is not None:
            call = replace(call, trace=out.trace)
        call = await edge.continuations.resume(call)
        if policies.sessions == "all" and not record.session:  # the whole of it stands in the body only now
            record.session = edge.pseudonym(call, "all")
        snapshot, call, chosen = await _planned(edge, exchange, surface, call)
        own = housekept(call, policies.housekeeping)
        if own is not None:
            exchange.finished = True
            await answer_here(spec, call, record, out.reply, own)
            return
        limits = limits_of(snapshot.limits, chosen.limits, call.limits)
        if await given_again(edge, out.replay, out.replay.cached(call, chosen, limits), out.reply, exchange, record):
            return
        first = chosen.candidates[0] if chosen.candidates else None
        await reserve(gateway, snapshot, key, call, record, (first.provider, first.model) if first else None)
        try:
            with exchange.watched(edge.watchers), gateway.net.patience.limit(limits.total, exchange.task):
                await _serve(edge, snapshot, call, chosen, limits, record, out)
        finally:
            edge.heartbeats.forget(out.reply)


async def _planned(edge: Edge, exchange: Exchange, surface: Surface, call: Call) -> tuple[Snapshot, Call, Plan]:
    """The plan, waiting for a service that is about to come where only that could serve. Raises `Fault`."""
    while True:
        snapshot = edge.gateway.current
        try:
            return snapshot, *plan_call(edge, snapshot, surface, call)
        except Fault as fault:
            seconds = edge.gateway.arrivals.left(fault, snapshot.providers)
            if seconds <= 0:
                raise
        with exchange.watched(edge.watchers):
            await edge.gateway.arrivals.wait(seconds)


def plan_call(edge: Edge, snapshot: Snapshot, surface: Surface, call: Call) -> tuple[Call, Plan]:
    """The plan, and the call with its conversation where a candidate needs it. Raises `Fault`."""
    rotation = edge.gateway.rotation()
    order = ordering(edge.gateway, snapshot, call)
    chosen = planned(snapshot, call, Needs(dialect=call.dialect), rotation=rotation, order=order)
    shape = snapshot.shapes.of(call.caller.key_id, chosen.route)
    call = prompted(call, shape, surface)
    call, chosen = thoughtful(call, snapshot.shapes, shape, chosen, surface)
    raw = surface.raw and chosen.reasoning is None and all(_goes_raw(snapshot, c) for c in chosen.candidates)
    if raw and not must_read(call):
        return replace(call, conversation=None), chosen
    conversation = call.conversation or read(call, surface.spec.read_request)
    call = replace(call, conversation=conversation)
    needs = needs_of(conversation, call.dialect)
    decided = {"reasoning": chosen.reasoning, "wish": chosen.wish}
    chosen = replace(planned(snapshot, call, needs, rotation=rotation, order=order), **decided)
    if not surface.raw:
        chosen = replace(chosen, candidates=_translated(chosen.candidates), smaller=_translated(chosen.smaller))
    return call, chosen


def _translated(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, lane="translated") for candidate in candidates)


def _goes_raw(snapshot: Snapshot, candidate: Candidate) -> bool:
    return candidate.lane == "raw" and snapshot.providers[candidate.provider].kind != "demo"


class _Out:
    """Where the answer goes. lane: the open answer, replay: what earlier and later answers have to do with it, once
    there is one. trace: None where the call is not recorded."""

    def __init__(self, exchange: Exchange, reply: Reply, framing: Framing | None, began: float) -> None:
        self.exchange = exchange
        self.reply = reply
        self.framing = framing
        self.began = began
        self.trace: Trace | None = None
        self.lane: Lane | None = None
        self.replay: Replay | None = None

    def shown(self, data: bytes) -> bytes:
        """A piece of a good answer on its way to the client."""
        if self.replay is not None:
            self.replay.wrote(data)
        return data


async def _serve(
    edge: Edge, snapshot: Snapshot, call: Call, chosen: Plan, limits: Limits, record: Record, out: _Out
) -> None:
    """Find an answer that begins, and give it to the client."""
    if call.stream and out.framing is None:
        edge.heartbeats.watch(out.reply, chosen.grace)
    resume = "error" if call.strict else call.resume or chosen.resume or limits.resume
    call = replace(call, resume=resume)
    edge.gateway.ledger.opened(record, chosen.candidates[0].provider, chosen.candidates[0].model)
    begun: Begun | Lasting
    providers = snapshot.providers_for(call.caller.key_id)
    begun = await edge.gateway.attempts.begin(call, chosen, providers, limits, record)
    if begun.lane.delivered is not None:
        begun = Lasting(
            edge.gateway.attempts,
            begun,
            call,
            chosen,
            providers,
            limits,
            record,
            resume=resume,
            observer=edge.gateway.metrics,
        )
    out.lane = begun.lane
    headers = answer_headers(record, snapshot.settings.observe.account_header)
    if out.replay is not None:
        headers |= out.replay.headers
    final = FinalAnswer() if edge.continuations.wants(call) else None
    if call.stream:
        edge.gateway.metrics.open_streams.inc()
        try:
            await _stream(begun, out, headers, record, final)
        finally:
            edge.gateway.metrics.open_streams.dec()
    else:
        await _whole(begun, out, headers, final)
    if out.replay is not None and record.outcome == "":
        out.replay.whole(record, headers, events=call.stream and out.framing is None)
    if final is not None and record.outcome == "":
        edge.continuations.keep(call, record, final)


async def _stream(
    begun: Begun | Lasting, out: _Out, headers: dict[str, str], record: Record, final: FinalAnswer | None
) -> None:
    """A streamed answer. A fault in the middle becomes an in-band error."""
    reply = out.reply
    try:
        await reply.head(200, headers, stream=out.framing is None)
        framing = out.framing
        async for data in _pieces(begun):
            if final is not None:
                final.frames(data)
            await reply.write(out.shown(data if framing is None else framing.feed(data)))
        out.exchange.finished = True
        await reply.end(out.shown(b"" if framing is None else framing.close()))
        await begun.complete()
    except Fault as fault:
        await begun.broken(fault)
        raise
    except BaseException:
        await asyncio.shield(begun.abandoned())
        raise


async def _whole(begun: Begun | Lasting, out: _Out, headers: dict[str, str], final: FinalAnswer | None) -> None:
    """An unstreamed answer: nothing is sent before all of it is there."""
    parts = [begun.first]
    try:
        parts += [batch.data async for batch in begun.rest]
    except Fault as fault:
        await begun.broken(fault)
        raise
    except BaseException:
        await asyncio.shield(begun.abandoned())
        raise
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if final is not None:
        final.whole(body)
    await begun.complete()
    out.exchange.finished = True
    await out.reply.whole(200, headers, out.shown(body))


async def _pieces(begun: Begun | Lasting) -> AsyncIterator[bytes]:
    yield begun.first
    async for batch in begun.rest:
        if batch.data:
            yield batch.data


def answer_headers(record: Record, account: bool) -> dict[str, str]:
    """What an answer says about itself."""
    headers = {
        "x-switchyard-model": record.model,
        "x-switchyard-provider": record.provider,
        "x-switchyard-attempts": str(len(record.tries)),
    }
    if record.overhead is not None:
        headers["x-switchyard-overhead-ms"] = f"{record.overhead * 1000:.2f}"
    if record.budget:
        headers[HEADER] = record.budget
    if record.notes:
        headers["x-switchyard-notes"] = header_value(record.notes)
    if account:
        headers["x-switchyard-account"] = record.account
    return headers


async def _refuse(spec: DialectSpec, out: _Out, record: Record, fault: Fault) -> None:
    """Tell the client: as a status where nothing was sent yet, else in the stream."""
    record.outcome, record.reason = fault.kind, fault.message
    reply = out.reply
    if fault.kind == "cancelled":
        return
    out.exchange.finished = True
    if not reply.started:
        status, headers, body = spec.render_fault(fault, record.call_id)
        headers["x-switchyard-attempts"] = str(len(record.tries))
        if fault.kind in _EXHAUSTED and fault.retry_after is None:
            headers["x-should-retry"] = "false"
        await reply.json(status, headers, body)
        return
    failure = out.lane.failure(fault) if out.lane is not None else _failure(spec, fault)
    for data in failure:
        await reply.write(data if out.framing is None else out.framing.feed(data))
    await reply.end(b"" if out.framing is None else out.framing.close())


def _failure(spec: DialectSpec, fault: Fault) -> list[bytes]:
    """The in-band error of an answer that had only heartbeats so far."""
    return spec.stream_failure(fault, spec.stream_reader(_NO_CAPABILITIES))


def _settle(edge: Edge, record: Record, out: _Out) -> None:
    gateway = edge.gateway
    if out.replay is not None:
        out.replay.close()
    record.status = 499 if out.exchange.gone else out.reply.status
    record.total = gateway.clock.monotonic() - out.began
    if out.reply.first_byte is not None:
        record.first_byte = out.reply.first_byte - out.began
    gateway.settle(record)
    if out.trace is not None:
        own = gateway.current.access.of(record.caller.key_id).recorded if record.caller is not None else None
        edge.recorder.over(out.trace, record, own)
