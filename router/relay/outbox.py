"""Frames on their way to a service: what is small goes at once, what is large waits for its turn."""

from __future__ import annotations

import asyncio
from collections import deque

from router.relay.protocol.frames import Frame, encode

ROOM = 1024 * 1024
"""Characters that may wait before `put` waits too."""
MOST = 8192
"""Messages that may wait at all. A service that obeys its credit and reads what it is sent comes nowhere near."""


class Outbox:
    """One queue with one reader. Messages go in the order in which they came."""

    def __init__(self) -> None:
        self._messages: deque[str] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._closed = False

    @property
    def overfull(self) -> bool:
        """Whether the peer takes nothing while it asks for more and more."""
        return len(self._messages) > MOST

    def post(self, frame: Frame) -> None:
        """Send a small frame, without waiting."""
        if not self._closed:
            text = encode(frame)
            self._messages.append(text)
            self._size += len(text)
            self._filled.set()

    async def put(self, frame: Frame) -> None:
        """Send a frame of any size; waits until there is room, so that several large bodies take turns."""
        while self._size > ROOM and not self._closed:
            self._emptied.clear()
            await self._emptied.wait()
        self.post(frame)

    async def take(self) -> str | None:
        """The next message; None when the box is closed and empty."""
        while not self._messages:
            if self._closed:
                return None
            self._filled.clear()
            await self._filled.wait()
        text = self._messages.popleft()
        self._size -= len(text)
        if self._size <= ROOM:
            self._emptied.set()
        return text

    def close(self) -> None:
        """Nothing more is taken in; what waits can still be taken out."""
        self._closed = True
        self._filled.set()
        self._emptied.set()
