"""The only owner of heads, heartbeats and in-band errors.

Nothing is sent before an answer begins, except that after a grace the head and the dialect's heartbeats go out where
the dialect tolerates them. One ticker serves all waiting replies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.types import Send

from router.tasks import Tasks
from router.wire.codec import dumps
from router.wire.conversation import JsonObject

TICK = 0.5
SEND_SECONDS = 120.0
"""How long a client may refuse to read before its connection is given up."""

_STREAM_HEAD = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_JSON_HEAD = ((b"content-type", b"application/json"),)


class Reply:
    """One answer to one client. `stream` and `whole` are the two ways to give it; `fail` is for faults."""

    def __init__(self, send: Send, request_id: str, *, heartbeat: bytes = b"") -> None:
        self.started = False
        self.status = 0
        self.first_byte: float | None = None
        self._send = send
        self._request_id = request_id
        self._heartbeat = heartbeat
        self._lock = asyncio.Lock()
        self._ended = False
        self.last_write = time.monotonic()

    def heard(self, through: Callable[[Send], Send]) -> None:
        """Let everything that leaves from now on go through another sender, which is given the one so far."""
        self._send = through(self._send)

    async def head(self, status: int, headers: Mapping[str, str], *, stream: bool) -> None:
        """Send the status and the headers, once; later calls do nothing."""
        async with self._lock:
            await self._head(status, headers, stream=stream)

    async def _head(self, status: int, headers: Mapping[str, str], *, stream: bool) -> None:
        if self.started:
            return
        self.started = True
        self.status = status
        fields = list(_STREAM_HEAD if stream else _JSON_HEAD)
        fields.append((b"x-switchyard-request-id", self._request_id.encode()))
        fields += [(name.encode("latin-1"), _clean(value)) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})

    async def write(self, data: bytes) -> None:
        """Send a piece of a stream and wait until it is on its way."""
        if not data:
            return
        async with self._lock:
            if self.first_byte is None:
                self.first_byte = time.monotonic()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self.last_write = time.monotonic()

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece. Safe to call twice."""
        async with self._lock:
            await self._end(data)

    async def _end(self, data: bytes) -> None:
        if self._ended or not self.started:
            return
        self._ended = True
        if data and self.first_byte is None:
            self.first_byte = time.monotonic()
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An unstreamed answer."""
        async with self._lock:
            await self._head(status, {**headers, "content-length": str(len(body))}, stream=False)
            await self._end(body)

    async def json(self, status: int, headers: Mapping[str, str], payload: JsonObject) -> None:
        """An unstreamed answer from a JSON value."""
        await self.whole(status, headers, dumps(payload))

    async def beat(self, now: float, grace: float, every: float) -> None:
        """Send a heartbeat if one is due: the head first, `grace` seconds after the start, then after every `every`
        seconds of silence."""
        if self._ended or not self._heartbeat or self._lock.locked():
            return
        if now - self.last_write < (every if self.started else grace):
            return
        async with self._lock:
            await self._head(200, {}, stream=True)
            await self._send({"type": "http.response.body", "body": self._heartbeat, "more_body": True})
            self.last_write = now


def _clean(value: str) -> bytes:
    """A header value without anything that could end it."""
    if value.isascii() and value.isprintable():
        return value.encode("ascii")
    return "".join(c if " " <= c <= "~" else "?" for c in value).encode("ascii")


class Heartbeats:
    """One ticker for all replies that wait. waits: grace and pause between beats as set now, in seconds; 0 is off."""

    def __init__(self, waits: Callable[[], tuple[float, float]]) -> None:
        self._waits = waits
        self._waiting: dict[Reply, float | None] = {}
        self._tasks = Tasks("heartbeats")

    def start(self) -> None:
        """Begin to tick, within the running loop."""
        self._tasks.periodic(lambda: TICK, self._tick, "tick")

    def watch(self, reply: Reply, grace: float | None = None) -> None:
        """Keep a reply's client waiting. grace: this call's own, None for the general one."""
        self._waiting[reply] = grace

    def forget(self, reply: Reply) -> None:
        self._waiting.pop(reply, None)

    async def _tick(self) -> None:
        now = time.monotonic()
        general, every = self._waits()
        for reply, own in list(self._waiting.items()):
            grace = general if own is None else own
            due = every if reply.started else grace
            if due > 0 and now - reply.last_write >= due:
                self._tasks.spawn(_beat(reply, now, grace, every), "beat")

    async def close(self) -> None:
        await self._tasks.close()


async def _beat(reply: Reply, now: float, grace: float, every: float) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await reply.beat(now, grace, every)
    except (TimeoutError, OSError):
        pass  # a client that does not read; its own task finds out
