"""What must outlive the watch itself: when it has started which program anew, so that its cap per hour holds, and what
it has stopped and not started again yet; and what for, which `status` tells from here.

A small file of moments by the wall clock. What cannot be read counts as nothing, and is written anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from router import healed
from router.healed import Healed
from router.wire import codec
from services.healthwatch.history import told as told_of
from services.healthwatch.judge import HOUR

LONGEST = 1024 * 1024
"""Bytes of the file that are read."""
PROGRAMS = 64
MOMENTS = 100
"""Of one program, the newest."""
_FAR = 1e11


class Memory:
    """path: of the file. wall: seconds since 1970. now: monotonic seconds, which the rest of the watch goes by."""

    def __init__(self, path: Path, *, wall: Callable[[], float], now: Callable[[], float]) -> None:
        self._path = path
        self._wall = wall
        self._now = now

    def load(self) -> dict[str, list[float]]:
        """The moments of the last hour by program, in monotonic seconds, oldest first."""
        kept = {name: self._moments(times) for name, times in self._read("acted").items()}
        return {name: times for name, times in kept.items() if times}

    def stopped(self) -> dict[str, float]:
        """What was told to stop within the last hour and was to be started again: when, in monotonic seconds."""
        kept = {name: self._moments([moment]) for name, moment in self._read("stopped").items()}
        return {name: times[0] for name, times in kept.items() if times}

    def healed(self) -> dict[str, list[Healed]]:
        """What was done, and what ended by itself, within the last day, by program, oldest first."""
        return healed.lately(self._path.parent, self._wall())

    def _read(self, part: str) -> dict[str, object]:
        try:
            with self._path.open("rb") as file:
                found = codec.loads(file.read(LONGEST))
        except (OSError, codec.Malformed):
            return {}
        named = found.get(part) if isinstance(found, Mapping) else None
        if not isinstance(named, Mapping):
            return {}
        return {str(name): value for name, value in list(named.items())[:PROGRAMS]}

    def _moments(self, times: object) -> list[float]:
        numbers = (
            [each for each in times if type(each) in (int, float) and 0 < each < _FAR]
            if isinstance(times, list)
            else []
        )
        # a clock that was set back has put moments into the future: they count as now, so that they end within the hour
        ages = [max(0.0, self._wall() - each) for each in numbers[-MOMENTS:]]
        return sorted(self._now() - age for age in ages if age < HOUR)

    def save(
        self,
        acted: Mapping[str, list[float]],
        stopped: Mapping[str, float],
        done: Mapping[str, Sequence[Healed]] | None = None,
    ) -> None:
        """Whole or not at all. acted, stopped, done: as they are read. Raises `OSError`. Blocks."""
        ahead = self._wall() - self._now()
        told = {name: [round(each + ahead, 3) for each in times[-MOMENTS:]] for name, times in acted.items() if times}
        since = {name: round(each + ahead, 3) for name, each in list(stopped.items())[:PROGRAMS]}
        lately = dict(list(told_of(done or {}, self._wall()).items())[:PROGRAMS])
        text = codec.dumps_text({"acted": dict(list(told.items())[:PROGRAMS]), "stopped": since, "healed": lately})
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise
