"""One connected service or browser: its socket, its open calls, and what it says of itself."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct

from router.clock import Clock
from router.faults import Fault
from router.relay.call import Call
from router.relay.link import GOING_AWAY, STUCK, Link, LinkClosed
from router.relay.outbox import Outbox
from router.relay.protocol import router_news
from router.relay.protocol.frames import Frame, ProtocolError, decode
from router.relay.protocol.messages import AuthStatus, Profile, Request, Status
from router.relay.protocol.router_side import RouterSide
from router.tasks import Tasks

_log = logging.getLogger("switchyard.relay")
MOST_CALLS = 1024
"""Open calls of one session; what a service cannot work on at once waits there."""
FAREWELL = 2.0
"""Seconds that a peer gets to take what waits for it before its socket is closed."""
LATENCIES = 100
ERRORS = 10


class Facts(Struct, frozen=True, kw_only=True):
    """What never changes of a session. plain: it knows only the message set of browser relays. since: Unix time."""

    id: str
    name: str
    service: str
    plain: bool
    version: str = ""
    address: str = ""
    since: float = 0.0
    capacity: int = 1
    capabilities: tuple[str, ...] = ()


class Owner(Protocol):
    """The hub."""

    def ended(self, session: Session) -> None:
        """The session can be used no more; its socket may take a moment longer."""
        ...

    def changed(self, session: Session) -> None:
        """The service says something new of its accounts or models."""
        ...

    def authenticating(self, sign_in: str, status: AuthStatus) -> None:
        """A sign-in goes on."""
        ...

    def settled(self, session: Session, outcome: str, first: float | None) -> None:
        """A call is over. first: seconds to the first piece, None where there was none."""
        ...


class Tally:
    """What has happened on one session, for status pages."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.first: deque[float] = deque(maxlen=LATENCIES)  # seconds to the first piece
        self.errors: deque[tuple[float, str]] = deque(maxlen=ERRORS)  # Unix time and text


