"""What is said where a file of this installation cannot be used: which, whose it is, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from pathlib import Path

_REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "its file system is read-only",
    errno.ENOSPC: "its disk is full",
}


_BROKEN = ("file is not a database", "malformed")
"""Of a damaged SQLite file."""
_CLOSED = ("unable to open database file", "attempt to write a readonly database")
"""Of one that is there, and not for this user."""


def told(error: Exception) -> str | None:
    """A sentence about the file; None for errors of another kind, which are mistakes of ours."""
    if _of_database(error, _BROKEN):
        return f"the database in the state folder is damaged ({_reason(error)})"
    if _of_database(error, _CLOSED):
        return f"the database in the state folder cannot be used: {_reason(error)}"
    if not isinstance(error, OSError):
        return None
    reason = _REASONS.get(error.errno or 0)
    if reason is None or error.filename is None:
        return None
    return f"{error.filename} cannot be used: {reason}"


def advice(error: Exception) -> str:
    """What to do about it."""
    if _of_database(error, _CLOSED):
        return "Run this as the user whose installation it is, or give this user access"
    if not isinstance(error, OSError):
        return (
            "Put a backup back (switchyard restore), or move switchyard.sqlite away: the next start makes an empty one"
        )
    if error.errno not in (errno.EACCES, errno.EPERM):
        return "Make room, or make it writable, and run this again"
    owner = _owner(Path(str(error.filename)))
    whose = f" (sudo -u {owner} …)" if owner else ""
    return f"Run this as the user whose installation it is{whose}, or give this user access"


def _of_database(error: Exception, words: tuple[str, ...]) -> bool:
    """SQLite's own, or SQLAlchemy's around it."""
    return isinstance(getattr(error, "orig", error), sqlite3.DatabaseError) and _reason(error).endswith(words)


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", error))


def _owner(path: Path) -> str | None:
    """Of the file, or of the nearest folder above it that can be seen."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError, KeyError):
            return place.owner()
    return None
