"""A hub without sockets: links in memory, and peers that speak the protocol from the other end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from router.clock import Clock, SystemClock
from router.net.message import HttpRequest, Timeouts
from router.patience import Patience
from router.relay.hub import Hub, Peer
from router.relay.link import LinkClosed
from router.relay.protocol import service_side
from router.relay.protocol.frames import Frame, decode, encode
from router.relay.protocol.messages import Head, Hello
from router.relay.protocol.service_side import Asked, Back, Cancelled, ServiceSide, Welcomed
from router.tasks import Tasks

WITHIN = 40.0
SSE = {"content-type": "text/event-stream"}
N = TypeVar("N")


class End:
    """One end of a link in memory. hold: clear it, and sending to the other end waits."""

    def __init__(self) -> None:
        self.other: End
        self.waiting: asyncio.Queue[str | int] = asyncio.Queue()
        self.closed: tuple[int, str] | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self._heard = 0

    async def send(self, text: str) -> None:
        await self.hold.wait()
        if self.closed is not None or self.other.closed is not None:
            raise LinkClosed
        self.other._heard += 1
        self.other.waiting.put_nowait(text)

    async def receive(self) -> str:
        message = await self.waiting.get()
        if isinstance(message, int):
            self.waiting.put_nowait(message)
            raise LinkClosed(message)
        return message

    async def close(self, code: int, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.other.waiting.put_nowait(code)
            self.waiting.put_nowait(code)

    def heard(self) -> int:
        return self._heard


def pair() -> tuple[End, End]:
    one, other = End(), End()
    one.other, other.other = other, one
    return one, other


class Remote:
    """A peer of the hub. link: the hub's end; end: its own."""

    def __init__(self, hub: Hub, tasks: Tasks, peer: Peer) -> None:
        self.link, self.end = pair()
        self.served = tasks.spawn(hub.serve(self.link, peer), "session")

    async def send(self, frame: Frame) -> None:
        await self.end.send(encode(frame))

    async def frame(self) -> Frame:
        """The next frame of the hub."""
        async with asyncio.timeout(WITHIN):
            return decode(await self.end.receive())

    async def gone(self) -> tuple[int, str]:
        """Wait until the session is over; how the hub closed it."""
        async with asyncio.timeout(WITHIN):
            await asyncio.wait([self.served])
        assert self.link.closed is not None
        return self.link.closed

    async def vanish(self) -> None:
        await self.end.close(1006)
        await self.gone()


class Service(Remote):
    """One that said hello. credit is honoured by `stream`."""

    def __init__(self, hub: Hub, tasks: Tasks, hello: Hello, allowed: Callable[[], bool]) -> None:
        super().__init__(hub, tasks, Peer(hello=hello, allowed=allowed))
        self.side = ServiceSide(hello)

    async def news(self, kind: type[N]) -> N:
        """The next news of this kind; what else comes is taken in."""
        while True:
            for news in self.side.receive(await self.frame()):
                if isinstance(news, Back):
                    await self.send(news.frame)
                if isinstance(news, kind):
                    return news

    async def asked(self) -> str:
        return (await self.news(Asked)).id

    async def cancelled(self) -> str:
        return (await self.news(Cancelled)).id

    async def start(self, call: str, status: int = 200) -> None:
        await self.send(self.side.start(call, Head(status, SSE)))

    async def chunk(self, call: str, text: str) -> None:
        for piece in self.side.cut(call, text):
            while not self.side.may_send(call):
                await self.news(service_side.Credited)
            await self.send(self.side.chunk(call, piece))

    async def finish(self, call: str) -> None:
        await self.send(self.side.end(call))

    async def answer(self, *texts: str) -> None:
        """One whole call, streamed."""
        call = await self.asked()
        await self.start(call)
        for text in texts:
            await self.chunk(call, text)
        await self.finish(call)


class Browser(Remote):
    """A plain client: it knows only the message set of browser relays."""

    def __init__(self, hub: Hub, tasks: Tasks, key: str, allowed: Callable[[], bool]) -> None:
        super().__init__(hub, tasks, Peer(name=key, allowed=allowed))

    async def tell(self, call: str, kind: str, payload: Any = None) -> None:
        await self.end.send(json.dumps({"id": call, "type": kind, **({} if payload is None else {"payload": payload})}))


class Room:
    """A hub and whoever is connected."""

    def __init__(self, clock: Clock, **bounds: Any) -> None:
        self.changes = 0
        self.told: list[tuple[Any, ...]] = []
        self.patience = Patience()
        self.held: dict[str, tuple[str, str]] = {}
        self.hub = Hub(
            clock, random.Random(7), self.patience, changed=self._changed, holds=self, observer=self, **bounds
        )
        self.tasks = Tasks("test")
        self.allowed = True

    def _changed(self) -> None:
        self.changes += 1

    def hold(self, account: str, state: str, cause: str) -> None:
        self.held[account] = (state, cause)

    def unhold(self, account: str) -> None:
        self.held.pop(account, None)

    def relay_sessions(self, service: str, sessions: int, capacity: int) -> None:
        self.told.append(("sessions", service, sessions, capacity))

    def relay_call(self, service: str, outcome: str, first: float | None) -> None:
        self.told.append(("call", service, outcome, first is not None))

    @property
    def accounts(self) -> list[str]:
        offered = self.hub.connected().get("aistudio")
        return [account.id for account in offered.accounts] if offered is not None else []

    async def service(self, name: str = "one", **more: Any) -> Service:
        """One that was welcomed."""
        made = Service(self.hub, self.tasks, Hello(service="aistudio", name=name, **more), lambda: self.allowed)
        await made.news(Welcomed)
        return made

    async def browser(self, key: str = "studio") -> Browser:
        made = Browser(self.hub, self.tasks, key, lambda: self.allowed)
        while not any(session.link is made.link for session in self.hub.sessions):
            await asyncio.sleep(0)
        return made

    def send(self, account: str = "aistudio/one", body: bytes = b"{}", **waits: Any) -> Any:
        """A call in a task of its own."""
        headers = {"content-type": "application/json", "accept": "text/event-stream", "user-agent": "x"}
        request = HttpRequest("POST", "https://upstream.example/v1", headers, body)
        timeouts = Timeouts(**{"head": None, **waits})
        return self.tasks.spawn(self.hub.send(account, request, timeouts), "call")


@asynccontextmanager
async def room(clock: Clock | None = None, **bounds: Any) -> AsyncIterator[Room]:
    made = Room(clock or SystemClock(), **bounds)
    try:
        yield made
    finally:
        made.hub.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await made.tasks.close()
        await made.patience.close()


async def text_of(response: Any) -> str:
    return (await response.read(10**9)).decode()  # type: ignore[no-any-return]
