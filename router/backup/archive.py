"""Writes a backup and puts one back. Everything is verified before anything is changed."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from router.backup.contents import DATABASE, Places, found, target
from router.backup.sealed import CannotOpen, Writer, opened

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST = 8 * 1024**3
"""Bytes of one member: a damaged length must not fill a disk."""


class Member(Struct, frozen=True):
    """size in bytes; sha256 in hexadecimal."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """made_at: Unix time. version: of the program that wrote it."""

    format: int
    version: str
    made_at: int
    files: dict[str, Member]


class CannotRestore(ValueError):
    """A backup that cannot be put back; nothing was changed."""


def write(places: Places, to: Path, passphrase: str, *, version: str, now: float) -> Manifest:
    """Write everything into `to`, readable by nobody else. Raises `OSError`, `sqlite3.Error`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="switchyard-backup-", dir=to.parent) as folder:
        files = dict(found(places))
        database = places.state / DATABASE
        if database.is_file():
            files[f"state/{DATABASE}"] = _copied(database, Path(folder) / DATABASE)
        members = {name: Member(path.stat().st_size, _digest(path)) for name, path in files.items()}
        manifest = Manifest(FORMAT, version, int(now), members)
        whole = Path(folder) / "backup"
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            sealed = Writer(file, passphrase)
            with tarfile.open(fileobj=sealed, mode="w|") as tar:  # type: ignore[call-overload]
                _add(tar, MANIFEST, io.BytesIO(data := msgspec.json.encode(manifest)), len(data))
                for name, path in files.items():
                    with path.open("rb") as source:
                        _add(tar, name, source, members[name].size)
            sealed.close()
            file.flush()
            os.fsync(file.fileno())
        whole.replace(to)
    return manifest


def _add(tar: tarfile.TarFile, name: str, source: BinaryIO, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    tar.addfile(info, source)


def _copied(database: Path, to: Path) -> Path:
    """A database as it is at one moment, while others write to it (https://sqlite.org/backup.html)."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
    return to


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def unpacked(source: Path, passphrase: str, folder: Path) -> Iterator[tuple[Manifest, dict[str, Path]]]:
    """What is in a backup, verified, in files of a folder that goes with the context. folder: on whose disk. Raises
    `CannotRestore`, `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".switchyard-restore-", dir=folder) as made:
        try:
            with source.open("rb") as file, tarfile.open(fileobj=_Pieces(file, passphrase), mode="r|") as tar:
                yield _verified(tar, Path(made))
        except CannotOpen as error:
            raise CannotRestore(f"{source}: {error}") from None
        except (tarfile.TarError, EOFError) as error:
            raise CannotRestore(f"{source} is damaged ({type(error).__name__})") from None


class _Pieces(io.RawIOBase):
    """Reads the opened pieces as one file."""

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        self._pieces = opened(source, passphrase)
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = piece
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


def _verified(tar: tarfile.TarFile, folder: Path) -> tuple[Manifest, dict[str, Path]]:
    manifest: Manifest | None = None
    files: dict[str, Path] = {}
    for member in tar:
        content = tar.extractfile(member) if member.isfile() else None
        if content is None or member.size > LARGEST:
            raise CannotRestore(f"the backup has something that is no file: {member.name[:100]!r}")
        if manifest is None:
            manifest = _manifest(member.name, content.read(16 * 1024 * 1024))
            continue
        known = manifest.files.get(member.name)
        if known is None or member.name in files:
            raise CannotRestore(f"the backup does not say what {member.name[:100]!r} is")
        path = folder / str(len(files))
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        if (path.stat().st_size, _digest(path)) != (known.size, known.sha256):
            raise CannotRestore(f"{member.name} is damaged")
        files[member.name] = path
    if manifest is None or files.keys() != manifest.files.keys():
        raise CannotRestore("the backup is not whole")
    return manifest, files


def _manifest(name: str, data: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError:
        manifest = None
    if name != MANIFEST or manifest is None:
        raise CannotRestore("the backup does not begin with its list of files")
    if manifest.format != FORMAT:
        raise CannotRestore(f"the backup has format {manifest.format}; this version reads {FORMAT}")
    return manifest


def put_back(places: Places, files: dict[str, Path], *, stamp: str) -> list[Path]:
    """Put verified files where they belong; what was there is kept beside, with `.before-` and the stamp in its name.
    Returns what was kept. Raises `OSError`: then everything is as it was."""
    moved: list[tuple[Path, Path | None]] = []
    try:
        for name, path in files.items():
            at = target(places, name)
            at.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = at.with_name(f"{at.name}.before-{stamp}") if at.exists() else None
            new = at.with_name(f".{at.name}.restored-{stamp}")
            shutil.copyfile(path, new)
            new.chmod(0o600)
            if aside is not None:
                at.rename(aside)
            moved.append((at, aside))
            new.rename(at)
        for ending in ("-wal", "-shm"):  # of the database that was there
            (places.state / f"{DATABASE}{ending}").unlink(missing_ok=True)
    except OSError:
        for at, aside in reversed(moved):
            at.unlink(missing_ok=True)
            if aside is not None:
                aside.rename(at)
        raise
    return [aside for _, aside in moved if aside is not None]
