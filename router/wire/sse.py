"""Server-sent events (WHATWG HTML, section 9.2): bytes to frames, and payloads to bytes. No I/O.

Frames keep their raw bytes, so that the raw lane can forward exactly what came. Lines may end in LF, CRLF or CR;
UTF-8 may be split anywhere; a BOM, comments, several ``data:`` lines and a missing space are accepted; a last frame
without its blank line is given by `close`.
"""

from __future__ import annotations

import re

from msgspec import Struct

from router.faults import Fault
from router.wire.codec import dumps
from router.wire.conversation import JsonObject

DONE = "[DONE]"
DONE_FRAME = b"data: [DONE]\n\n"
COMMENT_HEARTBEAT = b": keep-alive\n\n"
DEFAULT_MAX_FRAME = 64 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n|\r\r\n")
_LINE = re.compile(rb"\r\n|\n|\r")


class Frame(Struct, frozen=True):
    """One event. raw: its bytes with the blank line. event: the ``event:`` field. data: joined ``data:``, or None."""

    raw: bytes
    event: str | None
    data: bytes | None


class Splitter:
    """Splits a byte stream into frames, for any split of the bytes. One per response.

    max_frame: bytes that one frame may take before the peer is held broken (`Fault` upstream_broken).
    """

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._first = True
        self._max_frame = max_frame

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes, give the frames that are complete."""
        buffer = self._buffer
        marked = self._first and chunk[:1] == _BOM[:1]
        if not buffer and not marked and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            whole = _whole_frames(chunk)
            if whole is not None:
                self._first = False
                return whole
        buffer += chunk
        if self._first and buffer:
            if len(buffer) < 3 and _BOM.startswith(bytes(buffer)):
                return []
            self._first = False
            if buffer.startswith(_BOM):
                del buffer[:3]
        frames: list[Frame] = []
        start = 0
        scan = self._scanned
        while True:
            found = _BLANK.search(buffer, scan)
            if found is None or (buffer[found.end() - 1] == 13 and found.end() == len(buffer)):
                break  # nothing, or a CR whose LF may still come
            raw = bytes(buffer[start : found.end()])
            frames.append(parse(raw))
            start = scan = found.end()
        if start:
            del buffer[:start]
        self._scanned = max(0, len(buffer) - 3)
        if len(buffer) > self._max_frame:
            raise Fault("upstream_broken", f"The provider sent one event of more than {self._max_frame} bytes.")
        return frames

    def close(self) -> list[Frame]:
        """The stream has ended: a last frame without its blank line, if there is one with any field."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        if not rest.strip():
            return []
        frame = parse(rest)
        is_json = rest.lstrip().startswith((b"{", b"["))  # Google tells a late error as one raw line of JSON
        return [frame] if frame.data is not None or frame.event is not None or is_json else []


def _whole_frames(chunk: bytes) -> list[Frame] | None:
    """The frames of a read that holds nothing but whole ones with LF, as nearly every read does; None for others."""
    frames: list[Frame] = []
    for part in chunk.split(b"\n\n")[:-1]:
        raw = part + b"\n\n"
        if part.startswith(b"data: ") and b"\n" not in part:
            frames.append(Frame(raw, None, part[6:]))
        elif part == b"" or part[:1] == b"\n":
            return None  # more than one blank line: whose they are is for the long way to say
        else:
            frames.append(parse(raw))
    return frames


def parse(raw: bytes) -> Frame:
    """Read the fields of one frame (`raw` with or without its blank line)."""
    if raw.startswith(b"data: ") and raw.count(b"\n") == 2 and raw.endswith(b"\n\n") and b"\r" not in raw:
        return Frame(raw, None, raw[6:-2])  # nine frames of ten
    if raw.startswith(b"event: ") and raw.count(b"\n") == 3 and raw.endswith(b"\n\n") and b"\r" not in raw:
        end = raw.index(b"\n")
        if raw.startswith(b"data: ", end + 1):
            return Frame(raw, raw[7:end].decode("utf-8", "replace"), raw[end + 7 : -2])
    event: str | None = None
    data: list[bytes] = []
    for line in _LINE.split(raw):
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
    return Frame(raw, event, (data[0] if len(data) == 1 else b"\n".join(data)) if data else None)


def data_frame(payload: JsonObject) -> bytes:
    """``data: {json}`` with LF: Chat."""
    return b"data: " + dumps(payload) + b"\n\n"


def typed_frame(payload: JsonObject) -> bytes:
    """``event: <payload type>`` and ``data: {json}``: Responses and Messages."""
    name: str = payload["type"]
    return b"event: " + name.encode() + b"\ndata: " + dumps(payload) + b"\n\n"


def crlf_frame(payload: JsonObject) -> bytes:
    """``data: {json}`` with CRLF: Gemini, whose clients accept nothing else."""
    return b"data: " + dumps(payload) + b"\r\n\r\n"
