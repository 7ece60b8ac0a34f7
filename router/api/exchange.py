"""One HTTP exchange as the edge sees it: headers, query, a bounded body, and the moment when the client goes away."""

from __future__ import annotations

import asyncio
import types
import zlib
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from router.faults import Fault
from router.patience import Patience
from router.tasks import Tasks

INFLATE_HERE = 64 * 1024
"""Compressed bytes up to which a body is inflated without a thread of its own."""
MAX_MEMBERS = 16
BODY_SECONDS = 300.0
"""How long a client may take for its whole body."""


class Registered:
    """A context that ends with the call of `forget`. Cheaper than a generator, of which every call would need two."""

    __slots__ = ("_arguments", "_forget")

    def __init__(self, forget: Callable[..., object], *arguments: object) -> None:
        self._forget = forget
        self._arguments = arguments

    def __enter__(self) -> None:
        """What is to be forgotten is in force since it was made."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._forget(*self._arguments)


class Exchange:
    """Wraps the three ASGI values of one request. Used by one task."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.task = asyncio.current_task()
        self.gone = False
        self.stopping = False
        self.finished = False  # the whole answer is on its way: a disconnect is no news any more
        self._receive = receive
        self._query: dict[str, str] | None = None

    @property
    def query(self) -> Mapping[str, str]:
        """Query parameters; of a repeated one, the last."""
        if self._query is None:
            text = self.query_string
            self._query = _parsed(text) if text else {}
        return self._query

    @property
    def query_string(self) -> str:
        """The query as it stands in the request."""
        raw: bytes = self.scope.get("query_string", b"")
        return raw.decode("latin-1")

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, "" where unknown."""
        client = self.scope.get("client")
        return client[0] if client else ""

    async def body(self, limit: int, patience: Patience) -> bytes:
        """The whole body, decompressed. Raises `Fault` too_large, bad_request (encoding), timeout or cancelled."""
        announced = self.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        try:
            with patience.limit(BODY_SECONDS, self.task):
                body = await self._read(limit)
        except TimeoutError:
            raise Fault("bad_request", "The request's body did not arrive in time.", status=408) from None
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return body
        if len(body) <= INFLATE_HERE:
            return _inflate(body, encoding, limit)
        return await asyncio.to_thread(_inflate, body, encoding, limit)

    async def _read(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise Fault("cancelled", "The client went away before its request was complete.")
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            if chunk:
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def until_deadline(self) -> Registered:
        """Within it the task is cancelled, with `stopping` set, when the server's time to drain is over."""
        drain = self.scope.get("state", {}).get("drain")
        if drain is None or self.task is None:
            return Registered(_nothing)
        return Registered(drain.at_deadline(self._stop))

    def _stop(self) -> None:
        self.stopping = True
        if self.task is not None:
            self.task.cancel()

    def watched(self, tasks: Tasks) -> Registered:
        """Within it the task is cancelled, with `gone` set, when the client goes away.

        The server says so itself where it can; elsewhere a task waits for the disconnect.
        """
        tell = self.scope.get("extensions", {}).get("client.gone")
        if tell is None:
            return Registered(tasks.spawn(self._watch(), "client").cancel)
        tell(self._left)
        return Registered(tell, None)

    def watched_early(self) -> Registered:
        """As `watched`, before the body was read: only where the server says so, since a task would take the body."""
        tell = self.scope.get("extensions", {}).get("client.gone")
        if tell is None:
            return Registered(_nothing)
        tell(self._left)
        return Registered(tell, None)

    def _left(self) -> None:
        if not self.finished:
            self.gone = True
            if self.task is not None:
                self.task.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()


def _nothing() -> None:
    """There is nothing to take back."""


def _parsed(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    except ValueError:  # more fields than any client sends
        return {}


def _inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo gzip or deflate, never making more than `limit` bytes."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Fault(
            "bad_request",
            f"Content-Encoding {encoding!r} is not understood here: send the body plain, or with gzip or deflate.",
            status=415,
        )
    plain: list[bytes] = []
    left = limit
    while body:  # several members may follow one another (RFC 1952, 2.2)
        if len(plain) == MAX_MEMBERS:  # each costs a copy of the rest
            raise Fault("bad_request", f"The {encoding} data of the body has more than {MAX_MEMBERS} members.")
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            piece = inflater.decompress(body, left + 1)
        except zlib.error as error:
            raise Fault("bad_request", f"The body is not valid {encoding} data.") from error
        left -= len(piece)
        if left < 0:
            raise _too_large(limit)
        if not inflater.eof:
            raise Fault("bad_request", f"The {encoding} data of the body ends too early.")
        plain.append(piece)
        body = inflater.unused_data
    return plain[0] if len(plain) == 1 else b"".join(plain)


def _too_large(limit: int) -> Fault:
    return Fault("too_large", f"The request's body is larger than {limit} bytes (setting server.limits.body_bytes).")
