"""``streamGenerateContent`` without ``alt=sse``: the same payloads as one growing JSON array."""

from __future__ import annotations

from router.wire.sse import parse


def as_array_item(frame: bytes, first: bool) -> bytes:
    """What to write for one frame of the stream writer; b"" for what has no place in an array (the raw error line)."""
    data = parse(frame).data
    if data is None:
        return b""
    return (b"[" if first else b",\r\n") + data


def array_close(first: bool) -> bytes:
    """The end; `first` where no item was written."""
    return b"[]" if first else b"]"
