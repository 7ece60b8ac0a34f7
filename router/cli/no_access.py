"""What is said where a file of this installation cannot be used: which, whose it is, and what to do."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

_REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "its file system is read-only",
    errno.ENOSPC: "its disk is full",
}


def told(error: OSError) -> str | None:
    """A sentence about the file; None for errors of another kind, which are mistakes of ours."""
    reason = _REASONS.get(error.errno or 0)
    if reason is None or error.filename is None:
        return None
    return f"{error.filename} cannot be used: {reason}"


def advice(error: OSError) -> str:
    """What to do about it."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return "Make room, or make it writable, and run this again"
    owner = _owner(Path(str(error.filename)))
    whose = f" (sudo -u {owner} …)" if owner else ""
    return f"Run this as the user whose installation it is{whose}, or give this user access"


def _owner(path: Path) -> str | None:
    """Of the file, or of the nearest folder above it that can be seen."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError, KeyError):
            return place.owner()
    return None
