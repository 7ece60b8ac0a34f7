"""A fast simulated upstream for the benchmark: canned answers, raw asyncio, no framework.

``POST …/chat/completions`` and ``POST …/messages`` answer in their dialect, unstreamed or streamed. The request's
``user`` field directs a stream: ``chunks=100;gap=0`` (chunks, and seconds between them); without it there are 16, as
the translated lane asks for a stream also where its caller did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_DIRECTIVE = re.compile(rb"chunks=(\d+);gap=([0-9.]+)")

CHAT = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The quick brown fox. " * 20, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200},
    }
).encode()


def _chat_chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


CHAT_FIRST = _chat_chunk({"role": "assistant", "content": ""})
CHAT_CHUNK = _chat_chunk({"content": " fox jumps"})
CHAT_LAST = (
    _chat_chunk({}, "stop")
    + b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[],'
    b'"usage":{"prompt_tokens":100,"completion_tokens":100,"total_tokens":200}}\n\n' + b"data: [DONE]\n\n"
)


class Upstream(asyncio.Protocol):
    """One connection; requests one after another."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._stream: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        if self._stream is not None:
            self._stream.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            found = _LENGTH.search(self._buffer, 0, end)
            size = int(found.group(1)) if found else 0
            if len(self._buffer) < end + 4 + size:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + size])
            del self._buffer[: end + 4 + size]
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if b'"stream":true' not in body.replace(b" ", b""):
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(CHAT)
            self._transport.write(head + CHAT)
            return
        found = _DIRECTIVE.search(body)
        chunks, gap = (int(found.group(1)), float(found.group(2))) if found else (16, 0.0)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._stream = asyncio.get_running_loop().create_task(self._send(chunks, gap))

    async def _send(self, chunks: int, gap: float) -> None:
        self._write(CHAT_FIRST)
        for number in range(chunks):
            if gap > 0 and number > 0:
                await asyncio.sleep(gap)
            elif number % 8 == 0:
                await asyncio.sleep(0)
            self._write(CHAT_CHUNK)
        self._write(CHAT_LAST)
        self._transport.write(b"0\r\n\r\n")

    def _write(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))


async def serve(port: int) -> None:
    """Serve on loopback until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
