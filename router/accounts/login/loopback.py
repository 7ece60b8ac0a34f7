"""Where the browser of this machine hands an authorisation code over: listeners that are open only during sign-ins.

A port is bound on both loopback families (RFC 8252, 7.3 and 8.3): ``localhost`` may mean either. One port serves any
number of sign-ins, which the state tells apart; every other path is answered and ends nothing.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias, cast

import h11

from router.access.credentials import is_loopback_host
from router.accounts.login.pages import Page, page
from router.tasks import Tasks

_log = logging.getLogger("switchyard.login")
HEAD_BYTES = 16 * 1024
MOST_CONNECTIONS = 32
HEAD_SECONDS = 10.0
"""Seconds that a connection has for its request."""
ANSWER_SECONDS = 150.0
"""Seconds that an answer may take: the exchange of the code runs meanwhile."""
_FAMILIES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a machine without IPv6
_PASTE = (
    "After signing in, copy the address of the page that the browser cannot show, and paste it where you began this "
    "sign-in."
)

Answer: TypeAlias = Callable[[int, str, str], Awaitable[Page]]
"""Port, path and query of a GET to the page that is shown. Never raises but by a mistake of ours."""


class Callbacks:
    """The open listeners of one process. Used within one event loop."""

    def __init__(
        self, answer: Answer, *, head_seconds: float = HEAD_SECONDS, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._answer = answer
        self._limits = (head_seconds, answer_seconds)
        self._servers: dict[int, list[asyncio.Server]] = {}
        self._tasks = Tasks("sign-in pages")
        self._connections: set[_Connection] = set()

    @property
    def ports(self) -> frozenset[int]:
        """Those that listen."""
        return frozenset(self._servers)

    async def open(self, port: int) -> str | None:
        """Listen on `port`; nothing happens where that is so already. What is in the way, in words, else None."""
        if port in self._servers:
            return None
        sockets: list[socket.socket] = []
        try:
            for family, host in _FAMILIES:
                if (bound := _bind(family, host, port)) is not None:
                    sockets.append(bound)
        except OSError as error:
            for each in sockets:
                each.close()
            return in_the_way(port, error)
        loop = asyncio.get_running_loop()
        self._servers[port] = []
        for each in sockets:
            server = await loop.create_server(lambda: _Connection(self, port), sock=each, backlog=MOST_CONNECTIONS)
            self._servers[port].append(server)
        return None

    def keep(self, ports: frozenset[int]) -> None:
        """Close every listener but these. Answers that are being given are finished."""
        for port in self._servers.keys() - ports:
            for server in self._servers.pop(port):
                server.close()

    async def close(self) -> None:
        """End everything."""
        self.keep(frozenset())
        await self._tasks.close()
        for connection in tuple(self._connections):
            connection.end()


class _Connection(asyncio.Protocol):
    """One connection: one request, one page, closed."""

    def __init__(self, owner: Callbacks, port: int) -> None:
        self._owner = owner
        self._port = port
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._asked = False
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without being a subclass
        known = self._owner._connections
        if len(known) >= MOST_CONNECTIONS:
            transport.abort()
            return
        known.add(self)
        self._limit = asyncio.get_running_loop().call_later(self._owner._limits[0], self.end)

    def data_received(self, data: bytes) -> None:
        if self._asked:
            return  # a body, or a second request: nobody waits for either
        self._size += len(data)
        try:
            if self._size > HEAD_BYTES:  # h11 bounds only what is not complete yet
                raise h11.RemoteProtocolError("too large")
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError:
            self._asked = True
            self._write(page(400, "Not understood", ["This is no request that a browser sends."]))
            return
        if isinstance(event, h11.Request):
            self._asked = True
            self._cancel_limit()
            self._owner._tasks.spawn(self._serve(event), "page")

    def connection_lost(self, error: Exception | None) -> None:
        self._cancel_limit()
        self._owner._connections.discard(self)

    def end(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _serve(self, request: h11.Request) -> None:
        path, _, query = request.target.decode("latin-1").partition("?")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        if request.method not in (b"GET", b"HEAD"):
            shown = page(405, "Not here", ["This address takes nothing but the answer of a sign-in."])
        elif not is_loopback_host(headers.get("host", "")):
            shown = page(403, "Not here", ["This address answers by the names of this machine only."])
        elif request.method == b"HEAD":
            shown = page(200, "Sign-in", [])  # a look ahead of the browser's: it must not use the code up
        else:
            shown = await self._page(path, query)
        self._write(shown, body=request.method != b"HEAD")

    async def _page(self, path: str, query: str) -> Page:
        try:
            async with asyncio.timeout(self._owner._limits[1]):
                return await self._owner._answer(self._port, path, query)
        except TimeoutError:
            words = "The sign-in goes on behind this page. Look where you began it."
            return page(202, "Not finished yet", [words])
        except Exception as error:  # what it says may hold the code
            _log.error("a sign-in page failed by a mistake of ours: %s", type(error).__name__)
            return page(500, "This failed", ["The gateway itself failed. Look into its log, and sign in again."])

    def _write(self, shown: Page, *, body: bool = True) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = shown.html.encode("utf-8")
        transport.write(_head(shown.status, {**shown.headers, "content-length": str(len(data))}))
        if body:
            transport.write(data)
        transport.close()

    def _cancel_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1")


def _bind(family: int, host: str, port: int) -> socket.socket | None:
    """A bound socket; None where this machine has not got the family. Raises `OSError`."""
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.setblocking(False)
    except OSError as error:
        made.close()
        if family == socket.AF_INET6 and error.errno in _ABSENT:
            return None
        raise
    return made


def in_the_way(port: int, error: OSError) -> str:
    """Why a port cannot be had, and what to do."""
    if error.errno == errno.EADDRINUSE:
        reason = f"Port {port}, where the provider sends the browser, is used by another program"
    elif error.errno in (errno.EACCES, errno.EPERM):
        reason = f"Port {port}, where the provider sends the browser, is reserved by the system"
    else:
        reason = f"Port {port}, where the provider sends the browser, cannot be opened ({error.strerror})"
    return f"{reason}, so the answer cannot be picked up here. {_PASTE}"
