"""HTTP/1.1 as Hypercorn has it; plain calls pass h11 by, which takes a fifth of a small call."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import h11
from hypercorn.events import Closed, RawData, Updated
from hypercorn.events import Event as Wire
from hypercorn.protocol.events import Body, EndBody, Event, Request, Response, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream

from router.server.framing import StrictConnection
from router.server.plain_http import Answer, PlainRequest, begin_answer, read_plain


class Http1(H11Protocol):
    """Serves plain requests itself, until one comes that is not plain: from there on the connection is h11's.

    `flush` sends what was written: an answer that is whole goes out before the application does anything else."""

    def __init__(self, given: H11Protocol, flush: Callable[[], None]) -> None:
        super().__init__(
            given.app,
            given.config,
            given.context,
            given.task_group,
            given.connection_state,
            given.ssl,
            given.client,
            given.server,
            given.send,
        )
        del self.connection  # h11's, which most connections never need
        self._flush = flush
        self._plain = True
        self._used_up = False
        self._received = bytearray()
        self._missing = 0  # bytes of the request's body
        self._answer: Answer | None = None

    async def handle(self, event: Wire) -> None:
        """As Hypercorn's."""
        if self._plain and isinstance(event, RawData):
            self._received += event.data
            await self._read_plain()
        else:
            await super().handle(event)

    async def _read_plain(self) -> None:
        """Give the application what has come, request after request."""
        while self._received and not self._used_up:
            if self.stream is None:
                request = read_plain(self._received)
                if request is None:
                    await self._leave_to_h11()
                    return
                await self._begin(request)
            elif self._missing:
                piece = bytes(self._received[: self._missing])
                del self._received[: self._missing]
                self._missing -= len(piece)
                await self._hand_over(piece)
            else:  # the next request, while this one is being answered
                await self.can_read.clear()
                await self.can_read.wait()

    async def _begin(self, request: PlainRequest) -> None:
        del self._received[: request.size]
        self._missing, self._answer = request.length, None
        await self.send(Updated(idle=False))
        self.stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=request.headers,
                http_version="1.1",
                method=request.method,
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()
        if not self._missing:
            await self._hand_over(b"")

    async def _hand_over(self, piece: bytes) -> None:
        """A piece of the body; the last one says so, where Hypercorn sends an empty one behind it."""
        stream = self.stream
        if isinstance(stream, HTTPStream) and not stream.closed:
            await stream.app_put({"type": "http.request", "body": piece, "more_body": self._missing > 0})

    async def _leave_to_h11(self) -> None:
        self._plain = False
        self.connection = StrictConnection(h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size)
        self.connection.receive_data(bytes(self._received))
        self._received.clear()
        await self._handle_events()

    async def _check_protocol(self, event: h11.Request) -> None:
        if event.method == b"PRI" or any(name == b"upgrade" for name, _ in event.headers):  # h11 has them in lower case
            await super()._check_protocol(event)

    async def stream_send(self, event: Event) -> None:
        """As Hypercorn's."""
        if not self._plain:
            await super().stream_send(event)
        elif isinstance(event, Body):
            if self._answer is not None:
                await self.send(RawData(self._answer.piece(event.data)))
        elif isinstance(event, Response):
            self._answer, head = begin_answer(event.status_code, self._complete(event.headers))
            await self.send(RawData(head))
        elif isinstance(event, EndBody):
            if self._answer is not None:
                await self.send(RawData(self._answer.end()))
        elif isinstance(event, StreamClosed):
            await self._next_plain()
        if isinstance(event, EndBody):
            self._flush()

    def _complete(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        all_of_them = [*headers, *self.config.response_headers("h11")]
        if self.keep_alive_requests >= self.config.keep_alive_max_requests:
            all_of_them.append((b"connection", b"close"))
        return all_of_them

    async def _next_plain(self) -> None:
        """The connection is ready for another request where this one was read and answered to its end."""
        await self._close_stream()
        answer, self._answer = self._answer, None
        again = not self._missing and answer is not None and answer.whole and answer.lasting
        self._used_up = not again or self.context.terminated.is_set()  # what follows may be the rest of a body
        await self.can_read.set()
        await self.send(Closed() if self._used_up else Updated(idle=True))
