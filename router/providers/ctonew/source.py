"""An open chat as a source of neutral events: reads its socket, keeps it alive, and gives up where it falls silent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec import Struct

from router.clock import Clock
from router.faults import Fault
from router.net.sockets import Socket
from router.providers.ctonew.session import Session, reply_to
from router.wire.events import Event, Started

PING = "ping"


class Waits(Struct, frozen=True, kw_only=True):
    """Seconds. idle: between two frames. stall: between two pieces of a begun answer while frames keep coming. ping:
    until the server wants to hear something."""

    idle: float
    stall: float
    ping: float = 30.0


class ChatEvents:
    """The events of one chat whose prompt has been sent. why: says what became of a chat that was ended without a word,
    None where nobody knows. The time in which nobody asks for events is not the provider's."""

    def __init__(
        self,
        socket: Socket,
        started: Started,
        why: Callable[[], Awaitable[Fault | None]],
        waits: Waits,
        clock: Clock,
    ) -> None:
        self._socket = socket
        self._started = started
        self._why = why
        self._waits = waits
        self._clock = clock
        self._session = Session()
        self._pinged = clock.monotonic()
        self._silent = 0.0  # seconds that were waited since the last frame
        self._still = 0.0  # and since the last events

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        yield [self._started]
        session = self._session
        while not session.ended:
            events = session.feed(await self._frame())
            if session.unanswered and (fault := await self._why()) is not None:
                raise fault
            if events:
                self._still = 0.0
                yield events

    async def _frame(self) -> str:
        """The next frame. Raises `Fault` timeout and upstream_broken."""
        while True:
            await self._keep_alive()
            began = self._clock.monotonic()
            frame = await self._socket.receive(self._patience())
            waited = self._clock.monotonic() - began
            self._still += waited
            self._silent = 0.0 if frame is not None else self._silent + waited
            if frame is not None:
                reply = reply_to(frame)
                if reply is not None:
                    await self._socket.send(reply)
                return frame
            self._refuse_silence()

    def _patience(self) -> float:
        ping = self._waits.ping - (self._clock.monotonic() - self._pinged)
        left = [ping, self._waits.idle - self._silent]
        if self._session.begun:
            left.append(self._waits.stall - self._still)
        return max(0.0, min(left))

    def _refuse_silence(self) -> None:
        if self._silent >= self._waits.idle:
            raise Fault("timeout", f"cto.new sent nothing for {self._waits.idle:g} seconds.")
        if self._session.begun and self._still >= self._waits.stall:
            text = f"cto.new kept the connection alive for {self._waits.stall:g} seconds without going on."
            raise Fault("timeout", text)

    async def _keep_alive(self) -> None:
        now = self._clock.monotonic()
        if now - self._pinged >= self._waits.ping:
            self._pinged = now
            await self._socket.send(PING)

    async def close(self) -> None:
        """Let go at once; the provider is told by the end of the socket."""
        await self._socket.close()
