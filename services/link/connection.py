"""One connection to one router, from the hello to its end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from router.faults import Fault
from router.relay.protocol.frames import Frame, ProtocolError, decode, encode
from router.relay.protocol.messages import AuthRequest, AuthStatus, Request, Status, Welcome
from router.relay.protocol.service_side import (
    Asked,
    Back,
    Cancelled,
    Credited,
    Draining,
    News,
    ServiceSide,
    Siblings,
    SignIn,
    SignInCancelled,
    Welcomed,
)
from services.link.answer import Answer, CallGone, Handler

_log = logging.getLogger("switchyard.link")
SIGN_INS = 8
"""Sign-ins at once on one connection."""


class SocketClosed(Exception):
    """The socket is closed. code: the router's (RFC 6455, 7.4.1)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}".strip())
        self.code = code
        self.reason = reason


class Socket(Protocol):
    """What a connection needs of a WebSocket."""

    async def send(self, text: str) -> None:
        """Raises `SocketClosed`."""
        ...

    async def receive(self) -> str:
        """Raises `SocketClosed`."""
        ...

    async def close(self, code: int, reason: str = "") -> None: ...


class Connection:
    """`run` until the socket is closed. listener: told of what concerns all connections of the service."""

    def __init__(self, url: str, side: ServiceSide, socket: Socket, handler: Handler, listener: Listener) -> None:
        self.url = url
        self.welcome: Welcome | None = None
        self.draining = asyncio.Event()
        self.ended = asyncio.Event()
        self._side = side
        self._socket = socket
        self._handler = handler
        self._listener = listener
        self._calls: dict[str, tuple[asyncio.Task[None], Answer]] = {}
        self._sign_ins: dict[str, asyncio.Task[None]] = {}

    @property
    def calls(self) -> list[asyncio.Task[None]]:
        """Calls that are being answered."""
        return [task for task, _ in self._calls.values()]

    async def run(self) -> SocketClosed:
        """Say hello, answer calls, and give the way in which the socket was closed."""
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._socket.send(encode(self._side.hello()))
                    await self._read(group)
                except SocketClosed as closed:
                    return closed
                except ProtocolError as error:
                    _log.error("the router breaks the protocol of the relay: %s", error.message)
                    await self._socket.close(error.close_code, error.message[:120])
                    return SocketClosed(error.close_code, error.message)
                finally:
                    self._side.lost()
                    for task in (*self.calls, *self._sign_ins.values()):
                        task.cancel()
        finally:
            self.ended.set()
        raise AssertionError("reading ends with an exception")

    async def tell(self, status: Status) -> None:
        """Say how the service is, once the router has welcomed it. Nothing where the socket is closed."""
        if self.welcome is not None:
            await self._post(ServiceSide.status(status))

    async def drain(self) -> None:
        """Ask for no new calls."""
        if self.welcome is not None:
            await self._post(ServiceSide.drain())

    async def close(self, code: int = 1001, reason: str = "") -> None:
        """Close the socket; `run` ends."""
        await self._socket.close(code, reason)

    async def _read(self, group: asyncio.TaskGroup) -> None:
        while True:
            frame = decode(await self._socket.receive(), self._side.terms.message_bytes)
            for news in self._side.receive(frame):
                await self._take(news, group)

    async def _take(self, news: News, group: asyncio.TaskGroup) -> None:
        match news:
            case Asked(call, request):
                answer = Answer(call, self._side, self._send)
                task = group.create_task(self._answer(request, answer), name=f"call {call}")
                self._calls[call] = (task, answer)
                task.add_done_callback(lambda _: self._calls.pop(call, None))
            case Cancelled(call):
                if call in self._calls:
                    self._calls[call][0].cancel()
            case Credited(call):
                if call in self._calls:
                    self._calls[call][1].credited()
            case Back(frame):
                await self._send(frame)
            case Welcomed(welcome):
                self.welcome = welcome
                await self._listener.welcomed(self, welcome)
            case Siblings(routers):
                self._listener.siblings(self, routers)
            case Draining():
                self.draining.set()
            case SignIn(name, asked):
                if len(self._sign_ins) < SIGN_INS and name not in self._sign_ins:
                    task = group.create_task(self._sign_in(name, asked), name=f"sign-in {name}")
                    self._sign_ins[name] = task
                    task.add_done_callback(lambda _: self._sign_ins.pop(name, None))
            case SignInCancelled(name):
                if name in self._sign_ins:
                    self._sign_ins[name].cancel()

    async def _answer(self, request: Request, answer: Answer) -> None:
        fault: Fault | None = None
        try:
            await self._handler.answer(request, answer)
        except Fault as raised:
            fault = raised
        except (SocketClosed, CallGone):
            return
        except Exception:
            _log.exception("a call could not be answered")
            fault = Fault("upstream_broken", "The service failed; its log says why.")
        with suppress(SocketClosed):
            await answer.close(fault)

    async def _sign_in(self, request: str, asked: AuthRequest) -> None:
        async def tell(status: AuthStatus) -> None:
            await self._post(ServiceSide.sign_in(request, status))

        try:
            await self._handler.sign_in(asked, tell)
        except Fault as fault:
            await tell(AuthStatus(state="failed", message=fault.message))
        except Exception:
            _log.exception("a sign-in failed")
            await tell(AuthStatus(state="failed", message="The service failed; its log says why."))

    async def _send(self, frame: Frame) -> None:
        await self._socket.send(encode(frame))

    async def _post(self, frame: Frame) -> None:
        with suppress(SocketClosed):
            await self._send(frame)


class Listener(Protocol):
    """Who has all connections of a service (`services.link.client.Link`)."""

    async def welcomed(self, connection: Connection, welcome: Welcome) -> None: ...

    def siblings(self, connection: Connection, routers: tuple[str, ...]) -> None: ...
