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
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from router.backup.contents import DATABASE, Places, found, target
from router.backup.sealed import CannotOpen, Writer, opened
from router.vault.disk import Disk, writing

FORMAT = 1
MANIFEST = "manifest.json"
WRITING, READING = ".switchyard-backup-", ".switchyard-restore-"
"""How the folders begin that are there meanwhile; a killed process leaves them behind."""
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


def write(
    places: Places, to: Path, passphrase: str, *, version: str, now: float, scratch: Path | None = None
) -> Manifest:
    """Write everything into `to`, readable by nobody else. scratch: the folder for copies meanwhile, that of the state
    unless given. Raises `OSError`, `sqlite3.Error`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    private(places.state)
    with (
        tempfile.TemporaryDirectory(prefix=WRITING, dir=scratch or places.state) as copies,
        tempfile.TemporaryDirectory(prefix=WRITING, dir=to.parent) as folder,
    ):
        files = _copies(places, Path(copies))
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
        Disk().sync(to.parent)
    return manifest


def _copies(places: Places, folder: Path) -> dict[str, Path]:
    """Copies of everything: a token that is renewed while the backup is written must not part a file from its digest.
    Nobody writes an account meanwhile, so that keys and what they open belong together."""
    copies: dict[str, Path] = {}
    with writing(places.accounts) if places.accounts.is_dir() else nullcontext():
        for name, path in found(places):
            copies[name] = folder / str(len(copies))
            shutil.copyfile(path, copies[name])
    database = places.state / DATABASE
    if database.is_file():
        copies[f"state/{DATABASE}"] = _copied(database, folder / DATABASE)
    return copies


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
    private(folder)
    with tempfile.TemporaryDirectory(prefix=READING, dir=folder) as made:
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
    Returns what was kept. Raises `OSError`: then, and where it is interrupted, everything is as it was."""
    staged: dict[Path, Path] = {}
    moved: list[tuple[Path, Path]] = []
    placed: list[Path] = []
    try:
        for name, path in files.items():
            at = target(places, name)
            private(at.parent)
            staged[at] = at.with_name(f".{at.name}.restored-{stamp}")
            _stage(path, staged[at])
        for at, new in staged.items():
            for old, aside in _in_the_way(places, at, stamp):
                moved.append((old, aside))
                old.rename(aside)
            placed.append(at)
            new.rename(at)
        for folder in {at.parent for at in staged}:
            Disk().sync(folder)
    except BaseException:
        for at in placed:
            if not staged[at].exists():  # else it was not put there yet
                at.unlink(missing_ok=True)
        for old, aside in reversed(moved):
            if aside.exists():
                aside.rename(old)
        for new in staged.values():
            new.unlink(missing_ok=True)
        raise
    return [aside for _, aside in moved]


def _stage(source: Path, to: Path) -> None:
    """Copy for the owner alone, on the disk when this returns."""
    with source.open("rb") as data, os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(data, file)
        file.flush()
        os.fsync(file.fileno())


def _in_the_way(places: Places, at: Path, stamp: str) -> Iterator[tuple[Path, Path]]:
    """What is at a place, and where it is kept. A database takes along the files in which its last changes may be:
    without them it lacks those, and the restored one would take them for its own."""
    aside = at.with_name(f"{at.name}.before-{stamp}")
    for ending in ("", "-wal", "-shm") if at == places.state / DATABASE else ("",):
        old = at.with_name(at.name + ending)
        if old.exists() or old.is_symlink():
            yield old, aside.with_name(aside.name + ending)


def private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone; one that is there stays as it is."""
    for each in reversed([folder, *folder.parents]):
        with suppress(FileExistsError):
            if not each.exists():
                each.mkdir(mode=0o700)
