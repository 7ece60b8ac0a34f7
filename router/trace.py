"""What one call says and hears at each of its stages, held by reference while it runs. Made only where it is recorded.

Nothing here is redacted yet, so nothing of it is shown or written: `router.observe.records` does both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from router.faults import Fault
from router.hidden import Hidden
from router.net.message import HttpRequest, Response
from router.patience import Watch
from router.wire.conversation import Conversation

PART = 1024 * 1024
"""Bytes of each body that a record shows; the rest is cut."""
SPARE = 64 * 1024
"""Bytes behind them that are held all the same: a secret that lies across the cut must be seen whole."""


class Room:
    """Bytes that the answers of all running calls may hold together. For the event loop alone."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


class Part:
    """One body, given whole, or piece by piece. size: all bytes of it; held: those that are kept."""

    __slots__ = ("_full", "_room", "_taken", "held", "pieces", "size")

    def __init__(self, whole: bytes = b"", room: Room | None = None) -> None:
        """room: what pieces are taken from; without it none is held."""
        self.size = self.held = len(whole)
        self.pieces: list[bytes] = [whole] if whole else []
        self._room = room
        self._taken = 0
        self._full = room is None

    def add(self, piece: bytes) -> None:
        """What came next. Once one has no room none behind it is held, so that there is no gap."""
        size = len(piece)
        self.size += size
        room = self._room
        if self._full or room is None:
            return
        if self.held >= PART + SPARE or size > room.left:
            self._full = True
            return
        room.left -= size
        self._taken += size
        self.held += size
        self.pieces.append(piece)

    def close(self) -> None:
        """The call is over: its bytes are counted elsewhere from now on, and no more are held."""
        self._full = True
        if self._room is not None:
            self._room.left += self._taken
            self._taken = 0

    def beginning(self) -> bytes:
        """What is looked at."""
        return b"".join(self.pieces)[: PART + SPARE]

    @property
    def cut(self) -> bool:
        """Whether not all of it is looked at."""
        return self.size > min(PART, self.held)


class Sent:
    """One request to a provider and what came back. fault: why nothing came, or why it broke off."""

    __slots__ = ("account", "answer", "fault", "headers", "hidden", "provider", "request", "status")

    def __init__(self, provider: str, account: str, request: HttpRequest, hidden: Hidden, room: Room) -> None:
        self.provider = provider
        self.account = account
        self.request = request
        self.hidden = hidden
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.answer = Part(room=room)
        self.fault: Fault | None = None

    def answered(self, response: Response) -> Response:
        """The head is there: the same response, whose body is heard as it is read."""
        self.status, self.headers = response.status, response.headers
        return _Heard(response, self)


class Trace:
    """One call. secrets: the keys that the caller showed. neutral: the request between two dialects, where it was
    translated. The answer's head and body are those that left for the client."""

    __slots__ = (
        "_room",
        "answer",
        "body",
        "headers",
        "method",
        "neutral",
        "path",
        "query",
        "said",
        "secrets",
        "sent",
        "status",
    )

    def __init__(
        self, method: str, path: str, query: str, headers: Mapping[str, str], secrets: Hidden, room: Room
    ) -> None:
        """room: for the answers, which are held as they come."""
        self._room = room
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.secrets = secrets
        self.body = Part()
        self.neutral: Conversation | None = None
        self.sent: list[Sent] = []
        self.status = 0
        self.said: Iterable[tuple[bytes, bytes]] = ()
        self.answer = Part(room=room)

    def sending(self, provider: str, account: str, request: HttpRequest, hidden: Hidden) -> Sent:
        """A request is about to leave."""
        one = Sent(provider, account, request, hidden, self._room)
        self.sent.append(one)
        return one

    def told(self, message: Mapping[str, Any]) -> None:
        """One message to the client, as the server takes it (ASGI)."""
        if message["type"] == "http.response.start":
            self.status, self.said = message["status"], message["headers"]
        else:
            self.answer.add(message.get("body", b""))

    def close(self) -> None:
        """The call is over. An attempt that was given up may still hear something, which nobody wants."""
        for part in (self.answer, *(sent.answer for sent in self.sent)):
            part.close()

    @property
    def held(self) -> int:
        """Bytes of memory that this call's bodies keep, about."""
        upstream = sum(len(one.request.body) + one.answer.held for one in self.sent)
        return self.body.held + self.answer.held + upstream


class _Heard:
    """A response (`router.net.message.Response`) that tells `Sent` what is read of it."""

    arrived = False  # what stands behind the end is recorded too

    def __init__(self, response: Response, sent: Sent) -> None:
        self._response = response
        self._sent = sent
        self.status = response.status
        self.headers = response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        add = self._sent.answer.add
        try:
            async for chunk in self._response.chunks():
                add(chunk)
                yield chunk
        except Fault as fault:
            self._sent.fault = fault
            raise

    async def read(self, limit: int) -> bytes:
        try:
            data = await self._response.read(limit)
        except Fault as fault:
            self._sent.fault = fault
            raise
        self._sent.answer.add(data)
        return data

    async def read_some(self) -> bytes:
        data = await self._response.read_some()
        self._sent.answer.add(data)
        return data

    def patience(self, idle: float | None) -> None:
        self._response.patience(idle)

    def stall(self, seconds: float) -> Watch:
        return self._response.stall(seconds)

    def close(self) -> None:
        self._response.close()
