"""What the application receives: a bounded queue that can neither block the end of a call nor lose it.

Hypercorn's own queue has room for ten messages and waits for the application to take one. An application that answered
early (a 401 to a large upload) takes none, and the connection hangs for ever; here a finished application drops the
rest, and the message of the disconnect always fits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

from router.server.bell import Bell

Message = MutableMapping[str, Any]
ENDS = ("http.disconnect", "websocket.disconnect")


class Inbox:
    """The messages from the client to one application call."""

    def __init__(self, kind: str, room: int = 10) -> None:
        self._messages: deque[Message] = deque()
        self._room = room
        self._arrived, self._taken = Bell(), Bell()
        self._last: Message | None = None
        self._finished = False
        self._at_end: Callable[[], None] | None = None
        self.complete = kind != "http"
        """Whether the whole request body has come; a WebSocket has none."""

    async def put(self, message: Message) -> None:
        """Add a message, waiting for room unless it is the last one or nobody reads any more."""
        if message["type"] in ENDS:
            self.end(message)
            return
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.complete = True
        while len(self._messages) >= self._room and not self._finished and self._last is None:
            await self._taken.wait()
        if not self._finished:
            self._messages.append(message)
            self._arrived.ring()

    def end(self, message: Message) -> None:
        """The last message; a later one counts for nothing."""
        if self._last is None:
            self._last = message
        self._arrived.ring()
        self._taken.ring()
        if self._at_end is not None and not self._finished:
            self._at_end()

    async def get(self) -> Message:
        """The next message; after the disconnect, the disconnect again and again."""
        while True:
            if self._messages:
                message = self._messages.popleft()
                self._taken.ring()
                return message
            if self._last is not None:
                return self._last
            await self._arrived.wait()

    def at_end(self, tell: Callable[[], None] | None) -> None:
        """Call `tell` when the client goes away, at once if it has gone; None: nobody wants to know any more.

        Applications find this in ``scope["extensions"]["client.gone"]``: a task that only waits for the disconnect
        would cost more than the rest of a small call.
        """
        self._at_end = tell
        if tell is not None and self._last is not None:
            tell()

    def finish(self) -> None:
        """The application has returned: what else the client sends goes nowhere."""
        self._finished = True
        self._messages.clear()
        self._taken.ring()
