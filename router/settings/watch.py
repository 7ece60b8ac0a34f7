"""Notices that the settings have changed and puts them in force; mistakes leave the old ones in force.

Looks every second instead of listening to the kernel: editors replace files, Kubernetes swaps a symbolic link two
folders up, and network file systems tell nobody. A look is a few `stat` calls.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from os import stat_result
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from pydantic import BaseModel

from router.clock import Clock
from router.settings.load import Loaded
from router.settings.mistakes import SettingsError

_log = logging.getLogger("switchyard.settings")
EVERY = 1.0
"""Seconds between two looks."""
QUIET = 0.5
"""Seconds without another change before a file is read: editors write in several steps."""

Print: TypeAlias = tuple[int, int, int, int] | None


StatFile: TypeAlias = Callable[[Path], stat_result]


class Outcome(Struct, frozen=True, kw_only=True):
    """The last look that led to something. at: Unix time. error: why the old settings stay in force."""

    at: float
    ok: bool
    error: str | None = None


class Watch:
    """Watches one file and those that it names.

    read: the file's bytes; raises `OSError`. load: builds settings from them; raises `SettingsError`. apply: builds
    everything from the settings and swaps it in; whatever it raises leaves the old in force. others: further files
    whose change counts (key files, certificates).
    """

    def __init__(
        self,
        path: Path,
        *,
        read: Callable[[Path], bytes],
        load: Callable[[str], Loaded],
        apply: Callable[[Loaded], Awaitable[None]],
        clock: Clock,
        stat: StatFile = Path.stat,
        others: Callable[[], tuple[Path, ...]] = tuple,
    ) -> None:
        self._path = path
        self._read = read
        self._load = load
        self._apply = apply
        self._clock = clock
        self._stat = stat
        self._others = others
        self._prints = self._look()
        self._bytes: bytes | None = self._read_quietly()
        self._changed_at: float | None = None
        self._others_changed = False
        self.last: Outcome | None = None

    async def look(self) -> Outcome | None:
        """One look. Returns what came of it, None where nothing has changed or the change is not yet quiet."""
        now = self._clock.monotonic()
        prints = self._look()
        if prints != self._prints:
            other = (path for path in (*prints, *self._prints) if path != self._path)
            self._others_changed |= any(prints.get(path) != self._prints.get(path) for path in other)
            self._prints = prints
            self._changed_at = now
            return None
        if self._changed_at is None or now - self._changed_at < QUIET:
            return None
        self._changed_at = None
        return await self.reload()

    async def reload(self, *, force: bool = False) -> Outcome | None:
        """Read, and put in force what is new. force: also where the bytes are the same (SIGHUP)."""
        others_changed, self._others_changed = self._others_changed, False
        try:
            content = self._read(self._path)
        except OSError as error:
            return self._failed(f"{self._path} cannot be read: {error.strerror or type(error).__name__}")
        if content == self._bytes and not force and not others_changed:
            return None
        self._bytes = content
        try:
            loaded = self._load(content.decode("utf-8"))
            await self._apply(loaded)
        except SettingsError as error:
            return self._failed(str(error))
        except UnicodeDecodeError:
            return self._failed(f"{self._path} is not UTF-8")
        except Exception as error:
            _log.exception("building from the new settings failed")
            return self._failed(f"the new settings cannot be put in force: {type(error).__name__}: {error}")
        self.last = Outcome(at=self._clock.wall(), ok=True)
        _log.info("settings of %s are in force", self._path)
        for warning in loaded.warnings:
            _log.warning("settings: %s", warning)
        return self.last

    def _failed(self, why: str) -> Outcome:
        self.last = Outcome(at=self._clock.wall(), ok=False, error=why)
        _log.error("the old settings stay in force: %s", why)
        return self.last

    def _look(self) -> Mapping[Path, Print]:
        """What each file looks like from outside. Following links notices a swapped folder: the inode differs."""
        return {path: self._print(path) for path in (self._path, *self._others())}

    def _print(self, path: Path) -> Print:
        try:
            found = self._stat(path)
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def _read_quietly(self) -> bytes | None:
        try:
            return self._read(self._path)
        except OSError:
            return None


def restart_needed(old: object, new: object, at: str = "") -> tuple[str, ...]:
    """Paths of the settings that differ and apply only at the next start."""
    if not isinstance(old, BaseModel) or not isinstance(new, BaseModel) or type(old) is not type(new):
        return ()
    found: list[str] = []
    for name, field in type(new).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        path = f"{at}.{name}" if at else name
        if isinstance(after, BaseModel) and isinstance(before, BaseModel):
            found += restart_needed(before, after, path)
        elif isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("effect") == "restart":
            found.append(path)
    return tuple(found)
