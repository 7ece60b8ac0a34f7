"""Reads the files of a journal from their beginning to where they end now, and knows which calls are open there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from router.usage.entries import Closed, Opened, decode, lost
from router.usage.journal import Place

_log = logging.getLogger("switchyard.usage")
CHUNK = 64 * 1024
"""Bytes that are read at once; the requests wait for the interpreter meanwhile."""


class Step(Struct, frozen=True):
    """What was read. closed: calls that are over. read: files that have been read to their end and get no more entries.
    last: there is nothing more now."""

    closed: tuple[Closed, ...]
    read: tuple[Path, ...]
    last: bool
    place: Place
    opened: dict[str, Opened]


Mark: TypeAlias = tuple[Place, dict[str, Opened]]


class Follower:
    """Reads on from where `accept` was called last; what was not accepted is read once more."""

    def __init__(self, segments: Callable[[], Sequence[Path]], *, ended: bool = False, chunk: int = CHUNK) -> None:
        """segments: the files in order. ended: nobody writes them any more. chunk: most bytes of one step, and more
        than any entry has."""
        self._segments = segments
        self._ended = ended
        self._chunk = chunk
        self._place: Place = (None, 0)
        self._opened: dict[str, Opened] = {}
        self.unreadable = 0

    def step(self) -> Step:
        """At most one chunk of one file. Raises `OSError`."""
        segments = list(self._segments())
        path, offset = self._place
        if path not in segments:
            if not segments:
                return Step((), (), True, self._place, self._opened)
            path, offset = segments[0], 0
        newest = path == segments[-1] and not self._ended
        data = _read(path, offset, self._chunk)
        whole = data.rfind(b"\n") + 1
        if whole == 0 and len(data) == self._chunk:
            whole = len(data)  # longer than any entry: it is none
        closed, opened = self._entries(data[:whole])
        if data and whole:
            return Step(tuple(closed), (), False, (path, offset + whole), opened)
        if newest:
            return Step((), (), True, (path, offset), opened)
        if data:
            self._skip(data)  # torn: the process died while it wrote
        at = segments.index(path)
        following = segments[at + 1] if at + 1 < len(segments) else None
        if following is None:
            return Step((), (path,), True, (path, offset + len(data)), opened)
        return Step((), (path,), False, (following, 0), opened)

    def accept(self, step: Step) -> None:
        """What the step has read is kept elsewhere."""
        self._place, self._opened = step.place, step.opened

    def mark(self) -> Mark:
        """Where it is, for `rewind`."""
        return self._place, self._opened

    def stands_at(self, place: Place) -> bool:
        """Whether everything before `place` was accepted, and nothing behind it."""
        if self._place[0] is None:
            return place[1] == 0 and place[0] in self._segments()[:1]
        return self._place == place

    def jump(self, place: Place) -> None:
        """Everything before `place` is kept elsewhere without having been read. Which calls are open there is not known
        any more, so this is for a journal whose process lives."""
        self._place, self._opened = place, {}

    def rewind(self, mark: Mark) -> None:
        """What was accepted since then is not kept elsewhere after all."""
        self._place, self._opened = mark

    @property
    def open_calls(self) -> int:
        """Calls that have begun and are not over, as far as was read."""
        return len(self._opened)

    @property
    def running(self) -> Mapping[str, Opened]:
        """The same calls, by their ids."""
        return self._opened

    def lost(self) -> list[Closed]:
        """The calls that will never be over, as their process has ended."""
        return [lost(entry) for entry in self._opened.values()]

    def _entries(self, data: bytes) -> tuple[list[Closed], dict[str, Opened]]:
        closed: list[Closed] = []
        opened = dict(self._opened)
        for line in data.split(b"\n"):
            if not line:
                continue
            try:
                entry = decode(line)
            except ValueError:
                self._skip(line)
                continue
            if isinstance(entry, Opened):
                opened[entry.id] = entry
            else:
                opened.pop(entry.id, None)
                closed.append(entry)
        return closed, opened

    def _skip(self, line: bytes) -> None:
        self.unreadable += 1
        if self.unreadable == 1:
            _log.warning("an entry of the journal of calls cannot be read and is left out (%d bytes)", len(line))


def _read(path: Path, offset: int, size: int) -> bytes:
    """A file that is gone (it had to make room) is empty."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except FileNotFoundError:
        return b""
