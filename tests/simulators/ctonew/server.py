"""The port: HTTP by hand, and WebSocket frames by hand (RFC 6455), so that both can break off anywhere."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
import time
from collections.abc import Callable
from hashlib import sha1
from typing import Any

from tests.simulators.connection import Request, read_request, reset
from tests.simulators.ctonew import play as plays
from tests.simulators.ctonew.answers import Answer, Refused
from tests.simulators.ctonew.clerk import HTML, Clerk
from tests.simulators.ctonew.engine import Chat, Engine, OpenSocket

_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class CtoNew:
    """Clerk and EngineLabs. Use as a context manager; `address` is then both of them. wall: their clock."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.clerk = Clerk(wall)
        self.engine = Engine(self.clerk, wall)
        self.address = ""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def facts(self) -> dict[str, Any]:
        """What a setting changes of the shipped facts so that they lead here."""
        return {
            "urls": {"clerk": self.address},
            "token": {"url": f"{self.address}/oauth/token"},
            "upstream": {
                "base_urls": [self.address],
                "usage_url": f"{self.address}/billing",
                "models_url": f"{self.address}/chat/adapters",
            },
        }

    async def __aenter__(self) -> CtoNew:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (request := await read_request(reader)) is not None:
                if request.headers.get("upgrade", "").lower() == "websocket":
                    await self._stream(request, reader, writer)
                    break
                answer = await self._answer(request)
                if answer is None:
                    break
                await _write(writer, answer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, request: Request) -> Answer | None:
        """None: the connection ends instead."""
        if not request.path.startswith("/v1/client"):
            return _obeyed(self.engine.answer, request)
        trouble = self.clerk.script.popleft() if self.clerk.script else None
        if trouble is None:
            return _obeyed(self.clerk.answer, request)
        if trouble.drop:
            _obeyed(self.clerk.answer, request)
            return None
        if trouble.wait is not None:
            await trouble.wait.wait()
            return _obeyed(self.clerk.answer, request)
        self.clerk.requests.append(request)
        told = () if trouble.retry_after is None else (("retry-after", str(trouble.retry_after)),)
        return Answer(status=trouble.status, body=HTML if trouble.html else trouble.body, pairs=told)

    async def _stream(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            chat, socket = self.engine.connect(request)
        except Refused as refused:
            await _write(writer, refused.answer)
            return
        accept = base64.b64encode(sha1(request.headers["sec-websocket-key"].encode() + _KEY).digest()).decode()
        head = ("HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade")
        writer.write("\r\n".join((*head, f"sec-websocket-accept: {accept}", "", "")).encode())
        playing = asyncio.ensure_future(_play(chat, socket, writer))  # noqa: TID251
        try:
            await _listen(socket, reader, writer)
        finally:
            socket.closed.set()
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)


async def _play(chat: Chat, socket: OpenSocket, writer: asyncio.StreamWriter) -> None:
    play = chat.play
    for frame in plays.opening(play):
        await _send(writer, frame)
    await chat.posted.wait()
    play = chat.play
    for frame in plays.begun(play, chat.prompt):
        await _send(writer, frame)
    if play.pings:
        await _send(writer, "ping")
        await socket.pong.wait()
    for frame in plays.pieces(play):
        await _send(writer, frame)
        socket.sent += 1
    for frame in plays.ended(play):
        await _send(writer, frame)
    if play.ending == "binary":
        writer.write(_frame(_BINARY, b"\x00\xff"))
    elif play.ending == "goodbye":
        writer.write(_frame(_CLOSE, struct.pack("!H", 1001)))
    elif play.ending == "cut":
        writer.close()
    elif play.ending == "reset":
        reset(writer)


async def _listen(socket: OpenSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the client has gone."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            opcode, data = await _receive(reader)
            if opcode == _CLOSE:
                socket.goodbye = True
                writer.write(_frame(_CLOSE, data))
                return
            if opcode == _PING:
                writer.write(_frame(_PONG, data))
            elif opcode == _TEXT:
                text = data.decode()
                socket.received.append(text)
                if text == "ping":
                    await _send(writer, "pong")
                elif text == "pong":
                    socket.pong.set()


async def _receive(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """RFC 6455, 5.2. A client's frames are masked."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    assert second & 0x80, "a client's frame is not masked"
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


async def _send(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(_frame(_TEXT, text.encode()))
    await writer.drain()


def _frame(opcode: int, data: bytes) -> bytes:
    size = len(data)
    head = bytes((0x80 | opcode,))
    if size < 126:
        return head + bytes((size,)) + data
    return head + (struct.pack("!BH", 126, size) if size < 65_536 else struct.pack("!BQ", 127, size)) + data


def _obeyed(serve: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        return serve(request)
    except Refused as refused:
        return refused.answer


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    body = answer.encoded()
    lines = [f"HTTP/1.1 {answer.status} Answer", f"content-type: {answer.content_type()}"]
    lines += [f"{name}: {value}" for name, value in answer.pairs]
    lines.append(f"content-length: {len(body)}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    await writer.drain()
