"""How a call that is recorded is heard at the edge."""

from __future__ import annotations

from starlette.types import Message, Send

from router.access.credentials import presented_keys
from router.api.exchange import Exchange
from router.api.reply import Reply
from router.hidden import Hidden
from router.trace import Room, Trace


def recorded(exchange: Exchange, reply: Reply, room: Room) -> Trace:
    """What a call is heard with from now on, its answer too. Every key that its caller showed is known to it, and so is
    never written."""
    secrets = Hidden(*presented_keys(exchange.headers, exchange.query_string))
    trace = Trace(exchange.method, exchange.path, exchange.query_string, exchange.headers, secrets, room)
    reply.heard(lambda send: _heard(send, trace))
    return trace


def _heard(send: Send, trace: Trace) -> Send:
    """`send`, whose messages the trace hears once they have left."""

    async def sending(message: Message) -> None:
        await send(message)
        trace.told(message)

    return sending
