"""Which account serves which conversation, in memory, for as long as the conversation goes on. Survives reloads.

Synchronous, no locks, no I/O: whoever persists takes `dirty` and gives `load`, as with `router.accounts.affinity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from router.accounts.owners import OwnerRow, Unwritten
from router.call import Call
from router.clock import Clock
from router.routing.affinity import Owners
from router.routing.sessions import Known, known_by

MOST = 20_000
"""Conversations that are remembered, about 4 MB."""
LONGEST = 86_400.0
"""Seconds: the longest time to live that a setting may say, for rows."""


class Session(Struct, frozen=True):
    """One conversation. account: the one that served it last, None where none is known (any more)."""

    known: Known
    account: str | None


class Sessions:
    """Remembers the account of every conversation. ttl: seconds after its last call for which it stays there; 0: it is
    not kept at one. May be set anew on a settings reload. stays: whether an account keeps its conversations at all
    (`router.relay.hub.Hub.stays`)."""

    def __init__(self, clock: Clock, *, ttl: float = 0.0, most: int = MOST) -> None:
        self.ttl = ttl
        self.stays: Callable[[str], bool] = lambda account: True
        self._clock = clock
        self._owners = Owners(most, LONGEST, LONGEST)
        self._unwritten = Unwritten(self._owners, most)

    def of(self, call: Call) -> Session | None:
        """The conversation of a call; None where it cannot be told from others."""
        known = known_by(call.caller.key_id, call.asked, call.dialect, call.body, call.session)
        if known is None:
            return None
        since = self._clock.wall() - self.ttl
        for name in known.names:
            entry = self._owners.at(name)
            if entry is not None and entry[1] >= since and self.stays(entry[0]):
                return Session(known, entry[0])
        return Session(known, None)

    def learn(self, session: Session, account: str) -> None:
        """`account` answers now: the conversation stays with it, or moves to it."""
        own, now = session.known.own, self._clock.wall()
        entry = self._owners.at(own)
        if entry is not None and entry[0] == account and 0 <= now - entry[1] < min(60.0, self.ttl / 10):
            return
        self._owners.learn(own, account, now)
        self._unwritten.add(own)

    def dirty(self) -> list[OwnerRow]:
        """Rows that changed since the last call."""
        return self._unwritten.take()

    def load(self, rows: Iterable[OwnerRow]) -> None:
        """Take persisted rows over: at start, and what another process has learnt. Of two the newer one counts."""
        now = self._clock.wall()
        for row in sorted(rows, key=lambda each: each.at):
            digest = bytes.fromhex(row.digest)
            entry = self._owners.at(digest)
            if now - row.at <= LONGEST and (entry is None or entry[1] < row.at):
                self._owners.learn(digest, row.account, row.at)
