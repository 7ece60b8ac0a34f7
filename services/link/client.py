"""Keeps a service connected to every router: dials, dials again, and follows the routers from one to the next."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from router.relay.protocol.messages import Hello, Status, Welcome
from router.relay.protocol.service_side import ServiceSide
from services.link.answer import Handler
from services.link.backoff import Backoff
from services.link.connection import Connection, Socket, SocketClosed
from services.link.dialling import CannotDial

_log = logging.getLogger("switchyard.link")
MOST_ROUTERS = 32
REPLACED = 4001
NOT_ALLOWED = 1008
SECOND_WELCOME = 1.0
"""Seconds in which the welcome comes of a connection that has taken the place of another of our own."""
T = TypeVar("T")


class Dials(Protocol):
    """`services.link.dialling.Dialler`."""

    async def dial(self, url: str) -> Socket:
        """Raises `CannotDial`."""
        ...


class Link:
    """`run` until cancelled, or until `stop`. hello: of the service; its profiles and models follow `tell`.

    pause: how to wait (tests pass another one in).
    """

    def __init__(
        self,
        urls: Sequence[str],
        dials: Dials,
        hello: Hello,
        handler: Handler,
        chance: random.Random,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._given = tuple(dict.fromkeys(urls))
        self._dials = dials
        self._hello = hello
        self._handler = handler
        self._chance = chance
        self._pause = pause
        self._status = Status()
        self._named: dict[str, tuple[str, ...]] = {}  # router -> the siblings that it names
        self._at: dict[str, Connection] = {}  # router -> the connection that it has welcomed last
        self._behind: dict[str, str] = {}  # address -> the router that answered there last
        self._connections: set[Connection] = set()
        self._keeping: set[str] = set()
        self._group: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()

    @property
    def connected(self) -> int:
        """How many routers have welcomed this service and are still there."""
        return sum(connection.welcome is not None for connection in self._connections)

    @property
    def open_calls(self) -> int:
        """Calls that are being answered."""
        return len(self._calls())

    async def run(self) -> None:
        """Stay connected. Returns after `stop`."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for url in self._given:
                self._keep_up(url)
            await self._stopping.wait()
            for connection in list(self._connections):
                await connection.close(1001, "the service stops")

    async def tell(self, status: Status) -> None:
        """Say to every router how the service is now; what is None stays as it was. Routers that come later hear it
        too."""
        known = {name: getattr(status, name) for name in Status.__struct_fields__}
        self._status = replace(self._status, **{name: value for name, value in known.items() if value is not None})
        for connection in list(self._connections):
            await connection.tell(status)

    async def stop(self, within: float) -> None:
        """Take no new calls, give the open ones `within` seconds, and go."""
        for connection in list(self._connections):
            await connection.drain()
        calls = self._calls()
        if calls:
            await asyncio.wait(calls, timeout=within)
        self._stopping.set()

    def _calls(self) -> list[asyncio.Task[None]]:
        return [task for connection in self._connections for task in connection.calls]

    # What connections tell.

    async def welcomed(self, connection: Connection, welcome: Welcome) -> None:
        """A router has taken the service."""
        self._at[welcome.router] = connection
        self._behind[connection.url] = welcome.router
        _log.info("the router %s has taken this service as %s", welcome.router, self._hello.name)
        self.siblings(connection, welcome.routers)
        if self._status != Status():
            await connection.tell(self._status)

    def siblings(self, connection: Connection, routers: tuple[str, ...]) -> None:
        """A router names the others."""
        if connection.welcome is not None:
            self._named[connection.welcome.router] = routers
        for url in routers:
            self._keep_up(url)

    # Staying connected.

    def _keep_up(self, url: str) -> None:
        if url in self._keeping or self._group is None or self._stopping.is_set():
            return
        if len(self._keeping) >= MOST_ROUTERS:
            _log.error("%s is one router too many: %d is all that there may be", url, MOST_ROUTERS)
            return
        self._keeping.add(url)
        self._group.create_task(self._keep(url), name=f"keep {url}")

    def _wanted(self, url: str) -> bool:
        if self._stopping.is_set():
            return False
        return url in self._given or any(url in named for named in self._named.values())

    async def _keep(self, url: str) -> None:
        backoff = Backoff(self._chance)
        said = ""
        try:
            while self._wanted(url):
                await self._served_elsewhere(url)
                wait, text = await self._once(url, backoff)
                if text and text != said:
                    _log.warning("%s: %s", url, text)
                said = text
                if wait and self._wanted(url):
                    await self._wait(wait)
        finally:
            self._keeping.discard(url)

    async def _served_elsewhere(self, url: str) -> None:
        """Wait while the router behind this address has a connection by another of its addresses: one is enough, and a
        second would only take the place of the first."""
        while (other := self._at.get(self._behind.get(url, ""))) is not None and other.url != url:
            await self._first_of(other.ended.wait(), other.draining.wait(), self._stopping.wait())
            if other.draining.is_set() or self._stopping.is_set():
                return

    async def _once(self, url: str, backoff: Backoff) -> tuple[float, str]:
        """One connection: seconds to wait before the next, and what went wrong."""
        try:
            socket = await self._dials.dial(url)
        except CannotDial as error:
            return backoff.refused() if error.refused else backoff.failed(), str(error)
        side = ServiceSide(self._said())
        connection = Connection(url, side, socket, self._handler, self)
        self._connections.add(connection)
        running = self._spawn(self._run(connection), f"connection {url}")
        draining = self._spawn(connection.draining.wait(), "drain")
        try:
            await asyncio.wait([running, draining], return_when=asyncio.FIRST_COMPLETED)
        finally:
            draining.cancel()
        if connection.welcome is not None:
            backoff.worked()
        if not running.done():
            return 0.0, ""  # the router goes: its successor is dialled while open calls end here
        return await self._after(connection, running.result(), backoff)

    async def _after(self, connection: Connection, closed: SocketClosed, backoff: Backoff) -> tuple[float, str]:
        if closed.code == REPLACED:
            await self._wait(SECOND_WELCOME)
            router = connection.welcome.router if connection.welcome is not None else ""
            if router in self._at:  # by another of its addresses, which was dialled later
                return 0.0, ""
            return backoff.refused(), "another service has taken this name; give each its own"
        if closed.code == NOT_ALLOWED:
            return backoff.refused(), f"it does not take this service: {closed.reason or 'is the service key right?'}"
        return backoff.failed(), f"the connection was {closed}"

    async def _run(self, connection: Connection) -> SocketClosed:
        try:
            return await connection.run()
        finally:
            self._connections.discard(connection)
            welcome = connection.welcome
            if welcome is not None and self._at.get(welcome.router) is connection:
                del self._at[welcome.router]

    def _said(self) -> Hello:
        profiles, models = self._status.profiles, self._status.models
        return replace(
            self._hello,
            profiles=self._hello.profiles if profiles is None else profiles,
            models=self._hello.models if models is None else models,
        )

    async def _wait(self, seconds: float) -> None:
        await self._first_of(self._paused(seconds), self._stopping.wait())

    async def _first_of(self, *waits: Coroutine[Any, Any, object]) -> None:
        tasks = [self._spawn(wait, "wait") for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _paused(self, seconds: float) -> None:
        await self._pause(seconds)

    def _spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        if self._group is None:
            work.close()
            raise RuntimeError("the link does not run")
        return self._group.create_task(work, name=name)
