"""A file as management writes it: whole or not at all, with what was there before kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from router.vault.disk import Disk, private_folder, writing

KEPT = 50
_NAME = re.compile(r"(\d{13})-([A-Za-z0-9._@-]{1,63})\.yaml")


class Stale(Exception):
    """The file has changed since it was read."""


class Version(Struct, frozen=True):
    """A file that was replaced. at: Unix seconds of that moment; by: who did it."""

    id: str
    at: float
    by: str
    size: int


class ConfigHistory:
    """file: of settings, or of prices. folder: where replaced ones lie."""

    def __init__(self, file: Path, folder: Path, now: Callable[[], float]) -> None:
        self._file = file
        self._folder = folder
        self._now = now

    def text(self) -> str:
        """The file as it is; "" where there is none. Raises `OSError`."""
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def put(self, text: str | None, digest: str, by: str) -> str:
        """Write `text` in the place of the file whose digest is given, which is kept; None: there is no file then.
        Gives the new digest. Raises `Stale`, `OSError`."""
        private_folder(self._folder)
        with writing(self._folder):
            before = self.text()
            if digest_of(before) != digest:
                raise Stale
            name = f"{int(self._now() * 1000):013d}-{re.sub(r'[^A-Za-z0-9._@-]', '_', by)[:63] or '_'}.yaml"
            disk = Disk()
            disk.put(self._folder / name, before.encode("utf-8"))
            mode = self._file.stat().st_mode & 0o777 if self._file.exists() else 0o600
            target = self._file.resolve()  # the file may be a link to where it is kept
            if text is None:
                target.unlink(missing_ok=True)
            else:
                disk.put(target, text.encode("utf-8"))
                target.chmod(mode)
            for old in self._files()[KEPT:]:
                old.unlink(missing_ok=True)
        return digest_of(text or "")

    def versions(self) -> list[Version]:
        """The newest first."""
        return [_version(path) for path in self._files()]

    def version(self, version_id: str) -> str | None:
        """The text of one; None where there is none of this id."""
        if _NAME.fullmatch(version_id) is None:
            return None
        try:
            return (self._folder / version_id).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _files(self) -> list[Path]:
        try:
            return sorted((path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
        except FileNotFoundError:
            return []


def digest_of(text: str) -> str:
    """SHA-256 in hexadecimal, as `SettingsFile.digest`."""
    return sha256(text.encode()).hexdigest()


def _version(path: Path) -> Version:
    found = _NAME.fullmatch(path.name)
    at, by = (int(found[1]) / 1000, found[2]) if found is not None else (0.0, "")
    return Version(path.name, at, by, path.stat().st_size)
