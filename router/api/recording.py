"""How a call that is recorded is heard at the edge."""

from __future__ import annotations

from starlette.types import Message, Send

from router.access.credentials import presented_keys
from router.api.exchange import Exchange
from router.hidden import Hidden
from router.trace import Room, Trace


def tracing(exchange: Exchange, room: Room) -> Trace:
    """What a call is heard with. Every key that its caller showed is known to it, and so is never written."""
    secrets = Hidden(*presented_keys(exchange.headers, exchange.query_string))
    return Trace(exchange.method, exchange.path, exchange.query_string, exchange.headers, secrets, room)


def heard(send: Send, trace: Trace) -> Send:
    """`send`, whose messages the trace hears once they have left."""

    async def sending(message: Message) -> None:
        await send(message)
        trace.told(message)

    return sending
