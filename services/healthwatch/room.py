"""Room on a full disk of logs: what supervisord has put aside of them goes, the oldest first."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_PUT_ASIDE = re.compile(r"[^/]+\.log\.\d+")
"""What supervisord calls a log that it has replaced by a new one (`stdout_logfile_backups`)."""


def put_aside(folder: Path) -> list[Path]:
    """Such files of one folder, the oldest first. What is no regular file is none. Raises `OSError`."""
    found = [
        (path.lstat().st_mtime, path)
        for path in folder.iterdir()
        if _PUT_ASIDE.fullmatch(path.name) and path.is_file() and not path.is_symlink()
    ]
    return [path for _, path in sorted(found)]


def make_room(folder: Path, wanted: int, free: Callable[[Path], int]) -> list[Path]:
    """Remove them until `wanted` bytes are free, or none is left; gives what went. Raises `OSError`."""
    gone: list[Path] = []
    for path in put_aside(folder):
        if free(folder) >= wanted:
            break
        path.unlink(missing_ok=True)
        gone.append(path)
    return gone
