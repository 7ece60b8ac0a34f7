"""Small outbound proxies on loopback: HTTP (CONNECT and whole addresses) and SOCKS5 (RFC 1928, passwords of RFC 1929).

Every name that they are asked for leads to `target`, so that a test may call a host by any name it likes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import struct
from abc import ABC, abstractmethod
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOP = re.compile(rb"(?im)^proxy-authorization:[^\r\n]*\r\n")


class Proxy(ABC):
    """target: host and port of the one server that stands for all. asked: what it was asked for, as ``host:port``.
    user: name and password that it wants, joined by a colon. reply: SOCKS reply or HTTP status instead of success."""

    scheme = ""

    def __init__(self, target: tuple[str, int], user: str = "") -> None:
        self.asked: list[str] = []
        self.reply = 0
        self._target = target
        self._user = user
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def url(self, scheme: str = "", user: str = "") -> str:
        """The address for settings."""
        return f"{scheme or self.scheme}://{user + '@' if user else ''}{self.address}"

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        back: asyncio.StreamWriter | None = None
        try:
            first = await self._accept(reader, writer)
            if first is None:
                await writer.drain()
                return
            there, back = await asyncio.open_connection(*self._target)
            back.write(first)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, back))
                group.create_task(_pump(there, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            for each in (writer, back):
                if each is not None:
                    each.close()

    @abstractmethod
    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """What is to be sent on first; None where the proxy refused, and has said so."""


class HttpProxy(Proxy):
    """Tunnels for https, and forwards of http; a connection serves one target."""

    scheme = "http"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, address = head.split(b" ", 2)[:2]
        wanted = b"basic " + base64.b64encode(self._user.encode()).lower()
        if self._user and wanted not in head.lower():
            writer.write(b"HTTP/1.1 407 Who are you\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n")
            return None
        if self.reply:
            writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % self.reply)
            return None
        if method == b"CONNECT":
            self.asked.append(address.decode())
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return b""
        parts = urlsplit(address.decode())
        self.asked.append(f"{parts.hostname}:{parts.port or 80}")
        return _HOP.sub(b"", head)


class SocksProxy(Proxy):
    """Only the command CONNECT."""

    scheme = "socks5h"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if self._user else 0
        if method not in methods:
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes((5, method)))
        if self._user and not await self._known(reader, writer):
            return None
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        self.asked.append(f"{host}:{port}")
        writer.write(bytes((5, self.reply, 0, 1, 127, 0, 0, 1, 0, 0)))
        return None if self.reply else b""

    async def _known(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        _, length = await reader.readexactly(2)
        name = await reader.readexactly(length)
        word = await reader.readexactly((await reader.readexactly(1))[0])
        good = name + b":" + word == self._user.encode()
        writer.write(bytes((1, 0 if good else 1)))
        return good


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(_HOP.sub(b"", data))
            await writer.drain()
        writer.write_eof()
