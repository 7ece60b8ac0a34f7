"""WebSockets that leave the router, through the sessions of `router.net.client`: same proxies, same TLS, no redirects.

One text message at a time; the peer is held back while nobody reads. Nothing here reconnects or knows a provider.
"""

from __future__ import annotations

import types
from collections.abc import Mapping

import aiohttp
from msgspec import Struct
from yarl import URL

from router.faults import Fault
from router.net.client import Net, Redirected, http_proxy, no_answer, refuse_strange_proxy, unsendable
from router.net.message import Timeouts
from router.patience import Patience
from router.wire import statuses

LONGEST = 4 * 1024 * 1024
"""Bytes of one message, unless the caller says otherwise."""
_GOODBYE = 0.5
"""Seconds that the peer is given to answer our close."""


class SocketRequest(Struct, frozen=True):
    """Where to connect. url: ``wss://…`` or ``ws://…``, encoded. headers: as sent, credentials included."""

    url: str
    headers: Mapping[str, str]
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"SocketRequest({self.url.partition('?')[0]})"  # as `HttpRequest`


class Socket:
    """An open WebSocket. Close it on every path; closing tells the peer at once. One reader and one writer."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, patience: Patience) -> None:
        self._socket = socket
        self._patience = patience

    async def send(self, text: str) -> None:
        """One text message. Raises `Fault` upstream_broken where the connection is gone."""
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError):
            raise Fault("upstream_broken", "The connection to the provider broke while something was sent.") from None

    async def receive(self, within: float) -> str | None:
        """The next text message; None where none came within `within` seconds, and then it may be called again.

        Raises `Fault` upstream_broken where the connection has ended, in whatever way."""
        try:
            with self._patience.limit(within):
                message = await self._socket.receive()
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError):
            raise Fault("upstream_broken", "The connection to the provider broke.") from None
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        raise Fault("upstream_broken", self._ending(message.type))

    def _ending(self, kind: aiohttp.WSMsgType) -> str:
        if kind is aiohttp.WSMsgType.BINARY:
            return "The provider sent a binary message where text was expected."
        if kind is aiohttp.WSMsgType.ERROR:
            return f"The provider broke the WebSocket protocol, or sent too long a message ({self._socket.close_code})."
        code = self._socket.close_code
        return f"The provider closed the connection{f' (code {code})' if code and code != 1006 else ''}."

    async def close(self) -> None:
        """Say goodbye and let go. Safe to call twice."""
        await self._socket.close()

    async def __aenter__(self) -> Socket:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        await self.close()


async def connect(net: Net, request: SocketRequest, timeouts: Timeouts, *, longest: int = LONGEST) -> Socket:
    """Connect and shake hands. longest: bytes of one message.

    `timeouts.head`, or `timeouts.connect` where that is None, is the limit for all of it. Raises `Fault`: what its
    status means where the server refuses the handshake, else upstream_broken (no connection) or timeout.
    """
    chosen = net.way(request.url, request.proxy)
    refuse_strange_proxy(chosen)
    limit = timeouts.connect if timeouts.head is None else timeouts.head
    session = net.socket_session(chosen.proxy)
    try:
        with net.patience.limit(limit):
            socket = await session.ws_connect(
                URL(request.url, encoded=True),
                headers=request.headers,
                proxy=http_proxy(chosen.proxy),
                autoping=True,
                max_msg_size=longest,
                timeout=aiohttp.ClientWSTimeout(ws_close=_GOODBYE),
            )
    except aiohttp.WSServerHandshakeError as error:  # its text holds the address, and an address may hold a token
        raise _refused(error.status) from None
    except Redirected:
        text = "The provider answered the WebSocket handshake with a redirect: its base URL is probably wrong."
        raise Fault("upstream_broken", text) from None
    except (aiohttp.ClientError, OSError) as error:
        raise no_answer(error, Timeouts(connect=limit, head=limit, idle=timeouts.idle)) from None
    except ValueError as error:
        raise unsendable(error) from None
    return Socket(socket, net.patience)


def _refused(status: int) -> Fault:
    if status < 400:
        return Fault("upstream_broken", "The provider did not shake hands as a WebSocket server does.", status=status)
    text = f"The provider refused the WebSocket with status {status}."
    return Fault(statuses.kind_of(status), text, status=status)
