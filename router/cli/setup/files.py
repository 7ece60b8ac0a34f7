"""Reading and writing other programs' files: whole or not at all, through links, with mode and owner kept."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from router.cli.setup.change import sha256
from router.cli.setup.splices import CannotEdit

NEW = 0o600
LARGEST = 8 * 1024 * 1024


def read(path: Path) -> str | None:
    """The text of a file, None where there is none. Raises `CannotEdit` and `OSError`."""
    try:
        if path.stat().st_size > LARGEST:
            raise CannotEdit(f"it is larger than {LARGEST // 1024 // 1024} MiB")
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotEdit(f"it is not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise CannotEdit("it begins with a byte order mark; save it without one")
    return text


def mode_of(path: Path) -> int:
    """Permission bits, those of a new file where there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return NEW


def make_folders(path: Path) -> tuple[str, ...]:
    """Make the folders above a file; those that were missing, the deepest first."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tuple(map(str, missing))


def write(path: Path, text: str, mode: int, *, expected: str | None) -> None:
    """Replace a file. expected: its text when the change was made, None for no file; another one is a `CannotEdit`."""
    path = path.resolve()  # a link stays a link
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        with suppress(FileNotFoundError, PermissionError):
            owner = path.stat()
            os.chown(name, owner.st_uid, owner.st_gid)
        if sha256(read(path)) != sha256(expected):
            raise CannotEdit("another program has changed it just now; end that program and run this again")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def remove_folders(folders: Iterable[str]) -> None:
    """Take folders away that are empty, the deepest first."""
    for folder in sorted(set(folders), key=len, reverse=True):
        with suppress(OSError):
            Path(folder).rmdir()
