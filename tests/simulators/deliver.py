"""Sends a reply as its misbehaviour says: at the right moment, whole, cut, slow or broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from tests.simulators import connection, refusal
from tests.simulators.faulty import Misbehaviour
from tests.simulators.reply import Reply


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
    chunked = reply.frames is not None and bad.length is None
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
        await _end(writer, bad, dialect, reply)
    if chunked:
        writer.write(connection.LAST_CHUNK)
    if bad.length is not None:
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
    if bad.body is not None:
        return [bad.body]
    if reply.frames is None:
        return [] if reply.body is None else [json.dumps(reply.body, ensure_ascii=False).encode()]
    frames = list(reply.frames)
    if bad.drop_end:
        frames.pop()
    if bad.duplicate is not None:
        frames.insert(bad.duplicate, frames[bad.duplicate])
    return frames


def _headers(reply: Reply, bad: Misbehaviour, frames: list[bytes], *, chunked: bool) -> dict[str, str]:
    headers = {"content-type": bad.content_type or reply.content_type, **reply.headers, **bad.headers}
    headers = {name: value for name, value in headers.items() if value}
    if chunked:
        headers["transfer-encoding"] = "chunked"
    else:
        headers["content-length"] = str(sum(map(len, frames)) if bad.length is None else bad.length)
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
