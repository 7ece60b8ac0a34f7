"""A server that keeps every request until it is told to answer, and counts how many it has at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

FRAMES = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "kettle"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
)


class Holding:
    """inside: requests that wait for their answer. most: how many there ever were at once. texts: what was asked, in
    the order of arrival."""

    def __init__(self) -> None:
        self.url = ""
        self.inside = 0
        self.most = 0
        self.texts: list[str] = []
        self.places = asyncio.Semaphore(0)

    def let(self, count: int = 1) -> None:
        """Answer so many requests, now or when they come."""
        for _ in range(count):
            self.places.release()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.texts.append(str(body["input"] if "input" in body else body["messages"][-1]["content"]))
            try:
                await self._told(reader)
            finally:
                self.inside -= 1  # before the answer: who reads it may call again at once
            writer.write(_answer(body))
            await writer.drain()
        writer.close()

    async def _told(self, reader: asyncio.StreamReader) -> None:
        """Raises `ConnectionError` where the client goes first."""
        place = asyncio.ensure_future(self.places.acquire())  # noqa: TID251
        gone = asyncio.ensure_future(reader.read(1))  # noqa: TID251
        try:
            await asyncio.wait({place, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not place.done():
                raise ConnectionError
        finally:
            place.cancel()
            gone.cancel()


def _answer(body: Any) -> bytes:
    kind, stream = b"application/json", body.get("stream")
    if "input" in body:
        vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}
        text = json.dumps({"object": "list", "data": [vector], "model": "m", "usage": {"prompt_tokens": 1}}).encode()
    elif stream:
        frames = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **each} for each in FRAMES]
        kind = b"text/event-stream"
        text = b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in frames) + b"data: [DONE]\n\n"
    else:
        message = {"role": "assistant", "content": "kettle"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        text = json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (
        kind,
        len(text),
        text,
    )


@asynccontextmanager
async def holding() -> AsyncIterator[Holding]:
    held = Holding()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0)
    held.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield held
    finally:
        server.close()
