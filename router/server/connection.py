"""One client connection: our transport below, Hypercorn's protocols (HTTP/1.1, HTTP/2, WebSocket) above.

It takes the place of Hypercorn's own `TCPServer`, which starts two tasks per request for its idle timer, cannot notice
that a pipelining client has gone, and may hang when an application answers before it has read the body.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from router.server.config import HypercornConfig, ServerSettings
from router.server.context import Context
from router.server.http1 import Http1
from router.server.inbox import Inbox
from router.server.sockets import TOO_LARGE, prepare
from router.server.transport import Transport
from router.tasks import Tasks

_log = logging.getLogger("switchyard.server")
LINGER = 2.0  # seconds that we go on reading after our last byte, so that a reset does not destroy the answer

App = Callable[[Any, Any, Any], Awaitable[None]]
Send = Callable[[Any], Awaitable[None]]


@dataclass
class Shared:
    """What all connections of one server have in common."""

    app: App
    settings: ServerSettings
    config: HypercornConfig
    state: dict[str, Any]
    tasks: Tasks
    plain: Context  # HTTP/1: ends after the running answer when `terminated` is set
    multiplexed: Context  # HTTP/2: refuses new streams when `terminated` is set


class Connection:
    """Runs the protocol of one connection until it ends."""

    def __init__(self, shared: Shared, transport: Transport, now: float) -> None:
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self.transport = transport
        self.inboxes: set[Inbox] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._lasting: set[asyncio.Task[None]] = set()  # those of WebSockets, which end when they are told to
        self._helpers: set[asyncio.Task[None]] = set()
        self._protocol: ProtocolWrapper
        self._reading: asyncio.Task[None] | None = None
        self.closing_since: float | None = None
        self.idle_since: float | None = now
        self.received_when_idle = 0
        self.ended_since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether the application works on a call, or an answer has not gone out yet. An open WebSocket is no call."""
        return len(self._calls) > len(self._lasting) or (not self.transport.lost and self.transport.unsent > 0)

    @property
    def lasting(self) -> bool:
        """Whether a WebSocket is open."""
        return bool(self._lasting)

    async def run(self) -> None:
        """Serve the connection to its end, and see that no call outlives it for long."""
        try:
            self._protocol = self._make_protocol()
            await self._protocol.initiate()
            self._reading = self._shared.tasks.spawn(self._read(), "read")
            await asyncio.wait([self._reading])
            await self._protocol.handle(Closed())
            if self._calls:
                await asyncio.wait(list(self._calls), timeout=self._shared.settings.farewell_seconds)
        except Exception:
            _log.exception("a connection ended with an error of ours")
        finally:
            await self._end()

    async def _end(self) -> None:
        for task in (self._reading, *self._calls, *self._helpers):
            if task is not None and not task.done():
                task.cancel()
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=self._shared.settings.farewell_seconds)
        self.transport.close()

    def _make_protocol(self) -> ProtocolWrapper:
        raw = self.transport.raw
        sock, tls = raw.get_extra_info("socket"), raw.get_extra_info("ssl_object")
        alpn = tls.selected_alpn_protocol() if tls is not None else "http/1.1"
        wrapper = ProtocolWrapper(
            self._shared.app,  # type: ignore[arg-type]  # only handed on to `spawn_app` below
            self._shared.config,
            self._shared.multiplexed if alpn == "h2" else self._shared.plain,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]  # the part of a task group that the protocols use
            ConnectionState(self._shared.state),
            tls is not None,
            parse_socket_addr(sock.family, raw.get_extra_info("peername")),
            parse_socket_addr(sock.family, raw.get_extra_info("sockname")),
            self._send,
            alpn,
        )
        if isinstance(wrapper.protocol, H11Protocol):
            wrapper.protocol = Http1(wrapper.protocol, self.transport.flush)
        return wrapper

    async def _read(self) -> None:
        while True:
            data = await self.transport.read()
            if self.closing_since is not None and data:
                continue  # lingering: read and drop
            if not data:
                return
            try:
                await self._protocol.handle(RawData(data))
            except OSError:
                return

    async def _send(self, event: Event) -> None:
        if isinstance(event, RawData):
            if event.data and not await self.transport.write(event.data):
                await self._protocol.handle(Closed())
                await asyncio.sleep(0.02)  # an application that only sends must not spin until it is cancelled
        elif isinstance(event, Updated):
            if event.idle:
                self.idle_since = self._loop.time()
                self.received_when_idle = self.transport.received
            else:
                self.idle_since = None
        elif isinstance(event, Closed):
            self.close()

    def close(self) -> None:
        """End the connection in order: what was written goes out, what still comes is read and dropped for a moment."""
        if self.closing_since is None:
            self.closing_since = self._loop.time()
            self.transport.finish()

    def abort(self) -> None:
        """End the connection at once; its calls hear of a client that has gone."""
        if not self.transport.lost:
            self.transport.raw.abort()
        self.stop_reading()

    def stop_reading(self) -> None:
        """Free a reader that waits behind a running call (a pipelining client), so that the call hears of the end."""
        if self._reading is not None:
            self._reading.cancel()

    # What Hypercorn's protocols want of a task group.

    async def spawn_app(
        self, app: App, config: HypercornConfig, scope: Any, send: Send
    ) -> Callable[[Any], Awaitable[None]]:
        """Start the application for one call and return the way to hand it messages."""
        socket = scope["type"] == "websocket"
        inbox = Inbox(scope["type"], room=2 if socket else 10)
        scope["extensions"]["client.gone"] = inbox.at_end
        if socket:
            self._prepare_socket(scope, inbox, send)
        self.inboxes.add(inbox)
        task = self._shared.tasks.spawn(self._call(app, scope, inbox, send), "call")
        for group in (self._calls, self._lasting) if socket else (self._calls,):
            group.add(task)
            task.add_done_callback(group.discard)
        return inbox.put

    def _prepare_socket(self, scope: Any, inbox: Inbox, send: Send) -> None:
        """Applications find in ``scope["extensions"]`` the way to bound messages, and a number that grows with
        everything that arrives (pongs are not told otherwise)."""

        def too_large() -> None:
            inbox.end({"type": "websocket.disconnect", "code": TOO_LARGE})

        scope["extensions"]["socket.limit"] = prepare(send, self._shared.settings.socket_bytes, too_large)
        scope["extensions"]["socket.heard"] = lambda: self.transport.received

    def spawn(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Start a helper of a protocol (HTTP/2's sender, a WebSocket's ping)."""
        task: asyncio.Task[None] = self._shared.tasks.spawn(work(*arguments), "protocol")
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    async def _call(self, app: App, scope: Any, inbox: Inbox, send: Send) -> None:
        try:
            await app(scope, inbox.get, send)
        except Exception:
            _log.exception("the application failed on %s %s", scope.get("method", "GET"), scope.get("path"))
        finally:
            inbox.finish()
            self.inboxes.discard(inbox)
            await send(None)