class Session:
    """`run` serves it to its end. Everything else is synchronous, but for the way of a request to the service."""

    def __init__(
        self, facts: Facts, link: Link, side: RouterSide, owner: Owner, clock: Clock, allowed: Callable[[], bool]
    ) -> None:
        """allowed: whether the key of the peer still counts."""
        self.facts = facts
        self.link = link
        self.side = side
        self.allowed = allowed
        self.tally = Tally()
        self.profiles: tuple[Profile, ...] = ()
        self.models: tuple[str, ...] = ()
        self.busy = 0
        self.cause = ""
        self._why = ""
        self.heard_at = clock.monotonic()
        self.asked_at = clock.monotonic()  # when a ping was sent last
        self.writing_since: float | None = None
        self._heard = link.heard()
        self._owner = owner
        self._clock = clock
        self._calls: dict[str, Call] = {}
        self._outbox = Outbox()
        self._over = asyncio.Event()
        self._goodbye: tuple[int, str] | None = None
        self._tasks = Tasks(f"relay {facts.name}")

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def service(self) -> str:
        return self.facts.service

    @property
    def open_calls(self) -> int:
        return len(self._calls)

    def why(self) -> str:
        """Why it ended, in words; "" while it goes on."""
        return self._why

    @property
    def ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._over.is_set()

    async def run(self) -> None:
        """Read and write until the socket or the session ends; then nothing of it is left."""
        reader = self._tasks.spawn(self._read(), "read")
        writer = self._tasks.spawn(self._write(), "write")
        try:
            await self._over.wait()
            await asyncio.wait([writer], timeout=FAREWELL)
        finally:
            self.end(GOING_AWAY, "")
            reader.cancel()
            code, reason = self._goodbye or (GOING_AWAY, "")
            with suppress(TimeoutError, LinkClosed):
                async with asyncio.timeout(FAREWELL):
                    await self.link.close(code, reason)
            await self._tasks.close()

    def end(self, code: int, reason: str, cause: str = "") -> None:
        """Close the session, and fail its calls at once. cause: for them, in words; the reason where there is none."""
        if self._over.is_set():
            return
        self._goodbye = (code, reason)
        self._outbox.close()
        self._over.set()
        self._why = cause or reason or "its socket was closed"
        text = f"The service {self.name} has gone in the middle of the call: {self._why}."
        for call in self.side.lost():
            self._fail(call, Fault("unavailable", text))
        self._owner.ended(self)

    # Calls.

    async def open(self, request: Request) -> Call:
        """Send a request. Raises `Fault` where the session takes none. Cancelled: the service is told to stop."""
        if self._over.is_set():
            raise Fault("unavailable", f"The service {self.name} has gone.")
        if len(self._calls) >= MOST_CALLS:
            raise Fault("unavailable", f"{MOST_CALLS} calls wait for the service {self.name}.", retry_after=2.0)
        call = Call(self, self._clock.monotonic(), self._settled)
        sent_at = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="microseconds")
        call.id, frames = self.side.open(request, sent_at.replace("+00:00", "Z"))
        self._calls[call.id] = call
        try:
            for frame in frames:
                await self._outbox.put(frame)
        except BaseException:
            call.leave()
            raise
        return call

    def taken(self, call: Call, size: int) -> None:
        self._post(self.side.taken(call.id, size))

    def leave(self, call: Call) -> None:
        self._post(self.side.cancel(call.id))
        self._calls.pop(call.id, None)

    def _settled(self, call: Call, outcome: str) -> None:
        first = call.first - call.began if call.first is not None else None
        self.tally.outcomes[outcome] = self.tally.outcomes.get(outcome, 0) + 1
        if first is not None:
            self.tally.first.append(first)
        self._owner.settled(self, outcome, first)

    def _fail(self, call: str, fault: Fault) -> None:
        waiting = self._calls.pop(call, None)
        if waiting is not None:
            self.tally.errors.append((self._clock.wall(), f"{fault.kind}: {fault.message}"[:300]))
            waiting.fail(fault)

    # Frames.

    def post(self, frame: Frame) -> None:
        """Send a small frame."""
        self._outbox.post(frame)
        if self._outbox.overfull:
            self.end(STUCK, "it does not take what it is sent")

    def _post(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.post(frame)

    def listen(self, now: float) -> float:
        """Seconds since something was heard of the peer. now: monotonic."""
        heard = self.link.heard()
        if heard != self._heard:
            self._heard, self.heard_at = heard, now
        return now - self.heard_at

    async def _write(self) -> None:
        try:
            while (text := await self._outbox.take()) is not None:
                self.writing_since = self._clock.monotonic()
                await self.link.send(text)
                self.writing_since = None
        except LinkClosed as closed:
            self.end(GOING_AWAY, "", f"its socket was closed with {closed.code}")

    async def _read(self) -> None:
        try:
            while True:
                text = await self.link.receive()
                for news in self.side.receive(decode(text, self.side.terms.message_bytes)):
                    self._take(news)
        except LinkClosed as closed:
            self.end(GOING_AWAY, "", f"its socket was closed with {closed.code}")
        except ProtocolError as error:
            _log.warning("the relay session %s broke the protocol: %s", self.name, error.message)
            self.end(error.close_code, error.message[:120], f"it broke the protocol of the relay ({error.message})")

    def _take(self, news: router_news.News) -> None:
        match news:
            case router_news.Arrived(call, data, size):
                if (waiting := self._calls.get(call)) is not None:
                    waiting.arrived(data, size, self._clock.monotonic())
            case router_news.Headed(call, head):
                if (waiting := self._calls.get(call)) is not None:
                    waiting.headed(head)
            case router_news.Ended(call):
                if (waiting := self._calls.pop(call, None)) is not None:
                    waiting.ended()
            case router_news.Failed(call, fault, stop):
                if stop:
                    self.post(Frame(call, "cancel"))
                self._fail(call, fault)
            case router_news.Answer(frame):
                self.post(frame)
            case router_news.Told(status):
                self._told(status)
            case router_news.Authenticating(sign_in, status):
                self._owner.authenticating(sign_in, status)
            case router_news.Leaving():
                self._told(Status(cause="it is about to stop"))

    def _told(self, status: Status) -> None:
        if status.busy is not None:
            self.busy = status.busy
        before = (self.profiles, self.models, self.cause)
        self.profiles = self.profiles if status.profiles is None else status.profiles
        self.models = self.models if status.models is None else status.models
        self.cause = self.cause if status.cause is None else status.cause
        if before != (self.profiles, self.models, self.cause):
            self._owner.changed(self)
