"""Backups that the running router makes and keeps: one at a time, so many and so much of them."""

from __future__ import annotations

import calendar
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from router.backup.archive import READING, WRITING, Manifest, write
from router.backup.contents import DATABASE, Places, found, left_out
from router.backup.judge import Verdict, judge
from router.vault.disk import Disk, locked, private_folder

FOLDER = "backups"
"""Below the state folder."""
SPARE = 64 * 1024 * 1024
"""Bytes of the disk that are left alone: the database needs room as well."""
_LOCK = ".lock"
_ID = re.compile(r"\d{8}-\d{6}-\d{3}")


class Busy(Exception):
    """Another backup is being made or verified, in this process or another one."""


class TooLarge(Exception):
    """There is no room for it; the message says whose limit it is and what to do."""


class Kept(Struct, frozen=True):
    """One backup. at: Unix seconds of when it was made."""

    id: str
    at: float
    size: int


class Made(Struct, frozen=True):
    """A new one. left_out: files that are not in it. removed: ids of older ones that went for it."""

    kept: Kept
    manifest: Manifest
    left_out: list[str]
    removed: list[str]


class Shelf:
    """The folder of backups of one installation. Everything here waits for the disk: for a thread."""

    def __init__(self, places: Places, now: Callable[[], float]) -> None:
        self.folder = places.state / FOLDER
        self._places = places
        self._now = now

    def kept(self) -> list[Kept]:
        """The newest first."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        ids = (name.removeprefix("switchyard-").removesuffix(".backup") for name in names)
        found: list[Kept] = []
        for each in sorted(ids, reverse=True):
            path = self.path(each)
            if path is not None:
                with suppress(FileNotFoundError):  # removed at this very moment
                    found.append(Kept(each, _moment(each), path.stat().st_size))
        return found

    def path(self, backup_id: str) -> Path | None:
        """The file of one; None where there is none."""
        if _ID.fullmatch(backup_id) is None:
            return None
        path = self._file(backup_id)
        return path if path.is_file() and not path.is_symlink() else None

    def make(self, passphrase: str, *, version: str, most: int, most_bytes: int) -> Made:
        """Write a new one; the oldest go where there are more than `most`, or more bytes than `most_bytes` together.
        Raises `Busy`, `TooLarge`, `OSError`, `sqlite3.Error`."""
        with self._alone():
            self._room(_content(self._places), most_bytes)
            now = self._now()
            backup_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{int(now * 1000) % 1000:03d}"
            path = self._file(backup_id)
            manifest = write(self._places, path, passphrase, version=version, now=now, scratch=self.folder)
            made = Kept(backup_id, now, path.stat().st_size)
            if made.size > most_bytes:
                path.unlink()
                raise _larger_than(made.size, most_bytes)
            removed = self._turn_over(made, most, most_bytes)
            return Made(made, manifest, [str(each) for each in left_out(self._places)], removed)

    def delete(self, backup_id: str) -> bool:
        """Whether there was one. Raises `OSError`."""
        path = self.path(backup_id)
        if path is not None:
            Disk().remove(path)
        return path is not None

    def verify(self, backup_id: str, passphrase: str, judged: Callable[[str], str | None]) -> Verdict | None:
        """What is in one and whether it would do; None where there is none. judged: see `judge`. Raises `Busy`,
        `TooLarge`, `OSError`."""
        with self._alone():
            path = self.path(backup_id)
            if path is None:
                return None
            self._free(path.stat().st_size)
            return judge(path, passphrase, self._places, self.folder, judged)

    def _file(self, backup_id: str) -> Path:
        return self.folder / f"switchyard-{backup_id}.backup"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Without another one at work; what a killed one has left behind goes first, since it is not encrypted."""
        private_folder(self.folder)
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.folder / _LOCK, 0.0))
            except TimeoutError:
                raise Busy from None
            for left in self.folder.iterdir():
                if left.name.startswith((WRITING, READING)):
                    shutil.rmtree(left)
            yield

    def _room(self, size: int, most_bytes: int) -> None:
        if size > most_bytes:
            raise _larger_than(size, most_bytes)
        self._free(2 * size)  # the copies, and the file that is made of them

    def _free(self, size: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < size + SPARE:
            text = f"The disk has {_mib(free)} left, and this needs {_mib(size + SPARE)} for a while. Make room there."
            raise TooLarge(text)

    def _turn_over(self, made: Kept, most: int, most_bytes: int) -> list[str]:
        """Remove the oldest, never the new one."""
        removed: list[str] = []
        count, together = 0, 0
        for each in [made, *(each for each in self.kept() if each.id != made.id)]:
            count, together = count + 1, together + each.size
            if count > most or together > most_bytes:
                self.delete(each.id)
                removed.append(each.id)
        return removed


def _content(places: Places) -> int:
    database = places.state / DATABASE
    files = [*(path for _, path in found(places)), *([database] if database.is_file() else [])]
    return sum(path.stat().st_size for path in files)


def _larger_than(size: int, most_bytes: int) -> TooLarge:
    return TooLarge(f"It would have {_mib(size)}, more than backups.max_bytes ({_mib(most_bytes)}). Raise that.")


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def _moment(backup_id: str) -> float:
    """Unix seconds; 0 for an id of digits that are no moment."""
    try:
        parsed = time.strptime(f"{backup_id[:15]} UTC", "%Y%m%d-%H%M%S %Z")
    except ValueError:
        return 0.0
    return calendar.timegm(parsed) + int(backup_id[16:]) / 1000
