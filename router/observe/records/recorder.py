"""Which calls are recorded, and the one thread that writes them behind the requests."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from router.call import Record
from router.observe.records.folder import RecordFolder
from router.observe.records.stages import stages
from router.settings.schema import Observe
from router.trace import Room, Trace

_log = logging.getLogger("switchyard.records")
HEADER = "x-switchyard-record"
WAITING = 256
"""Calls that may wait for the writer."""
HELD = 64 * 1024 * 1024
"""Bytes that they may hold together."""
ROOM = 256 * 1024 * 1024
"""Bytes that the answers of all running calls may hold together: beyond it they are cut."""
CLOSE_WITHIN = 5.0
_TRUE = frozenset({"1", "true", "yes", "on"})
_QUIET = frozenset({"ok", "cancelled", "hedged"})
"""Outcomes that are no error: the client had what it wanted, or wanted it no more."""


class _Job(Struct, frozen=True):
    trace: Trace
    record: Record
    held: int


class Recorder:
    """Decides, takes what was heard, and writes it. The thread starts with the first record.

    wishes: the settings now. admits: whether a ticket counts for a call that began at a Unix time. room: for the
    answers of calls that run. dropped: records that had no room in the queue, or could not be written.
    """

    def __init__(
        self,
        folder: RecordFolder,
        wishes: Callable[[], Observe],
        wall: Callable[[], float],
        *,
        admits: Callable[[str, float], bool] = lambda ticket, at: False,
        waiting: int = WAITING,
        held: int = HELD,
    ) -> None:
        self.folder = folder
        self.dropped = 0
        self.room = Room(ROOM)
        self._wishes = wishes
        self._wall = wall
        self._admits = admits
        self._most = held
        self._jobs: queue.Queue[_Job | None] = queue.Queue(waiting)
        self._held = 0
        self._lock = threading.Lock()
        self._folder_lock = threading.Lock()  # the writer and the sweep take turns
        self._thread: threading.Thread | None = None
        self._failing = False

    def wanted(self, headers: Mapping[str, str], own: bool | None = None) -> bool:
        """Whether what this call says is to be kept until it is over. own: the word of its key."""
        if own is not None:
            return own
        return self._wishes().request_log != "off" or (HEADER in headers and self._asked(headers, self._wall()))

    def over(self, trace: Trace, record: Record, own: bool | None = None) -> None:
        """A call is settled. own: the word of its key by now. Never waits: what has no room is counted."""
        trace.close()
        if record.caller is None or not self._keeps(trace, record, own):  # who was not let in fills no disk
            return
        held = trace.held
        with self._lock:
            if self._held + held > self._most:
                self.dropped += 1
                return
            self._held += held
        try:
            self._jobs.put_nowait(_Job(trace, record, held))
        except queue.Full:
            self._let_go(held)
            self.dropped += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="record-writer", daemon=True)
            self._thread.start()

    def _keeps(self, trace: Trace, record: Record, own: bool | None) -> bool:
        if own is not None:
            return own
        wishes = self._wishes()
        if wishes.request_log == "all" or (wishes.request_log == "errors" and _went_wrong(record)):
            return True
        return self._asked(trace.headers, record.began)

    def _asked(self, headers: Mapping[str, str], began: float) -> bool:
        """Whether the caller asks for it and may: the settings let everybody, a ticket lets whoever has it."""
        wish = headers.get(HEADER)
        if wish is None:
            return False
        by_header = self._wishes().request_log_by_header and wish.strip().lower() in _TRUE
        return by_header or self._admits(wish.strip(), began)

    def _let_go(self, held: int) -> None:
        with self._lock:
            self._held -= held

    def _write_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._write(job)
                self._failing = False
            except Exception as error:  # a record that cannot be written must not end the writing
                self.dropped += 1
                if not self._failing:
                    self._failing = True
                    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
                    _log.error("requests cannot be recorded in %s: %s", self.folder.path, reason)
            finally:
                self._let_go(job.held)

    def _write(self, job: _Job) -> None:
        wishes = self._wishes()
        files = stages(job.trace, job.record, _breathe)
        with self._folder_lock:
            self.folder.write(job.record.call_id, files, sealed=wishes.request_log_encrypted)
            if self.folder.full(wishes.request_log_bytes):
                self.folder.sweep(self._wall(), wishes.request_log_days, wishes.request_log_bytes)

    def sweep(self) -> int:
        """Remove what is too old or too much. Call it on a thread, now and then, also where nothing is recorded."""
        wishes = self._wishes()
        with self._folder_lock:
            return self.folder.sweep(self._wall(), wishes.request_log_days, wishes.request_log_bytes)

    def close(self) -> None:
        """Write what waits, within some seconds. Call it on a thread."""
        if self._thread is None:
            return
        try:
            self._jobs.put(None, timeout=CLOSE_WITHIN)
        except queue.Full:
            return  # the disk hangs; the thread ends with the process
        self._thread.join(CLOSE_WITHIN)


def told(observe: Observe, keys: Iterable[str] = ()) -> Iterator[str]:
    """What the log says at the start and with new settings, so that nobody keeps content unawares. keys: names of those
    whose calls are all recorded."""
    how = "encrypted" if observe.request_log_encrypted else "in plain text"
    kept = f"is kept for {observe.request_log_days} days, {how}"
    if observe.request_log != "off" or observe.request_log_by_header:
        which = {"off": "calls that ask for it", "errors": "calls that go wrong", "all": "all calls"}
        yield f"the content of {which[observe.request_log]} {kept} (observe.request_log)"
    for name in keys:
        yield f"the content of all calls of the key {name!r} {kept} (its request_log)"


def _went_wrong(record: Record) -> bool:
    """An error for the caller, or an attempt that failed on the way."""
    return record.outcome not in _QUIET or any(attempt.outcome not in _QUIET for attempt in record.tries)


def _breathe() -> None:
    """Let the event loop go first."""
    time.sleep(0)
