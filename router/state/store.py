"""The database behind the request path: one writer thread empties a bounded queue in batches, reads have their own."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection

from router.state.database import open_database

_log = logging.getLogger("switchyard.state")
T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class StateStore:
    """Runs pieces of work against one database file. Work that fails is undone alone; the others of its batch stay."""

    def __init__(self, path: Path, *, waiting: int = 10_000, batch: int = 500) -> None:
        """path: a migrated database. waiting: most pieces of work in the queue. batch: most in one transaction."""
        self.path = path
        self.dropped = 0
        self._engine = open_database(path)
        self._batch = batch
        self._queue: queue.Queue[tuple[Work[Any], Future[Any]] | None] = queue.Queue(waiting)
        self._readers = ThreadPoolExecutor(1, "state-read")
        self._writer = threading.Thread(target=self._write_all, name="state-write", daemon=True)
        self._closed = False
        self._writer.start()

    def submit(self, work: Work[T]) -> Future[T] | None:
        """Write behind the request: returns at once, and the future is done when it is committed. None where the queue
        is full and the work was dropped."""
        return self._put(work)

    async def write(self, work: Work[T]) -> T:
        """Write and wait until it is committed. Raises what `work` raises, and `RuntimeError` on a full queue."""
        done = self._put(work)
        if done is None:
            raise RuntimeError("the state database does not keep up; the write was refused")
        return await asyncio.wrap_future(done)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read transaction, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now(self, work: Work[T]) -> T:
        """Run `work` in a read transaction, here."""
        with self._engine.connect() as connection, connection.begin():
            return work(connection)

    def close(self, within: float = 10.0) -> None:
        """Write what waits and stop, within so many seconds. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self._queue.put(None, timeout=within)
        except queue.Full:
            _log.error("the state database is stuck; %d writes are lost", self._queue.qsize())
        else:
            self._writer.join(within)
        self._readers.shutdown(wait=True)
        self._engine.dispose()

    def _put(self, work: Work[Any]) -> Future[Any] | None:
        done: Future[Any] = Future()
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait((work, done))
        except queue.Full:
            self.dropped += 1
            if self.dropped in (1, 10, 100) or self.dropped % 1000 == 0:
                _log.error("%d writes to the state database were dropped: its queue is full or closed", self.dropped)
            return None
        return done

    def _write_all(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            while len(batch) < self._batch and not self._queue.empty():
                batch.append(self._queue.get())
            last = None in batch
            self._commit([entry for entry in batch if entry is not None])

    def _commit(self, batch: list[tuple[Work[Any], Future[Any]]]) -> None:
        if not batch:
            return
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                for work, done in batch:
                    try:
                        with connection.begin_nested():
                            outcomes.append((done, work(connection), None))
                    except ValueError as error:  # the work's own refusal, such as a name that is taken
                        outcomes.append((done, None, error))
                    except Exception as error:
                        _log.warning("a write to the state database failed: %s", type(error).__name__)
                        outcomes.append((done, None, error))
        except Exception as error:
            _log.exception("%d writes to the state database failed", len(batch))
            outcomes = [(done, None, error) for _, done in batch]
        for done, value, failure in outcomes:
            if not done.set_running_or_notify_cancel():
                continue
            if failure is not None:
                done.set_exception(failure)
            else:
                done.set_result(value)
