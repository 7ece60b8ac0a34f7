"""The router's side of one session: calls out, answers in. Frames in, news and frames out. Pure.

A call is open from `open` to its end, its failure or its `cancel`. Whatever still arrives for it afterwards was on its
way and is ignored; what arrives for a call that never was is a mistake. A mistake within one answer (a gap, a chunk
before the head, more than the credit) breaks that call alone; only what leaves no meaning at all raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.faults import Fault
from router.relay.protocol.errors import read_error
from router.relay.protocol.frames import Frame, ProtocolError, size_of
from router.relay.protocol.messages import (
    CHUNK_BYTES,
    PLAIN_BUFFER,
    AuthStatus,
    Body,
    Chunk,
    Credit,
    Head,
    Request,
    Status,
    Terms,
    read,
    read_head,
    write,
    write_request,
)
from router.relay.protocol.texts import Joiner, pieces, utf8


class Headed(Struct, frozen=True):
    """The answer of a call begins."""

    id: str
    head: Head


class Arrived(Struct, frozen=True):
    """A piece of a body. size: what `RouterSide.taken` is told when the piece has been read."""

    id: str
    data: bytes
    size: int


class Ended(Struct, frozen=True):
    """The answer is complete."""

    id: str


class Failed(Struct, frozen=True):
    """The call failed: the service said so, or broke the rules. stop: tell the service to stop working on it."""

    id: str
    fault: Fault
    stop: bool = False


class Told(Struct, frozen=True):
    """The service says how it is."""

    status: Status


class Authenticating(Struct, frozen=True):
    """A sign-in goes on. id: of its request."""

    id: str
    status: AuthStatus


class Leaving(Struct, frozen=True):
    """The service takes no new calls and will close the session when it has finished the open ones."""


class Answer(Struct, frozen=True):
    """A frame to send back."""

    frame: Frame


News: TypeAlias = Headed | Arrived | Ended | Failed | Told | Authenticating | Leaving | Answer


class _Call:
    """What is known of one open call. waiting: bytes of its answer that nobody has read yet."""

    __slots__ = ("bytes_left", "chunks_left", "headed", "joiner", "seq", "taken", "taken_bytes", "waiting")

    def __init__(self, terms: Terms) -> None:
        self.headed = False
        self.seq = 0
        self.joiner = Joiner()
        self.chunks_left = terms.chunks
        self.bytes_left = terms.bytes
        self.taken = 0
        self.taken_bytes = 0
        self.waiting = 0


class RouterSide:
    """prefix: of the ids, unique among sessions. plain: the peer knows only the message set of browser relays."""

    def __init__(self, prefix: str, terms: Terms, *, plain: bool = False) -> None:
        self.plain = plain
        self.late = 0  # frames for calls that had ended: on their way when they did
        self._prefix = prefix
        self.terms = terms
        self._opened = 0
        self._calls: dict[str, _Call] = {}

    @property
    def open_calls(self) -> int:
        """How many calls have no end yet."""
        return len(self._calls)

    def open(self, request: Request, sent_at: str) -> tuple[str, list[Frame]]:
        """A new call: its id, and the frames to send in order (between which others may go)."""
        self._opened += 1
        call = f"{self._prefix}{self._opened:012x}"
        self._calls[call] = _Call(self.terms)
        if self.plain or len(request.body) <= CHUNK_BYTES // 4 or size_of(request.body) <= CHUNK_BYTES:
            return call, [Frame(call, "http_request", write_request(request, sent_at, more=False))]
        parts = list(pieces(request.body, CHUNK_BYTES))
        first = write_request(replace(request, body=parts[0]), sent_at, more=True)
        frames = [Frame(call, "http_request", first)]
        for seq, part in enumerate(parts[1:]):
            chunk = Chunk(part, seq, last=seq == len(parts) - 2)
            frames.append(Frame(call, "request_chunk", write(chunk)))
        return call, frames

    def cancel(self, call: str) -> list[Frame]:
        """The caller has gone. A plain client has no word for it; one of a call that has ended needs none."""
        if self._calls.pop(call, None) is None or self.plain:
            return []
        return [Frame(call, "cancel")]

    def taken(self, call: str, size: int) -> list[Frame]:
        """The caller has read a chunk of `size` bytes: give credit back, half of the first one at a time."""
        state = self._calls.get(call)
        if state is None:
            return []
        state.waiting -= size
        state.taken += 1
        state.taken_bytes += size
        if self.plain or (state.taken * 2 < self.terms.chunks and state.taken_bytes * 2 < self.terms.bytes):
            return []
        credit = Credit(n=state.taken, bytes=state.taken_bytes)
        state.chunks_left += credit.n
        state.bytes_left += credit.bytes
        state.taken = state.taken_bytes = 0
        return [Frame(call, "credit", write(credit))]

    def lost(self) -> list[str]:
        """The socket is gone: the calls that were open."""
        calls = list(self._calls)
        self._calls.clear()
        return calls

    def receive(self, frame: Frame) -> list[News]:
        """What a frame means. Types that are not known mean nothing. Raises `ProtocolError`."""
        handle = _PLAIN.get(frame.type) if self.plain else _HANDLERS.get(frame.type)
        if handle is None:
            return []
        try:
            return handle(self, frame)
        except ProtocolError as error:
            if frame.id not in self._calls:
                raise
            return self._broken(frame, error.message)

    def _call(self, frame: Frame) -> _Call | None:
        """The open call of a frame, None where it has ended. Raises `ProtocolError` for one that never was."""
        state = self._calls.get(frame.id)
        if state is not None:
            return state
        if not self.plain and not self._was_opened(frame.id):
            raise ProtocolError("unknown_call", f"{frame.type}: there was no call {frame.id[:80]!r}")
        self.late += 1
        return None

    def _was_opened(self, call: str) -> bool:
        number = call.removeprefix(self._prefix)
        return (
            call.startswith(self._prefix) and len(number) == 12 and _hexadecimal(number) in range(1, self._opened + 1)
        )

    def _response(self, frame: Frame) -> list[News]:
        state = self._call(frame)
        if state is None:
            return []
        if state.headed:
            return self._broken(frame, "an http_response after a stream_start")
        head, data = read_head(frame), utf8(read(frame, Body).body)
        del self._calls[frame.id]
        arrived: list[News] = [Arrived(frame.id, data, len(data))] if data else []
        return [Headed(frame.id, head), *arrived, Ended(frame.id)]

    def _start(self, frame: Frame) -> list[News]:
        state = self._call(frame)
        if state is None:
            return []
        if state.headed:
            return self._broken(frame, "a second stream_start")
        state.headed = True
        return [Headed(frame.id, read_head(frame))]

    def _chunk(self, frame: Frame) -> list[News]:
        state = self._call(frame)
        if state is None:
            return []
        chunk = read(frame, Chunk)
        size = size_of(chunk.data)
        problem = self._wrong(state, chunk, size)
        if problem:
            return self._broken(frame, problem)
        state.seq += 1
        state.waiting += size
        state.chunks_left -= 1
        state.bytes_left -= size
        if self.plain and state.waiting > PLAIN_BUFFER:
            return self._overrun(frame)
        return [Arrived(frame.id, state.joiner.feed(chunk.data), size)]

    def _wrong(self, state: _Call, chunk: Chunk, size: int) -> str:
        if not state.headed:
            return "a chunk before the stream_start"
        if self.plain:
            return ""
        if chunk.seq != state.seq:
            return f"the chunk {chunk.seq} where {state.seq} was due"
        if state.chunks_left <= 0 or state.bytes_left <= 0:
            return "more chunks than there was credit for"
        if size > self.terms.chunk_bytes:
            return f"a chunk of more than {self.terms.chunk_bytes} bytes"
        return ""

    def _end(self, frame: Frame) -> list[News]:
        state = self._call(frame)
        if state is None:
            return []
        if not state.headed:
            return self._broken(frame, "a stream_end before the stream_start")
        del self._calls[frame.id]
        rest = state.joiner.close()
        last: list[News] = [Arrived(frame.id, rest, 0)] if rest else []
        return [*last, Ended(frame.id)]

    def _error(self, frame: Frame) -> list[News]:
        if self._call(frame) is None:
            return []
        fault = read_error(frame)
        del self._calls[frame.id]
        return [Failed(frame.id, fault)]

    def _status(self, frame: Frame) -> list[News]:
        return [Told(read(frame, Status))]

    def _auth_status(self, frame: Frame) -> list[News]:
        return [Authenticating(frame.id, read(frame, AuthStatus))]

    def _drain(self, frame: Frame) -> list[News]:
        return [Leaving()]

    def _ping(self, frame: Frame) -> list[News]:
        return [Answer(Frame(frame.id, "pong"))]

    def _hello(self, frame: Frame) -> list[News]:
        raise ProtocolError("out_of_order", "hello: comes first, and once")

    def _broken(self, frame: Frame, problem: str) -> list[News]:
        del self._calls[frame.id]
        text = f"The service broke the rules of the relay in the middle of its answer: {problem}."
        return [Failed(frame.id, Fault("upstream_broken", text), stop=not self.plain)]

    def _overrun(self, frame: Frame) -> list[News]:
        """No fault of the account: nothing cools."""
        del self._calls[frame.id]
        text = (
            f"More than {PLAIN_BUFFER // 1024 // 1024} MiB of the answer wait to be read: the browser's relay cannot "
            "be slowed down. Read faster, or use a service that knows the whole protocol."
        )
        return [Failed(frame.id, Fault("unavailable", text))]


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


_Handler: TypeAlias = Callable[[RouterSide, Frame], list[News]]
_PLAIN: dict[str, _Handler] = {
    "http_response": RouterSide._response,
    "stream_start": RouterSide._start,
    "stream_chunk": RouterSide._chunk,
    "stream_end": RouterSide._end,
    "error": RouterSide._error,
    "ping": RouterSide._ping,
}
_HANDLERS: dict[str, _Handler] = {
    **_PLAIN,
    "hello": RouterSide._hello,
    "status": RouterSide._status,
    "auth_status": RouterSide._auth_status,
    "drain": RouterSide._drain,
}
