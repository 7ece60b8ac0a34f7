"""Files that survive: written whole or not at all, locked between processes, read within bounds."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

MOST = 1024 * 1024
"""Bytes of the largest account file that is read; a real one has a few thousand."""
TEMPORARY = ".switchyard-"
LOCKS = ".locks"
"""The folder of lock files, in the folder of the accounts."""
_FOLDER_LOCK = "folder"
_WRITING = 30.0
"""Seconds to wait for another process that writes a file."""
_POLL = 0.02
Signature: TypeAlias = tuple[int, int, int]
"""Size, time of change in nanoseconds, inode: what differs when a file was written."""


class Odd(Exception):
    """Something that is no readable file; the message continues "the file ..."."""


class Disk:
    """Writes in steps that a crash may part: afterwards the old file is there whole, or the new one is."""

    def __init__(self, step: Callable[[str], None] = lambda name: None) -> None:
        """step: called before each step with its name, so that a test can end the process there."""
        self._step = step

    def put(self, path: Path, data: bytes, *, new: bool = False) -> Signature:
        """Write `data` for the owner alone, on the disk when this returns; gives the signature of what was written.
        new: raises `FileExistsError` where there is one already. Raises `OSError`."""
        temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}.tmp"
        try:
            written = self._fill(temporary, data)
            self._step("rename")
            if new:
                _place(temporary, path)
            else:
                temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        self.sync(path.parent)
        return written

    def move(self, path: Path, target: Path) -> None:
        """Rename within a folder, for good when this returns. Raises `OSError`."""
        self._step("rename")
        path.replace(target)
        self.sync(target.parent)

    def remove(self, path: Path) -> None:
        """Remove for good. Raises `OSError`."""
        self._step("remove")
        path.unlink(missing_ok=True)
        self.sync(path.parent)

    def sync(self, folder: Path) -> None:
        """Make names of `folder` last."""
        self._step("sync folder")
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _fill(self, temporary: Path, data: bytes) -> Signature:
        self._step("create")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask took away
            self._step("write")
            file.write(data)
            file.flush()
            self._step("sync file")
            os.fsync(file.fileno())
            return signature(os.fstat(file.fileno()))


def private_folder(path: Path) -> None:
    """Make `path` a folder for its owner alone. Raises `OSError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode)
    private = (mode | 0o700) & ~0o077
    if mode != private:
        with suppress(PermissionError):  # somebody else's folder, which its owner opened to us
            path.chmod(private)


def read_bounded(path: Path, *, follow: bool = False) -> tuple[bytes, Signature]:
    """A regular file and its signature. follow: also through a symbolic link, for what a person named.

    Raises `Odd`, and `FileNotFoundError` where it has gone meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Odd("is a symbolic link, which is not followed") from None
        raise Odd(f"cannot be read: {error.strerror}") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Odd("is no regular file")
        data = os.read(descriptor, MOST + 1) if facts.st_size <= MOST else b""
    except OSError as error:
        raise Odd(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if facts.st_size > MOST or len(data) > MOST:
        raise Odd(f"is larger than {MOST} bytes, which no account file is")
    return data, signature(facts)


def signature(facts: os.stat_result) -> Signature:
    """Of what `facts` are about."""
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


@contextmanager
def locked(path: Path, within: float) -> Iterator[None]:
    """Hold the lock file `path`, against other threads and other processes; it ends with the process that holds it.
    Its folder must be there.

    Raises `TimeoutError` after `within` seconds, and `OSError` where there can be no such file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _wait(descriptor, path, time.monotonic() + within)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Nobody else changes a file of the accounts in `folder` meanwhile. Short: no network under it. Raises as
    `locked`."""
    private_folder(folder)
    private_folder(folder / LOCKS)
    with locked(folder / LOCKS / _FOLDER_LOCK, _WRITING):
        yield


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"another process holds {path} for too long") from None
            time.sleep(_POLL)
        else:
            return


def _place(temporary: Path, path: Path) -> None:
    """Give the file its name unless that is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the folder's lock is all that is left
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)
    else:
        temporary.unlink()
