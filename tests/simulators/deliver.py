"""Sends a reply as its misbehaviour says: at the right moment, whole, cut, slow or broken."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.simulators import connection, refusal
from tests.simulators.faulty import Misbehaviour, Packing
from tests.simulators.reply import Reply

BOMB = 80 * 1024 * 1024
"""Bytes that come out of the few kilobytes of a bomb: more than one event may have."""


class Ended(Exception):
    """The connection was ended on purpose; there is no next request on it."""


async def deliver(writer: asyncio.StreamWriter, reply: Reply, bad: Misbehaviour, dialect: str) -> int:
    """Send, and return the number of frames sent. Raises `Ended` where the connection must not go on."""
    if bad.delay:
        await asyncio.sleep(bad.delay)
    if bad.hang:
        await asyncio.Event().wait()
    if bad.before_head:
        await _end(writer, bad, dialect, reply)
    frames = _frames(reply, bad)
    chunked = reply.frames is not None and bad.length is None and bad.surplus is None
    writer.write(connection.head(reply.status, _headers(reply, bad, frames, chunked=chunked)))
    limit = len(frames) if bad.after_events is None else min(bad.after_events, len(frames))
    budget = bad.after_bytes
    for number in range(limit):
        if number and (gap := max(bad.gap, reply.gap)):
            await asyncio.sleep(gap)
        data = frames[number] if budget is None else frames[number][:budget]
        for piece in _pieces(data, bad.drip):
            writer.write(connection.chunk(piece) if chunked else piece)
            await writer.drain()
            if bad.drip is not None:
                await asyncio.sleep(0)
        if budget is not None:
            budget -= len(data)
            if budget == 0:
                await _end(writer, bad, dialect, reply)
    if bad.after_events is not None:
        if bad.torn:
            torn = b"".join(frames[limit : limit + 1])[: bad.torn]
            writer.write(connection.chunk(torn) if chunked else torn)
        await _end(writer, bad, dialect, reply)
    if chunked:
        writer.write(connection.LAST_CHUNK)
    if bad.length is not None or bad.surplus is not None:
        await writer.drain()
        writer.close()
        raise Ended
    return limit


def _pieces(data: bytes, size: int | None) -> Iterator[bytes]:
    if size is None:
        if data:
            yield data
        return
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _frames(reply: Reply, bad: Misbehaviour) -> list[bytes]:
    frames = _plain(reply, bad)
    return frames if bad.packing is None else [packed(b"".join(frames), bad.packing)]


def packed(data: bytes, packing: Packing) -> bytes:
    """A body with `content-encoding: gzip`."""
    if packing == "bomb":
        return _bomb()
    whole = gzip.compress(data, mtime=0)
    half = len(whole) // 2
    return whole if packing == "gzip" else whole[:half] + b"\xff" * 32 + whole[half:]


@cache
def _bomb() -> bytes:
    return gzip.compress(b"x" * BOMB, mtime=0)


def _plain(reply: Reply, bad: Misbehaviour) -> list[bytes]:
    if bad.body is not None:
        return [bad.body]
    if reply.frames is None:
        return [] if reply.body is None else [json.dumps(reply.body, ensure_ascii=False).encode()]
    frames = list(reply.frames)
    if bad.drop_end:
        frames.pop()
    if bad.duplicate is not None:
        frames.insert(bad.duplicate, frames[bad.duplicate])
    if bad.swap is not None:
        frames[bad.swap], frames[bad.swap + 1] = frames[bad.swap + 1], frames[bad.swap]
    if bad.garble is not None:
        frames[bad.garble] = _garbled(frames[bad.garble])
    if bad.spoil is not None:
        frames[bad.spoil] = _spoiled(frames[bad.spoil])
    if bad.insert is not None:
        frames.insert(*bad.insert)
    return frames


def _spoiled(frame: bytes) -> bytes:
    """An event with a byte in its text that is in no character."""
    at = re.search(rb'"(?:content|delta|text)": ?"[^"]*[^"\\](?=")', frame)
    assert at is not None, frame
    return frame[: at.end() - 1] + b"\xff" + frame[at.end() :]


def _garbled(frame: bytes) -> bytes:
    """An event whose payload ends half way, but which has its blank line."""
    bare = frame.rstrip(b"\r\n")
    at = bare.index(b"{")
    return bare[: at + (len(bare) - at) // 2] + frame[len(bare) :]


def _headers(reply: Reply, bad: Misbehaviour, frames: list[bytes], *, chunked: bool) -> dict[str, str]:
    headers = {"content-type": bad.content_type or reply.content_type, **reply.headers, **bad.headers}
    headers = {name: value for name, value in headers.items() if value}
    if bad.packing is not None:
        headers["content-encoding"] = "gzip"
    if chunked:
        headers["transfer-encoding"] = "chunked"
    else:
        size = sum(map(len, frames)) + (bad.surplus or 0)
        headers["content-length"] = str(size if bad.length is None else bad.length)
    return headers


async def _end(writer: asyncio.StreamWriter, bad: Misbehaviour, dialect: str, reply: Reply) -> None:
    if bad.ending == "stall":
        await asyncio.Event().wait()
    if bad.ending == "reset":
        connection.reset(writer)
        raise Ended
    if bad.ending == "error":
        writer.write(connection.chunk(error_frame(dialect, bad.message, array=reply.array)) + connection.LAST_CHUNK)
    elif bad.ending == "malformed":
        writer.write(b"zz\r\nthis is no chunk\r\n")
    await writer.drain()
    if bad.ending == "half_close":
        writer.write_eof()
        await asyncio.Event().wait()
    writer.close()
    raise Ended


def error_frame(dialect: str, message: str, *, array: bool = False) -> bytes:
    """An error in the middle of a stream, as the real server of `dialect` writes it."""
    if dialect == "messages":
        body = refusal.of_status(dialect, 529, message).body
        return f"event: error\ndata: {json.dumps(body)}\n\n".encode()
    if dialect == "chat":
        return f"data: {json.dumps(refusal.of_status(dialect, 500, message).body)}\n\n".encode()
    if dialect == "gemini":
        text = json.dumps(refusal.of_status(dialect, 503, message).body)
        return f",{text}]".encode() if array else f"data: {text}\r\n\r\n".encode()
    error: dict[str, Any] = {"type": "server_error", "code": "server_error", "message": message, "param": None}
    failed = {
        "id": "resp_failed",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "failed",
        "error": {"code": "server_error", "message": message},
        "output": [],
        "usage": None,
    }
    events = [
        {"type": "error", "sequence_number": 900, "error": error},
        {"type": "response.failed", "sequence_number": 901, "response": failed},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
