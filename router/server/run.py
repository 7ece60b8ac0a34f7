"""Serve an ASGI application on sockets that somebody else owns, until told to drain (`docs/architecture.md`, drain)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from router.server.config import HypercornConfig, ServerSettings
from router.server.connection import App, Connection, Shared
from router.server.context import Context
from router.server.drain import Drain
from router.server.lifespan import Lifespan
from router.server.listen import connection_limit, raise_descriptor_limit
from router.server.sweep import Sweep
from router.server.tidy import Tidy
from router.server.tls import Certificate
from router.server.transport import Transport
from router.tasks import Tasks

_log = logging.getLogger("switchyard.server")
LAST_WORDS = 3.0  # seconds that calls get to write their error after the deadline
START_WITHIN = 30.0
END_WITHIN = 10.0
_FULL = b'{"error":{"message":"The gateway has no room for another connection; try again.","type":"overloaded_error"}}'
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_FULL), _FULL)
)


async def serve(
    app: App,
    sockets: list[socket.socket],
    settings: ServerSettings,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    drain: Drain | None = None,
) -> None:
    """Serve until `stop` is set, then drain; `ready` is called when connections are accepted.

    The application finds the `Drain` in its lifespan state under ``"drain"``. Raises `StartFailed` when the application
    cannot start and `BadCertificate` when its TLS files cannot be used.
    """
    server = Server(app, settings, drain or Drain())
    await server.start(sockets)
    ready()
    try:
        await stop.wait()
    finally:
        await server.end()


class Server:
    """The connections of one process. `start`, then `end`."""

    def __init__(self, app: App, settings: ServerSettings, drain: Drain) -> None:
        self._settings = settings
        self._drain = drain
        self._tasks = Tasks("server")
        self._state: dict[str, Any] = {"drain": drain}
        config = HypercornConfig(settings, drain)
        self._shared = Shared(app, settings, config, self._state, self._tasks, Context(), Context())
        self._lifespan = Lifespan(app, self._state, self._tasks)
        self._certificate: Certificate | None = None
        self._listeners: list[asyncio.Server] = []
        self._sweep = Sweep(settings)
        self._tidy = Tidy()
        self._limit = settings.connections or connection_limit(raise_descriptor_limit())
        self._refused: set[Transport] = set()
        self._told = False
        self.connections: dict[Connection, asyncio.Task[None]] = {}

    async def start(self, sockets: list[socket.socket]) -> None:
        """Start the application, then accept."""
        if self._settings.tls_cert is not None and self._settings.tls_key is not None:
            self._certificate = Certificate(self._settings.tls_cert, self._settings.tls_key)
        try:
            await self._lifespan.startup(START_WITHIN)
        except BaseException:
            await self._tasks.close()
            raise
        loop = asyncio.get_running_loop()
        context = self._certificate.context if self._certificate is not None else None
        for sock in sockets:
            self._listeners.append(
                await loop.create_server(
                    lambda: Transport(self._opened),
                    sock=sock,
                    ssl=context,
                    ssl_handshake_timeout=10.0 if context is not None else None,
                    backlog=self._settings.backlog,
                )
            )
        self._tasks.periodic(lambda: self._settings.sweep_seconds, self._look_after, "sweep")

    def _opened(self, transport: Transport) -> None:
        if len(self.connections) >= self._limit:
            self._refuse(transport)
            return
        connection = Connection(self._shared, transport, asyncio.get_running_loop().time())
        task = self._tasks.spawn(connection.run(), "connection")
        self.connections[connection] = task
        task.add_done_callback(lambda _: self.connections.pop(connection, None))

    def _refuse(self, transport: Transport) -> None:
        """Answer before descriptors run out, and close when the client has had a moment to read it."""
        if not self._told:
            _log.warning("%d connections are open, which is the limit; more are refused with 503", self._limit)
            self._told = True
        self._refused.add(transport)
        transport.raw.write(FULL)
        transport.finish()
        asyncio.get_running_loop().call_later(1.0, self._drop, transport)

    def _drop(self, transport: Transport) -> None:
        self._refused.discard(transport)
        transport.raw.abort()

    async def _look_after(self) -> None:
        self._sweep.over(self.connections, asyncio.get_running_loop().time())
        self._tidy.seen(len(self.connections))
        if self._certificate is not None:
            self._certificate.refresh()
        if len(self.connections) < self._limit:
            self._told = False

    async def end(self) -> None:
        """Drain in three phases: no new connections; finish what runs and one quiet second; close what is idle, open
        WebSockets among it."""
        self._drain.start()
        for listener in self._listeners:
            listener.close()
        deadline = asyncio.get_running_loop().time() + self._settings.drain_seconds
        if not await self._quiet(deadline, self._settings.quiet_seconds):
            _log.warning("%d calls still run at the end of the time to drain; they end with an error", self._busy())
            self._drain.expire()
            await self._quiet(asyncio.get_running_loop().time() + LAST_WORDS, 0.0)
        self._drain.end()
        await self._sockets_closed()
        await self._close_connections()
        await self._lifespan.shutdown(END_WITHIN)
        await self._tasks.close()

    def _busy(self) -> int:
        return sum(connection.busy for connection in self.connections)

    async def _quiet(self, deadline: float, seconds: float) -> bool:
        """Wait until no call has run for `seconds`; False when that does not happen before `deadline`."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while self.connections:
            now = loop.time()
            if self._busy():
                since = now
                if now >= deadline:
                    return False
            elif now - since >= seconds or now >= deadline:
                return True
            await asyncio.sleep(0.02)
        return True

    async def _sockets_closed(self) -> None:
        """Give open WebSockets a moment to say goodbye."""
        deadline = asyncio.get_running_loop().time() + LAST_WORDS
        while any(connection.lasting for connection in self.connections):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(0.02)

    async def _close_connections(self) -> None:
        await self._shared.plain.terminated.set()
        await self._shared.multiplexed.terminated.set()
        for connection in list(self.connections):
            connection.close()
        if self.connections:
            await asyncio.wait(self.connections.values(), timeout=1.0)
        for connection in list(self.connections):
            connection.abort()
        for transport in list(self._refused):
            self._drop(transport)
