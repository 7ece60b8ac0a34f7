"""From an address to an open socket: TLS, the key, the bounds. The only place that knows the WebSocket library."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from router.relay.protocol.frames import MESSAGE_BYTES
from services.link.connection import SocketClosed

OPEN_WITHIN = 10.0
PING = 20.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class CannotDial(Exception):
    """There is no socket. refused: the router is there and does not want this service as it is."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Dialler:
    """key: read anew for each attempt, since files are replaced. ca: PEM file that certificates are checked with,
    beside the system's. agent: name and version of the service."""

    def __init__(self, key: Callable[[], str], agent: str, ca: Path | None = None) -> None:
        self._key = key
        self._agent = agent
        self._ca = ca

    async def dial(self, url: str) -> WebSocket:
        """An open socket. Raises `CannotDial`."""
        try:
            parts = urlsplit(url)
            connection = await connect(
                url,
                additional_headers={"authorization": f"Bearer {self._key()}"},
                user_agent_header=self._agent,
                ssl=self._context() if parts.scheme == "wss" else None,
                proxy=None if parts.hostname in _LOOPBACK else True,
                compression=None,
                max_size=MESSAGE_BYTES,
                open_timeout=OPEN_WITHIN,
                ping_interval=PING,
                ping_timeout=PING,
                close_timeout=2.0,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise CannotDial(f"it answers with {status}", refused=400 <= status < 500) from None
        except ssl.SSLError as error:
            raise CannotDial(f"its TLS certificate is not accepted: {error.reason}", refused=True) from None
        except TimeoutError:
            raise CannotDial(f"it did not answer within {OPEN_WITHIN:g} seconds") from None
        except (OSError, InvalidHandshake, InvalidURI) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise CannotDial(reason or type(error).__name__) from None
        return WebSocket(connection)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca is not None:
            context.load_verify_locations(self._ca)
        return context


class WebSocket:
    """`services.link.connection.Socket` over the library's connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> str:
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise _closed(error) from None
        return message if isinstance(message, str) else message.decode("utf-8", "replace")

    async def close(self, code: int, reason: str = "") -> None:
        await self._connection.close(code, reason)


def _closed(error: ConnectionClosed) -> SocketClosed:
    frame = error.rcvd or error.sent
    return SocketClosed(frame.code, frame.reason) if frame is not None else SocketClosed(1006)
