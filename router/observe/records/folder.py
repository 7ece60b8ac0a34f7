"""Records on disk: ``requests/<day>/<call id>/<stage>.json``, encrypted where that is wanted. No threads, no clock."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.observe.records.stages import META
from router.wire import codec

if TYPE_CHECKING:  # its library is only loaded where something is written or read
    from router.vault.cipher import Vault

FOLDER = "requests"
KEY_FILE = "vault.key"
_PLAIN, _SEALED = ".json", ".json.sealed"
_ID = re.compile(r"req_[0-9a-f]{24}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NEW = ".new-"
"""How folders begin that are being written."""
LEFT = 3600.0
"""Seconds after which such a folder is what a crash left."""
_SECONDS_OF_DAY = 86_400.0


def opened(state_dir: Path) -> Vault:
    """The cipher of stored answers and records; its key is made where it is missing. Raises `OSError`, `ValueError`."""
    from router.vault.cipher import Vault, vault_key

    return Vault(vault_key(state_dir / KEY_FILE))


class Unreadable(Exception):
    """A record cannot be read. The message says why and what to do."""


class RecordFolder:
    """All records of one installation. Used by one thread at a time where it writes."""

    def __init__(self, state_dir: Path, vault: Callable[[], Vault]) -> None:
        """vault: gives the cipher, asked for when it is first needed."""
        self.path = state_dir / FOLDER
        self._vault = vault
        self._bytes: int | None = None

    def place(self, call_id: str) -> Path:
        """The folder of a call, there or not. Raises `ValueError` for what is no id."""
        if not _ID.fullmatch(call_id):
            raise ValueError("this is no id of a call: they look like req_ and 24 hexadecimal characters")
        began = int(call_id[4:16], 16) / 1000  # an id begins with its time, see `router.ids`
        try:
            return self.path / datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d") / call_id
        except (ValueError, OverflowError, OSError):
            raise ValueError("this id holds no time that there is") from None

    def write(self, call_id: str, stages: Mapping[str, Any], *, sealed: bool) -> None:
        """One record: all of it appears at once. Raises `OSError`."""
        there = self.place(call_id)
        making = there.with_name(_NEW + there.name)
        for folder in (self.path, there.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        making.mkdir(mode=0o700)
        size = 0
        try:
            for stage, value in stages.items():
                size += self._write(making, call_id, stage, value, sealed=sealed)
            making.rename(there)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        if self._bytes is not None:
            self._bytes += size

    def _write(self, folder: Path, call_id: str, stage: str, value: Any, *, sealed: bool) -> int:
        data = codec.dumps(value)
        if sealed:
            data = self._vault().seal(data, _name(call_id, stage))
        descriptor = os.open(
            folder / (stage + (_SEALED if sealed else _PLAIN)), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return len(data)

    def read(self, call_id: str, *only: str) -> dict[str, Any] | None:
        """The stages of a record by name, or only some; None where there is no such record. Raises `ValueError` for
        what is no id, `Unreadable`, `OSError`."""
        there = self.place(call_id)
        try:
            files = sorted(there.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return None
        found: dict[str, Any] = {}
        for file in files:
            stage = file.name.partition(".")[0]
            if not only or stage in only:
                found[stage] = self._value(call_id, stage, file)
        return found

    def _value(self, call_id: str, stage: str, file: Path) -> Any:
        from router.vault.cipher import Locked

        data = file.read_bytes()
        try:
            if file.name.endswith(_SEALED):
                data = self._vault().open(data, _name(call_id, stage))
            return codec.loads(data)
        except (Locked, codec.Malformed, ValueError) as error:
            raise Unreadable(
                f"{file} cannot be read: {error}. Its key is state/vault.key: put back the one it was written with."
            ) from None

    def newest(self) -> Iterator[dict[str, Any]]:
        """What is known of each record, the newest first; those that cannot be read only by their id."""
        for folder in self._records(newest=True):
            try:
                meta = (self.read(folder.name, META) or {}).get(META)
            except (Unreadable, OSError) as error:
                meta = {"id": folder.name, "unreadable": str(error)}
            if isinstance(meta, dict):
                yield meta

    def delete(self, call_id: str) -> bool:
        """Whether there was one. Raises `ValueError` for what is no id, `OSError`."""
        there = self.place(call_id)
        if not there.is_dir():
            return False
        self._remove(there)
        return True

    def full(self, most: int) -> bool:
        """Whether what was written since the last sweep takes more than `most` bytes together with the rest."""
        return self._bytes is None or self._bytes > most

    def sweep(self, now: float, days: int, most: int) -> int:
        """Remove what is older than `days`, then the oldest until the rest has at most `most` bytes; and what a crash
        left. Returns how many records went."""
        oldest = datetime.fromtimestamp(max(0.0, now - days * _SECONDS_OF_DAY), UTC).timestamp()
        removed, kept = 0, []
        for folder in self._records(newest=False):
            if int(folder.name[4:16], 16) / 1000 < oldest:
                removed += self._remove(folder)
            else:
                kept.append((folder, _size(folder)))
        total = sum(size for _, size in kept)
        for folder, size in kept:
            if total <= most:
                break
            removed += self._remove(folder)
            total -= size
        self._tidy(now)
        self._bytes = total
        return removed

    def _remove(self, folder: Path) -> int:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()  # the day, where it was the last
        return 1

    def _tidy(self, now: float) -> None:
        for left in self.path.glob(f"*/{_NEW}*"):
            with suppress(OSError):
                if left.stat().st_mtime < now - LEFT:
                    shutil.rmtree(left, ignore_errors=True)

    def _records(self, *, newest: bool) -> Iterator[Path]:
        for day in sorted(_named(self.path, _DAY), reverse=newest):
            yield from sorted(_named(day, _ID), reverse=newest)


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if pattern.fullmatch(each.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(folder: Path) -> int:
    size = 0
    with suppress(OSError):
        for file in folder.iterdir():
            size += file.stat().st_size
    return size


def _name(call_id: str, stage: str) -> str:
    """What a file is bound to, so that none can be put in the place of another."""
    return f"record\0{call_id}\0{stage}"
