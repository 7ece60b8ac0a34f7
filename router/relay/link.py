"""What a session needs of a socket, so that tests can use a pair in memory."""

from __future__ import annotations

from typing import Protocol

REPLACED = 4001
"""Close code: another service of the same name has come."""
SILENT = 4002
"""Close code: nothing was heard for too long."""
STUCK = 4003
"""Close code: the peer does not take what is sent to it."""
GOING_AWAY = 1001
NOT_ALLOWED = 1008
TRY_LATER = 1013


class LinkClosed(Exception):
    """The socket is closed. The code is the peer's (RFC 6455, 7.4.1), 1006 where none is known."""

    def __init__(self, code: int = 1006) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Link(Protocol):
    """One open socket with messages of text. Read by one task and written by one task."""

    async def send(self, text: str) -> None:
        """Send a message; waits while the peer is slow. Raises `LinkClosed`."""
        ...

    async def receive(self) -> str:
        """The next message. Raises `LinkClosed`, and `ProtocolError` for a message that is no text."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """Close the socket. Safe to call twice."""
        ...

    def heard(self) -> int:
        """A number that grows with everything that arrives, pongs included."""
        ...
