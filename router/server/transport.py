"""One socket as an asyncio protocol: bytes in and out with back-pressure, and what the sweep asks.

It takes the place of asyncio's streams: no reader object, no lock and no drain per write, and the end of a connection
is known at once even while nobody reads from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from router.server.bell import Bell

_HIGH = 256 * 1024
_MOST = 64 * 1024  # per read; h11 looks at the size of a request head only between reads
_GATHER = 64 * 1024


class Transport(asyncio.Protocol):
    """The two directions of one connection. `opened` is called when the socket (and its TLS) is ready."""

    def __init__(self, opened: Callable[[Transport], None]) -> None:
        self._opened = opened
        self._arrived = Bell()
        self._writable = asyncio.Event()
        self._writable.set()
        self._buffer = bytearray()
        self._outgoing: list[bytes] = []
        self._unsent = 0
        self._held = False
        self._finished = False
        self.raw: asyncio.Transport
        self.ended = False  # the client sends nothing more, or the connection is gone
        self.lost = False
        self.received = 0  # bytes so far

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.raw = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        self._arrived.ring()
        if len(self._buffer) > _HIGH and not self._held:
            self._held = True
            self.raw.pause_reading()

    def eof_received(self) -> bool:
        self.ended = True
        self._arrived.ring()
        return self.raw.can_write_eof()  # TLS cannot stay half open

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = self.lost = True
        self._arrived.ring()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def stalled(self) -> bool:
        """Whether the client has not taken what was written to it."""
        return not self._writable.is_set()

    async def read(self) -> bytes:
        """What has come since the last call, at most 64 KiB at a time; empty at the end."""
        while not self._buffer:
            if self.ended:
                return b""
            await self._arrived.wait()
        data = bytes(self._buffer[:_MOST])
        del self._buffer[:_MOST]
        if self._held and not self._buffer and not self.lost:
            self._held = False
            self.raw.resume_reading()
        return data

    async def write(self, data: bytes) -> bool:
        """Write, and wait while the client is slow. False when the connection is gone, or nothing more was to come."""
        if self._finished or self.lost or self.raw.is_closing():
            return False
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(data)
        self._unsent += len(data)
        if self._unsent > _GATHER:
            self.flush()
        if not self._writable.is_set():
            await self._writable.wait()
        return not self.lost

    def flush(self) -> None:
        """Send what was written in this turn of the loop: a head with its body, the last piece with the end."""
        pieces, self._outgoing, self._unsent = self._outgoing, [], 0
        if pieces and not self.lost and not self.raw.is_closing():
            self.raw.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._unsent + (0 if self.lost else self.raw.get_write_buffer_size())

    def close(self) -> None:
        """End both directions when everything that was written has gone."""
        self.flush()
        if not self.lost:
            self.raw.close()

    def finish(self) -> None:
        """Say that nothing more comes, and leave the other direction open where that is possible."""
        self.flush()
        self._finished = True
        if self.lost or self.raw.is_closing():
            return
        if self.ended or not self.raw.can_write_eof():
            self.raw.close()
            return
        try:
            self.raw.write_eof()
        except (OSError, RuntimeError):
            self.raw.abort()
