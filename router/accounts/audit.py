"""Who did what with which account: one JSON line each in ``audit.jsonl``, and never a secret.

Lines wait in memory until `flush`, which the owner calls on a thread every second and at the end, so that a slow disk
holds nobody up. Several processes may write one file: each line is one write at its end.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from router.accounts.moments import write_moment
from router.clock import Clock
from router.observe.redact import one_line, redact
from router.vault.disk import locked

What: TypeAlias = Literal[
    "used",
    "refreshed",
    "refresh_failed",
    "signed_in",
    "added",
    "imported",
    "changed",
    "deleted",
    "exported",
    "refused",
    "managed",
]
FILE = "audit.jsonl"
LARGEST = 8 * 1024 * 1024
"""Bytes of the file at which it becomes ``audit.jsonl.1``; that one is overwritten, so twice as much is kept."""
MINUTE = 60.0
_WAITING = 10_000
_PAIRS = 4096
_REASON = 300


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """at: RFC 3339. who: id or name of a client key, ``cli (USER)`` or ``router``. since, count: of uses that are one
    line."""

    at: str
    who: str
    what: What
    account: str
    reason: str = ""
    since: str | None = None
    count: int = 1


class Uses:
    """Counts who used which account, for one line per minute and pair. Pure."""

    def __init__(self, every: float = MINUTE, most: int = _PAIRS) -> None:
        self._every = every
        self._most = most
        self._open: dict[tuple[str, str], tuple[float, float, int]] = {}

    def add(self, who: str, account: str, now: float) -> list[Line]:
        """One use; gives a line where there is no room for another pair."""
        pair = (who, account)
        first, _, count = self._open.get(pair, (now, now, 0))
        self._open[pair] = first, now, count + 1
        if len(self._open) <= self._most:
            return []
        oldest = next(iter(self._open))
        return [self._line(oldest)]

    def due(self, now: float, *, everything: bool = False) -> list[Line]:
        """The lines of pairs whose minute is over (or whose clock was put back)."""
        over = [pair for pair, (first, _, _) in self._open.items() if everything or not 0 <= now - first < self._every]
        return [self._line(pair) for pair in over]

    def _line(self, pair: tuple[str, str]) -> Line:
        first, last, count = self._open.pop(pair)
        since = write_moment(first) if count > 1 else None
        return Line(at=write_moment(last) or "", who=pair[0], what="used", account=pair[1], since=since, count=count)


class Audit:
    """The log of one process. `record` and `used` never block; `flush` does."""

    def __init__(self, folder: Path, clock: Clock, *, largest: int = LARGEST) -> None:
        """folder: the state folder; nothing is made in it before there is something to write."""
        self.path = folder / FILE
        self.dropped = 0
        self._clock = clock
        self._largest = largest
        self._uses = Uses()
        self._waiting: deque[Line] = deque()
        self._guard = Lock()
        self._flushing = Lock()

    def record(self, who: str, what: What, account: str, reason: str = "") -> None:
        """One event. reason: a short text, from which what looks like a secret is taken."""
        told = one_line(redact(reason))[:_REASON]
        at = write_moment(self._clock.wall()) or ""
        self._keep([Line(at=at, who=one_line(who), what=what, account=one_line(account), reason=told)])

    def used(self, who: str, account: str) -> None:
        """One call of a client key with an account."""
        with self._guard:
            lines = self._uses.add(one_line(who), account, self._clock.wall())
        if lines:
            self._keep(lines)

    def flush(self, *, everything: bool = False) -> None:
        """Write what waits. everything: also of minutes that are not over, at the end. Raises `OSError`; what could not
        be written waits on."""
        with self._guard:
            lines = self._uses.due(self._clock.wall(), everything=everything)
        self._keep(lines)
        with self._flushing:
            if not self._waiting:
                return
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rotate()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
                for line in self._written():
                    os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def _written(self) -> Iterator[bytes]:
        """The lines that wait; each is forgotten when the next one is asked for."""
        while True:
            with self._guard:
                line = self._waiting[0] if self._waiting else None
            if line is None:
                return
            yield msgspec.json.encode(line) + b"\n"
            with self._guard:
                if self._waiting and self._waiting[0] is line:
                    self._waiting.popleft()

    def _keep(self, lines: list[Line]) -> None:
        with self._guard:
            for line in lines:
                if len(self._waiting) >= _WAITING:
                    self.dropped += 1
                    self._waiting.popleft()
                self._waiting.append(line)

    def _rotate(self) -> None:
        """Under a lock, because two processes may find the file too large at once."""
        if not self._too_large():
            return
        with suppress(TimeoutError), locked(self.path.with_name(f".{FILE}.lock"), 2.0):
            if self._too_large():
                self.path.replace(self.path.with_name(f"{FILE}.1"))

    def _too_large(self) -> bool:
        try:
            return self.path.stat().st_size >= self._largest
        except FileNotFoundError:
            return False
