"""Routers without sockets for a link to dial: real hubs, links in memory, and waits that do not wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from router.clock import SystemClock
from router.faults import Fault
from router.net.message import HttpRequest, Timeouts
from router.patience import Patience
from router.relay.hub import Hub, Peer
from router.relay.link import LinkClosed
from router.relay.protocol.frames import decode
from router.relay.protocol.messages import AuthRequest, AuthStatus, Hello, Request, read
from router.tasks import Tasks
from services.link.answer import Answer
from services.link.client import Link
from services.link.connection import SocketClosed
from services.link.dialling import CannotDial
from tests.router.relay.pair import WITHIN, End, pair


class Socket:
    """The service's end of a link in memory."""

    def __init__(self, end: End) -> None:
        self.end = end

    async def send(self, text: str) -> None:
        try:
            await self.end.send(text)
        except LinkClosed as closed:
            raise SocketClosed(closed.code) from None

    async def receive(self) -> str:
        try:
            return await self.end.receive()
        except LinkClosed as closed:
            raise SocketClosed(closed.code) from None

    async def close(self, code: int, reason: str = "") -> None:
        await self.end.close(code, reason)


class Handler:
    """Does what a test puts into `work`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.work: Callable[[Request, Answer], Awaitable[None]] = self.echo
        self.sign: Callable[[AuthRequest, Any], Awaitable[None]] = self.signed

    async def answer(self, request: Request, answer: Answer) -> None:
        self.asked.append(request)
        await self.work(request, answer)

    async def echo(self, request: Request, answer: Answer) -> None:
        await answer.start(200, {"content-type": "text/plain"})
        await answer.write(request.body)

    async def sign_in(self, request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
        await self.sign(request, tell)

    async def signed(self, request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
        await tell(AuthStatus(state="done", message=request.profile))


class Room:
    """routers: by address; an address that is not there cannot be reached. dialled: every attempt. pauses: every wait
    that the link asked for."""

    def __init__(self) -> None:
        self.tasks = Tasks("test")
        self.patience = Patience()
        self.routers: dict[str, Hub] = {}
        self.refusing: set[str] = set()
        self.dialled: list[str] = []
        self.pauses: list[float] = []
        self.sockets: list[tuple[str, Socket, End]] = []
        self.handler = Handler()
        self.held = asyncio.Event()
        self.held.set()

    def router(self, *urls: str) -> Hub:
        """A router that answers at these addresses."""
        hub = Hub(SystemClock(), random.Random(len(self.routers)), self.patience)
        self.routers |= dict.fromkeys(urls, hub)
        return hub

    async def dial(self, url: str) -> Socket:
        self.dialled.append(url)
        await asyncio.sleep(0)
        if url in self.refusing:
            raise CannotDial("it answers with 401", refused=True)
        if url not in self.routers:
            raise CannotDial("connection refused")
        link, end = pair()
        self.tasks.spawn(self._serve(self.routers[url], link), "session")
        socket = Socket(end)
        self.sockets.append((url, socket, link))
        return socket

    async def _serve(self, hub: Hub, link: End) -> None:
        hello = read(decode(await link.receive()), Hello)
        await hub.serve(link, Peer(hello=hello, allowed=lambda: True))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.held.wait()
        await asyncio.sleep(0)

    def link(self, *urls: str, name: str = "desk", **hello: Any) -> Link:
        """A link that runs."""
        said = Hello(service="aistudio", name=name, **hello)
        made = Link(urls, self, said, self.handler, random.Random(5), pause=self.pause)
        self.running = self.tasks.spawn(made.run(), "link")
        return made

    async def call(self, hub: Hub, body: str = "hello", account: str = "aistudio/desk") -> str:
        """One call through a router."""
        request = HttpRequest("POST", "https://x.example/", {"accept": "text/event-stream"}, body.encode())
        response = await hub.send(account, request, Timeouts(head=None))
        try:
            return (await response.read(10**9)).decode()
        finally:
            response.close()

    async def fault(self, hub: Hub) -> Fault:
        try:
            await asyncio.wait_for(self.call(hub), WITHIN)
        except Fault as fault:
            return fault
        raise AssertionError("the call succeeded")

    async def until(self, test: Callable[[], Any]) -> None:
        async with asyncio.timeout(WITHIN):
            while not test():
                await asyncio.sleep(0)

    async def drop(self, url: str) -> None:
        """Cut every connection to an address."""
        for at, _, link in self.sockets:
            if at == url:
                await link.close(1006)


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    made = Room()
    try:
        yield made
    finally:
        await made.tasks.close()
        await made.patience.close()


def names(hub: Hub) -> list[str]:
    return [session.name for session in hub.sessions]
