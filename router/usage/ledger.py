"""The ledger of one process: what calls did goes to its journal at once, and from there behind the requests into the
database, exactly once. Journals of processes that died are settled by whoever lives."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from router.call import Record
from router.clock import Clock
from router.settings.usage import Usage
from router.usage.entries import Closed, Opened, closed, opened
from router.usage.follow import Follower
from router.usage.journal import Fresh, Journal, left_behind, name_of_process, owners, remove_files, segments_of

_log = logging.getLogger("switchyard.usage")
Keep: TypeAlias = Callable[[Sequence[Closed]], None]
"""Writes calls into the database and returns when they are there; one that is there already stays as it is. Raises
whatever keeps it from that."""
Prune: TypeAlias = Callable[[float, int], int]
"""Removes calls from before a Unix time, at most so many. Gives how many there were."""
BATCH = 500
PRUNE_STEP, PRUNE_PAUSE = 500, 0.05
"""Calls that are removed at once, and seconds between two steps: others write too."""
DAY = 86_400.0
USES_NOTHING = frozenset({"models", "count_tokens", "other"})
"""Surfaces whose calls are no business of the ledger."""


class Ledger:
    """Not used before `begin`; then by the event loop, and by one thread at a time that moves entries."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._enabled = False
        self._days = 0
        self._journal: Journal | None = None
        self._follower: Follower | None = None
        self._moved = 0
        self._stuck = False
        self._keep: Keep | None = None
        self._prune: Prune | None = None
        self._others: dict[str, Follower] = {}
        self._moving = threading.Lock()  # held by a thread: a task that is cancelled leaves its thread at work

    def follow(self, settings: Usage) -> None:
        """Put settings in force for the calls that begin from now on."""
        self._days = settings.retention_days
        self._enabled = settings.enabled
        if self._enabled and self._journal is None:
            try:
                self._journal = Journal(self._folder, name_of_process(os.getpid(), time.time_ns()))
            except OSError as error:
                _log.error("no journal can be kept in %s (%s): calls are not accounted for", self._folder, error)
                return
            journal = self._journal
            self._follower = Follower(lambda: journal.segments)

    def use(self, keep: Keep, prune: Prune) -> None:
        """The database is there."""
        self._keep, self._prune = keep, prune

    def opened(self, record: Record, provider: str, model: str) -> None:
        """A call is about to make its first attempt, at this target."""
        if self._journal is not None and self._enabled:
            self._journal.opened(opened(record, provider, model))

    def settle(self, record: Record) -> None:
        """A call is over and priced."""
        journal = self._journal
        if journal is None or record.caller is None or record.surface in USES_NOTHING:
            return
        if self._enabled or journal.knows(record.call_id):
            journal.closed(closed(record))

    @property
    def dropped(self) -> int:
        """Entries that are missing."""
        return self._journal.dropped if self._journal is not None else 0

    async def move(self) -> None:
        """Bring what is new into the database. Where that fails the entries wait in their files."""
        await self.moved()

    async def moved(self) -> bool:
        """The same; whether everything that was written before is in the database now."""
        journal = self._journal
        if self._keep is None or journal is None:
            return False
        if journal.written == self._moved:
            return True
        written = journal.written
        try:
            await asyncio.to_thread(self._move, self._keep, journal.take())
        except Exception as error:
            if not self._stuck:
                _log.warning("calls wait in the journal, as the database does not take them: %s", error)
            self._stuck = True
            return False
        self._moved, self._stuck = written, False
        return True

    async def recover(self) -> None:
        """Settle the journals that dead processes have left."""
        if self._keep is not None:
            await asyncio.to_thread(self._recover, self._keep)

    async def gather(self) -> dict[str, Opened] | None:
        """Settle the journals of dead processes, and bring into the database what those have written that live beside
        this one. Gives the calls that run there now, by their ids; None where there is no other process."""
        return await asyncio.to_thread(self._gather, self._keep) if self._keep is not None else None

    async def prune(self, needed: float = math.inf) -> None:
        """Remove what is older than the settings want it, in small steps. needed: Unix time since which calls still
        count for something."""
        before = min(self._clock.wall() - self._days * DAY, needed)
        prune = self._prune
        while prune is not None:
            if await asyncio.to_thread(prune, before, PRUNE_STEP) < PRUNE_STEP:
                return
            await asyncio.sleep(PRUNE_PAUSE)

    async def close(self) -> None:
        """Bring everything into the database, as far as it takes it; the rest is found by the next process."""
        journal, done = self._journal, False
        if journal is None:
            return
        if self._keep is not None:
            try:
                await asyncio.to_thread(self._move, self._keep, journal.take())
                done = journal.open_calls == 0
            except Exception as error:
                _log.warning("the last calls stay in the journal for the next start: %s", error)
        self._journal = None
        journal.end(remove=done)

    def _move(self, keep: Keep, fresh: Fresh) -> None:
        """What is fresh goes into the database as it is. Where something before it is not there yet (it was refused, or
        was too much to be remembered), all of it is read from the files."""
        journal, follower = self._journal, self._follower
        if journal is None or follower is None:
            return
        with self._moving:
            if fresh.entries is None or not follower.stands_at(fresh.start):
                move_all(follower, keep, journal.release)
                return
            for at in range(0, len(fresh.entries), BATCH):
                keep(fresh.entries[at : at + BATCH])
            follower.jump(fresh.end)
            for segment in fresh.earlier:
                journal.release(segment)

    def _recover(self, keep: Keep) -> list[str]:
        """Gives who lives."""
        mine, alive = self._journal.owner if self._journal is not None else "", []
        for owner in owners(self._folder):
            if owner == mine:
                continue
            with self._moving, left_behind(self._folder, owner) as dead:
                if dead:
                    self._settle(owner, keep)
                else:
                    alive.append(owner)
        return alive

    def _gather(self, keep: Keep) -> dict[str, Opened] | None:
        alive = self._recover(keep)
        with self._moving:
            followers = {owner: self._others.get(owner) or self._follow(owner) for owner in alive}
            self._others = followers
            running: dict[str, Opened] = {}
            for follower in followers.values():
                move_all(follower, keep, lambda segment: None)
                running |= follower.running
        return running if alive else None

    def _follow(self, owner: str) -> Follower:
        return Follower(lambda: segments_of(self._folder, owner))

    def _settle(self, owner: str, keep: Keep) -> None:
        """Everything that a dead process has left. Where that is done twice, the second time changes nothing."""
        segments = segments_of(self._folder, owner)
        follower = Follower(lambda: segments, ended=True)
        moved = move_all(follower, keep, lambda segment: None)
        gone = follower.lost()
        for at in range(0, len(gone), BATCH):
            keep(gone[at : at + BATCH])
        if moved or gone:
            _log.warning("calls of a process that ended early: %d settled, %d lost in the middle", moved, len(gone))
        remove_files(self._folder, owner)


def move_all(follower: Follower, keep: Keep, release: Callable[[Path], None]) -> int:
    """Every entry that is there now. Returns how many calls were over."""
    moved = 0
    while True:
        mark, rows, read, last = follower.mark(), list[Closed](), list[Path](), False
        try:
            while not last and len(rows) < BATCH:
                step = follower.step()
                follower.accept(step)
                rows += step.closed
                read += step.read
                last = step.last
            if rows:
                keep(rows)
        except BaseException:
            follower.rewind(mark)
            raise
        moved += len(rows)
        for segment in read:
            release(segment)
        if last:
            return moved
