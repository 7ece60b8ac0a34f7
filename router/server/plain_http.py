"""HTTP/1.1 in the shape that nearly every call has, read and written in a tenth of the time that h11 takes. Pure.

h11 remains the authority: what is not plain beyond doubt is not looked at here but left to it, and for the rest the
tests hold both against each other, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import h11

Headers = Sequence[tuple[bytes, bytes]]

_HEAD = re.compile(rb"(GET|POST) ([!-~]+) HTTP/1\.1\r\n((?:[a-zA-Z0-9-]+:(?: ?[!-~](?:[ -~]*[!-~])?)?\r\n)+)\r\n")
_FIELD = re.compile(rb"([a-zA-Z0-9-]+): ?([ -~]*)\r\n")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_NOT_PLAIN = frozenset({b"transfer-encoding", b"upgrade", b"expect"})
_NAMES = re.compile(rb"[a-z0-9-]*")
_VALUES = re.compile(rb"[ -~]*")
_NO_BODY = frozenset({204, 304})
_CHUNKED = (b"Transfer-Encoding", b"chunked")


@dataclass(slots=True)
class PlainRequest:
    """A request head. headers: names in lower case; length: bytes of the body; size: bytes of the head itself."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    length: int
    size: int


def read_plain(data: bytes | bytearray) -> PlainRequest | None:
    """The request at the beginning of `data`; None where its head is not complete or not plain.

    Plain is a GET or POST of HTTP/1.1 with one Host, at most one Content-Length, no header twice, no transfer coding,
    no wish to upgrade, to be told to continue or to close, and no byte that two servers could read differently
    (RFC 9112, 2.2, 5 and 6)."""
    head = _HEAD.match(data)
    if head is None:
        return None
    method, target, fields = head.groups()
    headers = [(name.lower(), value) for name, value in _FIELD.findall(fields)]
    named = dict(headers)
    if len(named) != len(headers) or b"host" not in named or not _NOT_PLAIN.isdisjoint(named):
        return None
    if named.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    length = named.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(length):
        return None
    return PlainRequest(method.decode("ascii"), target, headers, int(length), head.end())


class Answer(Protocol):
    """Writes one answer. whole: nothing more may follow; lasting: the connection may be used again after it."""

    @property
    def whole(self) -> bool: ...

    @property
    def lasting(self) -> bool: ...

    def piece(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


def begin_answer(status: int, headers: Headers) -> tuple[Answer, bytes]:
    """The answer to a plain request, and its head. Raises `h11.LocalProtocolError` where h11 does."""
    length = _plain_length(status, headers)
    if length is _DOUBTFUL:
        careful = _CarefulAnswer()
        return careful, careful.head(status, headers)
    if length is None:
        headers = [*headers, _CHUNKED]
    lines = b"".join([b"%b: %b\r\n" % field for field in headers])
    return _PlainAnswer(length), b"HTTP/1.1 %d \r\n%b\r\n" % (status, lines)


_DOUBTFUL = -1


def _plain_length(status: int, headers: Headers) -> int | None:
    """Bytes of the body by its declared length, None where there is none, `_DOUBTFUL` where h11 has to look."""
    if status < 200 or status in _NO_BODY or not headers or not sound(headers):
        return _DOUBTFUL
    named = dict(headers)
    if b"connection" in named or b"transfer-encoding" in named:
        return _DOUBTFUL
    length = named.get(b"content-length")
    if length is None:
        return None
    once = [name for name, _ in headers].count(b"content-length") == 1
    return int(length) if once and _LENGTH.fullmatch(length) else _DOUBTFUL


class _PlainAnswer:
    """A head that h11 would have sent in the same way. left: bytes still to come; None where they come in chunks."""

    __slots__ = ("_left", "whole")
    lasting = True

    def __init__(self, left: int | None) -> None:
        self._left = left
        self.whole = False

    def piece(self, data: bytes) -> bytes:
        """A piece of the body. Raises `h11.LocalProtocolError` where it is longer than declared."""
        if self._left is None:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self._left -= len(data)
        if self._left < 0:
            raise h11.LocalProtocolError("Too much data for declared Content-Length")
        return data

    def end(self) -> bytes:
        """The end of the answer. Raises `h11.LocalProtocolError` where the body was shorter than declared."""
        if self._left:
            raise h11.LocalProtocolError("Too little data for declared Content-Length")
        self.whole = True
        return b"0\r\n\r\n" if self._left is None else b""


class _CarefulAnswer:
    """The same by h11, for heads that need its care: the end of a connection, an answer without a body, odd bytes."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.SERVER)
        self._h11.receive_data(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")  # as good as any other plain request
        while self._h11.next_event() is not h11.NEED_DATA:
            pass

    @property
    def whole(self) -> bool:
        return self._h11.our_state in (h11.DONE, h11.MUST_CLOSE)

    @property
    def lasting(self) -> bool:
        return self._h11.our_state is not h11.MUST_CLOSE

    def head(self, status: int, headers: Headers) -> bytes:
        return self._h11.send(h11.Response(status_code=status, headers=list(headers)))

    def piece(self, data: bytes) -> bytes:
        return self._h11.send(h11.Data(data=data))

    def end(self) -> bytes:
        return self._h11.send(h11.EndOfMessage())


def sound(headers: Headers) -> bool:
    """Whether no byte of these headers can be taken for anything else than a part of them (RFC 9110, 5.1 and 5.5)."""
    names, values = zip(*headers, strict=True)
    return bool(all(names) and _NAMES.fullmatch(b"".join(names)) and _VALUES.fullmatch(b"".join(values)))
