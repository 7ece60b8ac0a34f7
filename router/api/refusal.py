"""Refusals outside generation: any fault, in the dialect of whoever asked."""

from __future__ import annotations

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.reply import Reply
from router.api.understand import dialect_of
from router.call import Record
from router.faults import Fault
from router.wire.dialect import DialectSpec
from router.wire.dialects import DIALECTS


async def refuse(edge: Edge, exchange: Exchange, spec: DialectSpec | None, fault: Fault) -> None:
    """Answer with `fault`. spec: None where the path tells no dialect; then the headers do."""
    spec = spec or DIALECTS[dialect_of(exchange.headers)]
    call_id = edge.gateway.ids.request()
    status, headers, body = spec.render_fault(fault, call_id)
    if status == 405:
        headers["allow"] = "POST"
    reply = Reply(exchange.send, call_id)
    await reply.json(status, headers, body)
    edge.gateway.settle(
        Record(
            call_id=call_id,
            dialect=spec.name,
            surface="other",
            asked="",
            status=status,
            outcome=fault.kind,
            reason=fault.message,
        )
    )
