"""WebSockets above Hypercorn's protocol: a bound that holds, no compression, and word of what arrives.

Hypercorn's own buffer goes on growing after it has said that a message is too large, and tells the application nothing.
Compression would cost each session 300 KB, and lets a few bytes become many before anything is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypercorn.protocol.ws_stream import FrameTooLargeError, WebsocketBuffer, WSStream
from wsproto.events import Message

TOO_LARGE = 1009
PING = 20.0
"""Seconds between two pings of the server on every open WebSocket; whoever is there answers, browsers by themselves."""


class Buffer(WebsocketBuffer):
    """One message up to a size that the application may change. tell: called once where one is larger."""

    def __init__(self, most: int, tell: Callable[[], None]) -> None:
        super().__init__(most)
        self._tell = tell
        self._over = False

    def extend(self, event: Message[Any]) -> None:
        """Add a piece. Raises `FrameTooLargeError` from the first piece on that is too much; none is kept then."""
        if not self._over and self.length + len(event.data) <= self.max_length:
            super().extend(event)
            return
        self.clear()
        if not self._over:
            self._over = True
            self._tell()
        raise FrameTooLargeError


def prepare(send: Callable[[Any], Any], most: int, too_large: Callable[[], None]) -> Callable[[int], None]:
    """Fit the stream behind an application's `send` before the application accepts. Gives the way to change the limit
    of a message, in bytes (of binary messages) or characters (of text)."""
    stream = getattr(send, "__self__", None)
    if not isinstance(stream, WSStream):
        raise TypeError("a WebSocket's `send` must be the one of Hypercorn's stream")
    stream.handshake.extensions = None
    buffer = stream.buffer = Buffer(most, too_large)

    def limit(size: int) -> None:
        buffer.max_length = size

    return limit
