"""One call as a service answers it: a head, pieces as fast as their reader takes them, an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from router.faults import Fault
from router.relay.protocol.frames import Frame, size_of
from router.relay.protocol.messages import AuthRequest, AuthStatus, Head, Request
from router.relay.protocol.service_side import ServiceSide

Send = Callable[[Frame], Awaitable[None]]


class Handler(Protocol):
    """What a service does. Both methods are cancelled when nobody waits for them any more."""

    async def answer(self, request: Request, answer: Answer) -> None:
        """Answer one request. A `Fault` reaches the caller with its kind and status; returning ends the answer."""
        ...

    async def sign_in(self, request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
        """Let a person sign in to a profile, and tell how it goes."""
        ...


class CallGone(Exception):
    """Nobody waits for the answer any more."""


class Answer:
    """The way back of one call. Its methods raise `CallGone` where nobody waits any more."""

    def __init__(self, call: str, side: ServiceSide, send: Send) -> None:
        self.begun = False
        self._call = call
        self._side = side
        self._send = send
        self._credit = asyncio.Event()

    async def start(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send the head of a streamed answer."""
        self._must_be_open()
        self.begun = True
        await self._send(self._side.start(self._call, Head(status, dict(headers or {}))))

    async def write(self, text: str) -> None:
        """Send a piece of the body; waits while the reader is slow."""
        self._must_be_open()
        for piece in self._side.cut(self._call, text):
            while not self._side.may_send(self._call):
                self._credit.clear()
                await self._credit.wait()
                self._must_be_open()
            await self._send(self._side.chunk(self._call, piece))

    async def respond(self, status: int, headers: Mapping[str, str], body: str) -> None:
        """Send a whole answer; a large one goes in pieces."""
        self._must_be_open()
        if size_of(body) <= self._side.terms.chunk_bytes:
            await self._send(self._side.respond(self._call, Head(status, dict(headers)), body))
        else:
            await self.start(status, headers)
            await self.write(body)

    def _must_be_open(self) -> None:
        if not self._side.is_open(self._call):
            raise CallGone

    def credited(self) -> None:
        """The router says that more may be sent."""
        self._credit.set()

    async def close(self, fault: Fault | None) -> None:
        """End the answer, with an error where there is one. Nothing where it has ended already."""
        if not self._side.is_open(self._call):
            return
        if fault is None and not self.begun:
            fault = Fault("upstream_broken", "The service gave no answer.")
        await self._send(self._side.end(self._call) if fault is None else self._side.fail(self._call, fault))
