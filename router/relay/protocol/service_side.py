"""A service's side of one session: requests in, answers out. Frames in, news and frames out. Pure.

The methods that make frames say with `KeyError` that a call is not open (any more): it was cancelled, or has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.faults import Fault
from router.relay.protocol.errors import error_payload
from router.relay.protocol.frames import Frame, ProtocolError, size_of
from router.relay.protocol.messages import (
    AuthRequest,
    AuthStatus,
    Chunk,
    Credit,
    Head,
    Hello,
    Request,
    Routers,
    Status,
    Terms,
    Welcome,
    read,
    read_request,
    write,
)
from router.relay.protocol.texts import Joiner, pieces


class Welcomed(Struct, frozen=True):
    """The router takes this service."""

    welcome: Welcome


class Asked(Struct, frozen=True):
    """A whole request."""

    id: str
    request: Request


class Cancelled(Struct, frozen=True):
    """Nobody waits for this answer any more."""

    id: str


class Credited(Struct, frozen=True):
    """More of this answer may be sent."""

    id: str


class SignIn(Struct, frozen=True):
    """A person wants to sign in; `ServiceSide.sign_in` tells how it goes."""

    id: str
    request: AuthRequest


class SignInCancelled(Struct, frozen=True):
    """The person does not want to sign in any more."""

    id: str


class Siblings(Struct, frozen=True):
    """Every router that there is now."""

    routers: tuple[str, ...]


class Draining(Struct, frozen=True):
    """The router will go: open calls are finished, new ones come from its successor."""


class Back(Struct, frozen=True):
    """A frame to send back."""

    frame: Frame


News: TypeAlias = Welcomed | Asked | Cancelled | Credited | SignIn | SignInCancelled | Siblings | Draining | Back


class _Call:
    """One open call. parts: of a request that has not come whole yet, None where it has."""

    __slots__ = ("bytes_left", "chunks_left", "headed", "joiner", "parts", "request", "seq", "size")

    def __init__(self, request: Request, terms: Terms, more: bool) -> None:
        self.request = request
        self.parts: list[str] | None = [request.body] if more else None
        self.size = size_of(request.body) if more else 0
        self.seq = 0
        self.headed = False
        self.joiner = Joiner()
        self.chunks_left = terms.chunks
        self.bytes_left = terms.bytes


class ServiceSide:
    """One session as the service that said `hello` sees it. `terms` are the router's, once it has said them."""

    def __init__(self, hello: Hello) -> None:
        self.terms = Terms()
        self._hello = hello
        self._welcomed = False
        self._calls: dict[str, _Call] = {}

    def hello(self) -> Frame:
        """The first frame."""
        payload = write(self._hello)
        if not self._hello.key:
            del payload["key"]
        return Frame("", "hello", payload)

    @property
    def open_calls(self) -> int:
        """How many calls have no end yet, those included whose request is still on its way."""
        return len(self._calls)

    def is_open(self, call: str) -> bool:
        """Whether somebody waits for an answer."""
        return call in self._calls

    def may_send(self, call: str) -> bool:
        """Whether there is credit for another chunk. Raises `KeyError`."""
        state = self._calls[call]
        return state.chunks_left > 0 and state.bytes_left > 0

    def cut(self, call: str, text: str) -> list[str]:
        """`text` as chunks that `chunk` takes; a half of a character at its end waits for the next text. Raises
        `KeyError`."""
        whole = self._calls[call].joiner.feed(text).decode("utf-8")
        return list(pieces(whole, self.terms.chunk_bytes))

    def start(self, call: str, head: Head) -> Frame:
        """The answer begins. Raises `KeyError`, and `ValueError` where it has begun."""
        state = self._calls[call]
        if state.headed:
            raise ValueError(f"the answer to {call} has begun")
        state.headed = True
        return Frame(call, "stream_start", write(head))

    def chunk(self, call: str, data: str) -> Frame:
        """One piece of `cut`. Raises `KeyError`, and `ValueError` without a head or without credit."""
        state = self._calls[call]
        if not state.headed or not self.may_send(call):
            raise ValueError(f"no chunk may be sent for {call} now")
        seq, state.seq = state.seq, state.seq + 1
        state.chunks_left -= 1
        state.bytes_left -= size_of(data)
        return Frame(call, "stream_chunk", {"seq": seq, "data": data})

    def end(self, call: str) -> Frame:
        """The answer is complete. Raises `KeyError`, and `ValueError` where it has not begun."""
        if not self._calls[call].headed:
            raise ValueError(f"the answer to {call} has not begun")
        del self._calls[call]
        return Frame(call, "stream_end")

    def respond(self, call: str, head: Head, body: str) -> Frame:
        """A small answer in one piece; larger than a chunk, it must be streamed. Raises `KeyError` or `ValueError`."""
        if self._calls[call].headed or size_of(body) > self.terms.chunk_bytes:
            raise ValueError(f"the answer to {call} cannot be sent in one piece")
        del self._calls[call]
        return Frame(call, "http_response", {**write(head), "body": body})

    def fail(self, call: str, fault: Fault) -> Frame:
        """The call failed. Raises `KeyError`."""
        del self._calls[call]
        return Frame(call, "error", error_payload(fault))

    @staticmethod
    def status(status: Status) -> Frame:
        """How the service is; what is None stays as it was."""
        return Frame("", "status", {name: value for name, value in write(status).items() if value is not None})

    @staticmethod
    def sign_in(request: str, status: AuthStatus) -> Frame:
        """How a sign-in goes. request: its id."""
        return Frame(
            request, "auth_status", {name: value for name, value in write(status).items() if value is not None}
        )

    @staticmethod
    def drain() -> Frame:
        """No new calls, please: this service will go."""
        return Frame("", "drain")

    def lost(self) -> list[str]:
        """The socket is gone: the calls that were open."""
        calls = list(self._calls)
        self._calls.clear()
        return calls

    def receive(self, frame: Frame) -> list[News]:
        """What a frame means. Types that are not known mean nothing. Raises `ProtocolError`."""
        handle = _HANDLERS.get(frame.type)
        if handle is None:
            return []
        if not self._welcomed and frame.type not in ("welcome", "ping", "pong"):
            raise ProtocolError("out_of_order", f"{frame.type}: came before the welcome")
        return handle(self, frame)

    def _welcome(self, frame: Frame) -> list[News]:
        if self._welcomed:
            raise ProtocolError("out_of_order", "welcome: comes once")
        welcome = read(frame, Welcome)
        self._welcomed = True
        self.terms = welcome.limits
        return [Welcomed(welcome)]

    def _request(self, frame: Frame) -> list[News]:
        if not frame.id or frame.id in self._calls:
            raise ProtocolError("out_of_order", "http_request: needs an id that no open call has")
        request, more = read_request(frame)
        self._calls[frame.id] = _Call(request, self.terms, more)
        return [] if more else [Asked(frame.id, request)]

    def _request_chunk(self, frame: Frame) -> list[News]:
        state = self._calls.get(frame.id)
        if state is None:  # refused or cancelled meanwhile
            return []
        chunk = read(frame, Chunk)
        if state.parts is None or chunk.seq != len(state.parts) - 1:
            raise ProtocolError("out_of_order", f"request_chunk: {chunk.seq} is not the one that is due")
        state.parts.append(chunk.data)
        state.size += size_of(chunk.data)
        if state.size > self.terms.message_bytes:
            text = f"The request's body is larger than {self.terms.message_bytes} bytes."
            return [Back(self.fail(frame.id, Fault("too_large", text)))]
        if not chunk.last:
            return []
        request = replace(state.request, body="".join(state.parts))
        state.parts = None
        return [Asked(frame.id, request)]

    def _cancel(self, frame: Frame) -> list[News]:
        state = self._calls.pop(frame.id, None)
        return [Cancelled(frame.id)] if state is not None and state.parts is None else []

    def _credit(self, frame: Frame) -> list[News]:
        credit = read(frame, Credit)
        state = self._calls.get(frame.id)
        if state is None:
            return []
        if credit.n < 0 or credit.bytes < 0:
            raise ProtocolError("wrong_type", "credit: cannot be taken back")
        state.chunks_left += credit.n
        state.bytes_left += credit.bytes
        return [Credited(frame.id)]

    def _auth(self, frame: Frame) -> list[News]:
        return [SignIn(frame.id, read(frame, AuthRequest))]

    def _auth_cancel(self, frame: Frame) -> list[News]:
        return [SignInCancelled(frame.id)]

    def _routers(self, frame: Frame) -> list[News]:
        return [Siblings(read(frame, Routers).routers)]

    def _drain(self, frame: Frame) -> list[News]:
        return [Draining()]

    def _ping(self, frame: Frame) -> list[News]:
        return [Back(Frame(frame.id, "pong"))]


_Handler: TypeAlias = Callable[[ServiceSide, Frame], list[News]]
_HANDLERS: dict[str, _Handler] = {
    "welcome": ServiceSide._welcome,
    "http_request": ServiceSide._request,
    "request_chunk": ServiceSide._request_chunk,
    "cancel": ServiceSide._cancel,
    "credit": ServiceSide._credit,
    "auth_request": ServiceSide._auth,
    "auth_cancel": ServiceSide._auth_cancel,
    "routers": ServiceSide._routers,
    "drain": ServiceSide._drain,
    "ping": ServiceSide._ping,
}
