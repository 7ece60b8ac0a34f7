"""The journal of one process: every call that begins and every call that is over, on disk before anybody is told.

Each entry is one write to a file that is only added to, so it outlives a `kill -9` of the process (not a power cut:
there is no fsync). Files are named after the process and its start; a lock that the kernel gives back when the process
dies tells the others whether it lives. A file that is full is followed by the next one, which begins with the calls
that are still open, so that a file whose calls are all in the database can go.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from router.usage.entries import Closed, Opened, encode

_log = logging.getLogger("switchyard.usage")
SEGMENT = 8 * 1024 * 1024
MOST = 64 * 1024 * 1024
"""Bytes of all files of one process, where nobody moves them into the database."""
_LOCK, _FILE = ".lock", ".jsonl"


FRESH = 4096
"""Most calls that are also kept in memory until somebody takes them."""
Place: TypeAlias = tuple[Path | None, int]
"""A file, and bytes from its beginning."""


class Fresh(Struct, frozen=True):
    """What was written between two places. entries: the calls that are over; None where those were too many to be kept,
    so that they must be read. earlier: files that end before the second place."""

    entries: tuple[Closed, ...] | None
    start: Place
    end: Place
    earlier: tuple[Path, ...]


class Journal:
    """Written by one thread; `segments` may be read and `release` called by another."""

    def __init__(self, folder: Path, owner: str, *, segment: int = SEGMENT, most: int = MOST) -> None:
        """owner: names this process for ever, see `name_of_process`. Raises `OSError`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.owner = owner
        self.written = 0  # bytes
        self.dropped = 0  # entries that could not be written, and calls whose file had to go
        self._folder = folder
        self._segment, self._most = segment, most
        self._guard = threading.Lock()
        self._segments: list[Path] = []
        self._number = self._size = self._offset = 0
        self._torn = False
        self._open: dict[str, bytes] = {}
        self._file = -1
        self._lock = _locked(folder / f"{owner}{_LOCK}")
        self._next_segment()
        self._fresh: list[Closed] | None = []
        self._fresh_start: Place = (self._segments[-1], 0)

    @property
    def segments(self) -> list[Path]:
        """The files that are there, in order; the last one is being written."""
        with self._guard:
            return list(self._segments)

    def opened(self, entry: Opened) -> None:
        """Write down that a call begins, once."""
        if entry.id not in self._open:
            line = encode(entry)
            self._open[entry.id] = line
            self._write(line)

    def closed(self, entry: Closed) -> None:
        """Write down that a call is over."""
        self._open.pop(entry.id, None)
        self._write(encode(entry))
        if self._fresh is not None:
            self._fresh.append(entry)
            if len(self._fresh) > FRESH:
                self._fresh = None

    def take(self) -> Fresh:
        """What came since the last time, so that nobody has to read it. Called by the thread that writes."""
        entries, end = self._fresh, (self._segments[-1], self._offset)
        fresh = Fresh(None if entries is None else tuple(entries), self._fresh_start, end, tuple(self._segments[:-1]))
        self._fresh, self._fresh_start = [], end
        return fresh

    @property
    def open_calls(self) -> int:
        """Calls that have begun here and are not over."""
        return len(self._open)

    def knows(self, call_id: str) -> bool:
        """Whether a call has begun here and is not over."""
        return call_id in self._open

    def release(self, segment: Path) -> None:
        """Remove a file whose calls are all in the database. The one that is being written stays."""
        with self._guard:
            if segment in self._segments[:-1]:
                self._segments.remove(segment)
                segment.unlink(missing_ok=True)

    def end(self, *, remove: bool) -> None:
        """Write no more. remove: all of it is in the database, so that nothing needs to be recovered."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if remove and not self._open:
            remove_files(self._folder, self.owner)
        os.close(self._lock)

    def _write(self, line: bytes) -> None:
        if self._torn:  # the rest of an entry that found no room: its line is ended, which makes it unreadable alone
            line = b"\n" + line
        try:
            done = os.write(self._file, line)
        except OSError as error:
            self._drop(1, f"an entry could not be written: {error.strerror}")
            return
        self._torn = done != len(line)
        self.written += done
        self._size += done
        self._offset += done
        if self._torn:
            self._drop(1, "an entry was written in part: the disk is probably full")
        elif self._size >= self._segment:
            try:
                self._next_segment()
            except OSError as error:
                self._size = 0  # go on with this file, and try again when it has grown as much once more
                self._drop(0, f"no new file can be begun: {error.strerror}")

    def _next_segment(self) -> None:
        path = self._folder / f"{self.owner}.{self._number + 1:06d}{_FILE}"
        new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = 0
        try:
            for line in self._open.values():  # before anybody may think that the old file can go
                size += os.write(new, line)
        except OSError:
            os.close(new)
            path.unlink(missing_ok=True)
            raise
        old, self._file = self._file, new
        if old >= 0:
            os.close(old)
        self._number += 1
        self._size, self._offset, self._torn = size, size, False
        with self._guard:
            self._segments.append(path)
            too_many = self._segments[: -max(2, self._most // self._segment)]
            del self._segments[: len(too_many)]
        for segment in too_many:
            segment.unlink(missing_ok=True)
            self._drop(1, f"{segment.name} was removed unread: the database takes nothing")

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        if self.dropped in (0, 1, 10, 100) or self.dropped % 1000 == 0:
            _log.error("the journal of calls has a gap (%d so far): %s", self.dropped, why)


def _locked(path: Path) -> int:
    """A file that nobody can see before it is locked: whoever finds it free takes its process for dead."""
    hidden = path.with_suffix(".new")
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hidden.rename(path)
    return descriptor


def name_of_process(pid: int, started: int) -> str:
    """started: nanoseconds since 1970, so that a number that comes again is another name."""
    return f"{pid}-{started}"


def segments_of(folder: Path, owner: str) -> list[Path]:
    """The files of one process, in order."""
    return sorted(folder.glob(f"{owner}.*{_FILE}"))


def remove_files(folder: Path, owner: str) -> None:
    """Everything of one process; the lock last, as it says that there is something."""
    for path in (*segments_of(folder, owner), folder / f"{owner}{_LOCK}"):
        path.unlink(missing_ok=True)


@contextmanager
def left_behind(folder: Path, owner: str) -> Iterator[bool]:
    """Whether the process is dead; then it is ours until the block ends, and no other process looks at it."""
    path = folder / f"{owner}{_LOCK}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mine = False
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = True
        yield mine
    finally:
        os.close(descriptor)


def owners(folder: Path) -> list[str]:
    """Every process that has files here, oldest names first."""
    if not folder.is_dir():
        return []
    return sorted({path.name.partition(".")[0] for path in folder.iterdir() if path.suffix in (_LOCK, _FILE)})
