"""Who made which opaque item, in memory: learnt from answers, asked for each request. Survives reloads.

Synchronous, no locks, no I/O: whoever persists takes `dirty` and gives `load`, as with `router.accounts.health`.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.accounts.owners import OwnerRow, Unwritten
from router.clock import Clock
from router.routing.affinity import NOTHING_HELD, Digest, Held, Owners, in_body, in_conversation
from router.wire.conversation import Conversation, Dialect

MOST = 20_000
"""Items that are remembered: some dozens of long agent sessions, about 5 MB."""
TTL = 7 * 86_400.0
"""Seconds for which an item is remembered after its last use."""
REFRESH = 3600.0


class Affinity:
    """Remembers the account of every opaque item that an answer carried."""

    def __init__(self, clock: Clock, *, most: int = MOST, ttl: float = TTL) -> None:
        self._clock = clock
        self._owners = Owners(most, ttl, REFRESH)
        self._unwritten = Unwritten(self._owners, most)

    def learn(self, digests: Iterable[Digest], account: str) -> None:
        """An answer of `account` carried these."""
        now = self._clock.wall()
        for each in digests:
            self._owners.learn(each, account, now)
            self._unwritten.add(each)

    def held(self, dialect: Dialect, body: bytes, conversation: Conversation | None) -> Held:
        """What a request brings back, as far as its makers are known. conversation: the body as read, if it was."""
        if not self._owners:
            return NOTHING_HELD
        found = in_body(dialect, body) if conversation is None else in_conversation(conversation)
        if not found:
            return NOTHING_HELD
        now = self._clock.wall()
        items: list[tuple[Digest, str]] = []
        for each in found:
            account, renewed = self._owners.find(each, now)
            if account is not None:
                items.append((each, account))
            if renewed:
                self._unwritten.add(each)
        return Held(tuple(items))

    def dirty(self) -> list[OwnerRow]:
        """Rows that changed since the last call."""
        return self._unwritten.take()

    def load(self, rows: Iterable[OwnerRow]) -> None:
        """Take persisted rows over: at start, and what another process has learnt. What is known stays."""
        entries = [(bytes.fromhex(row.digest), row.account, row.at) for row in rows]
        new = [entry for entry in entries if self._owners.at(entry[0]) is None]
        if new:
            self._owners.take_over(new, self._clock.wall())
