"""The one path of every generation request: understand, plan, attempt, reply, settle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from msgspec.structs import replace

from router.api.continuation import FinalAnswer
from router.api.exchange import Exchange
from router.api.reply import Reply
from router.api.understand import Addressed, Surface, authenticate, caller_of, must_read, read, understand
from router.call import Call, Record
from router.faults import Fault
from router.gateway import Gateway, Snapshot
from router.routing.attempt import Begun
from router.routing.needs import needs_of
from router.routing.plan import Needs, Plan, plan
from router.wire.capabilities import Capabilities
from router.wire.dialect import DialectSpec
from router.wire.notes import header_value

_NO_CAPABILITIES = Capabilities()

Framing = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
"""Turns a stream of SSE bytes into another framing (Gemini's JSON array)."""


async def generate(
    gateway: Gateway, exchange: Exchange, surface: Surface, addressed: Addressed, framing: Framing | None = None
) -> None:
    """Serve one generation request from its first byte to its settlement. Raises nothing but a foreign cancellation."""
    began = gateway.clock.monotonic()
    snapshot = gateway.current
    call_id = gateway.ids.request()
    spec = surface.spec
    record = Record(call_id=call_id, dialect=spec.name, surface=surface.name, asked=addressed.model or "")
    reply = Reply(exchange.send, call_id, heartbeat=spec.heartbeat)
    watcher: asyncio.Task[None] | None = None
    gateway.metrics.open_requests.inc()
    try:
        key = authenticate(exchange, gateway.keys)
        record.caller = caller_of(exchange, key)
        gateway.admit()
        body = await exchange.body(snapshot.settings.server.limits.body_bytes)
        call = understand(
            exchange,
            surface,
            addressed,
            body,
            call_id=call_id,
            response_id=gateway.ids.response(spec.id_prefix, call_id),
            caller=record.caller,
            began=began,
            created=int(gateway.clock.wall()),
            strict=snapshot.settings.policies.strict,
            thinking_output=snapshot.settings.policies.thinking_output,
        )
        record.asked, record.stream = call.asked, call.stream
        call = await gateway.continuations.resume(call)
        call, chosen = plan_call(gateway, snapshot, surface, call)
        watcher = exchange.watch(gateway.watchers)
        async with asyncio.timeout(snapshot.limits.total):
            await _serve(gateway, snapshot, call, chosen, record, _Out(exchange, reply, framing))
        record.outcome = record.outcome or "ok"
    except Fault as fault:
        await _refuse(spec, reply, record, fault)
    except TimeoutError:
        limit = snapshot.limits.total
        await _refuse(spec, reply, record, Fault("timeout", f"The call took longer than {limit:g} seconds altogether."))
    except asyncio.CancelledError:
        record.outcome, record.reason = "cancelled", "the client went away"
        if not exchange.gone:
            record.reason = "the router is stopping"
            raise
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    except Exception as error:
        gateway.log.exception("request %s failed by a mistake of ours", call_id)
        await _refuse(spec, reply, record, Fault("internal", f"The gateway itself failed ({type(error).__name__})."))
    finally:
        if watcher is not None:
            watcher.cancel()
        gateway.heartbeats.forget(reply)
        gateway.metrics.open_requests.dec()
        _settle(gateway, record, reply, began, exchange.gone)


def plan_call(gateway: Gateway, snapshot: Snapshot, surface: Surface, call: Call) -> tuple[Call, Plan]:
    """The plan, and the call with its conversation where a candidate needs it. Raises `Fault`."""
    rotation = gateway.rotation()
    chosen = plan(snapshot.table, call.asked, needs=Needs(dialect=call.dialect), pinned=call.pinned, rotation=rotation)
    if surface.raw and chosen.reasoning is None and all(c.lane == "raw" for c in chosen.candidates):
        if not must_read(call):
            return call, chosen
    conversation = read(call, surface.spec.read_request)
    call = replace(call, conversation=conversation)
    needs = needs_of(conversation, call.dialect)
    chosen = plan(snapshot.table, call.asked, needs=needs, pinned=call.pinned, rotation=rotation)
    if not surface.raw:
        candidates = tuple(replace(candidate, lane="translated") for candidate in chosen.candidates)
        chosen = replace(chosen, candidates=candidates)
    return call, chosen


class _Out:
    """Where the answer goes."""

    def __init__(self, exchange: Exchange, reply: Reply, framing: Framing | None) -> None:
        self.exchange = exchange
        self.reply = reply
        self.framing = framing


async def _serve(gateway: Gateway, snapshot: Snapshot, call: Call, chosen: Plan, record: Record, out: _Out) -> None:
    """Find an answer that begins, and give it to the client."""
    if call.stream and out.framing is None:
        gateway.heartbeats.watch(out.reply)
    begun = await gateway.attempts.begin(call, chosen, snapshot.providers, snapshot.limits, record)
    headers = answer_headers(record, snapshot.settings.observe.account_header)
    final = FinalAnswer() if gateway.continuations.wants(call) else None
    if call.stream:
        gateway.metrics.open_streams.inc()
        try:
            await _stream(begun, out, headers, record, final)
        finally:
            gateway.metrics.open_streams.dec()
    else:
        await _whole(begun, out, headers, final)
    if final is not None and record.outcome == "":
        gateway.continuations.keep(call, record, final)


async def _stream(begun: Begun, out: _Out, headers: dict[str, str], record: Record, final: FinalAnswer | None) -> None:
    """A streamed answer. A fault in the middle becomes an in-band error."""
    reply = out.reply
    try:
        await reply.head(200, headers, stream=out.framing is None)
        pieces = _pieces(begun)
        async for data in out.framing(pieces) if out.framing is not None else pieces:
            if final is not None:
                final.frames(data)
            await reply.write(data)
        out.exchange.finished = True
        await reply.end()
        await begun.complete()
    except Fault as fault:
        record.outcome, record.reason = fault.kind, fault.message
        for data in begun.lane.failure(fault):
            await reply.write(data)
        out.exchange.finished = True
        await reply.end()
        await begun.broken(fault)
    except BaseException:
        await asyncio.shield(begun.abandoned())
        raise


async def _whole(begun: Begun, out: _Out, headers: dict[str, str], final: FinalAnswer | None) -> None:
    """An unstreamed answer: nothing is sent before all of it is there."""
    parts = [begun.first]
    try:
        async for batch in begun.rest:
            parts.append(batch.data)
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
    await out.reply.whole(200, headers, body)


async def _pieces(begun: Begun) -> AsyncIterator[bytes]:
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
    if record.notes:
        headers["x-switchyard-notes"] = header_value(record.notes)
    if account:
        headers["x-switchyard-account"] = record.account
    return headers


async def _refuse(spec: DialectSpec, reply: Reply, record: Record, fault: Fault) -> None:
    """Tell the client, as a status where nothing was sent yet, else in the stream."""
    record.outcome, record.reason = fault.kind, fault.message
    if fault.kind == "cancelled":
        return
    if reply.started:
        for data in spec.stream_failure(fault, spec.stream_reader(_NO_CAPABILITIES)):
            await reply.write(data)
        await reply.end()
        return
    status, headers, body = spec.render_fault(fault, record.call_id)
    headers["x-switchyard-attempts"] = str(len(record.tries))
    await reply.json(status, headers, body)


def _settle(gateway: Gateway, record: Record, reply: Reply, began: float, gone: bool) -> None:
    record.status = 499 if gone else reply.status
    record.total = gateway.clock.monotonic() - began
    if reply.first_byte is not None:
        record.first_byte = reply.first_byte - began
    gateway.settle(record)
