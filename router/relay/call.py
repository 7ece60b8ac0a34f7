"""One call over a session, as its caller sees it: wait for the head, take the pieces, or leave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from router.faults import Fault
from router.relay.protocol.messages import Head


class Owner(Protocol):
    """The session of a call."""

    def taken(self, call: Call, size: int) -> None:
        """The caller has read `size` bytes of one chunk."""
        ...

    def leave(self, call: Call) -> None:
        """The caller wants no more of it."""
        ...


class Call:
    """Filled by the session, read by one task. What waits in it is bounded by the credit of the service."""

    def __init__(self, owner: Owner, began: float, over: Callable[[Call, str], None]) -> None:
        """over: called once, with the outcome: ok, bad_status, or the kind of the fault."""
        self.id = ""
        self.began = began
        self.first: float | None = None  # monotonic time of the first piece
        self.head: Head | None = None
        self._owner = owner
        self._over = over
        self._pieces: deque[tuple[bytes, int]] = deque()
        self._news = asyncio.Event()
        self._fault: Fault | None = None
        self._ended = False
        self._told = False

    @property
    def complete(self) -> bool:
        """Whether the answer has come whole, read or not."""
        return self._ended

    async def begun(self) -> Head:
        """The head of the answer. Raises `Fault`."""
        while self.head is None:
            if self._fault is not None:
                raise self._fault
            await self._wait()
        return self.head

    async def take(self) -> bytes | None:
        """Everything that has arrived since the last time, at least one piece; None at the end. Raises `Fault`."""
        while not self._pieces:
            if self._fault is not None:
                raise self._fault
            if self._ended:
                return None
            await self._wait()
        pieces, self._pieces = self._pieces, deque()
        for _, size in pieces:
            self._owner.taken(self, size)
        return pieces[0][0] if len(pieces) == 1 else b"".join([data for data, _ in pieces])

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def leave(self) -> None:
        """The caller has gone, or has had enough. Safe to call twice, and after the end."""
        self.give_up(Fault("cancelled", "The answer is not waited for any more."))

    def give_up(self, fault: Fault) -> None:
        """The caller wants no more of it, for the reason that `fault` gives to whoever still reads."""
        if not self._told:
            self._owner.leave(self)
        self.fail(fault)

    # What the session tells.

    def headed(self, head: Head) -> None:
        self.head = head
        self._news.set()

    def arrived(self, data: bytes, size: int, now: float) -> None:
        if self.first is None:
            self.first = now
        self._pieces.append((data, size))
        self._news.set()

    def ended(self) -> None:
        self._ended = True
        self._settle("ok" if self.head is None or self.head.status < 400 else "bad_status")
        self._news.set()

    def fail(self, fault: Fault) -> None:
        """End the call with a fault; pieces that have arrived are still given."""
        if self._fault is None and not self._ended:
            self._fault = fault
            self._settle(fault.kind)
        self._news.set()

    def _settle(self, outcome: str) -> None:
        if not self._told:
            self._told = True
            self._over(self, outcome)
