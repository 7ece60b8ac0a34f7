"""A full disk of logs: old logs go, the oldest first, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from services.healthwatch.room import make_room, put_aside

MIB = 1024 * 1024


def logs(folder: Path) -> list[Path]:
    """Logs of two programs, the first one the oldest, among what is none of our business."""
    names = ["own.log.3", "router.log.2", "router.log.1", "own.log.1"]
    for age, name in enumerate(["router.log", "own.log", "notes.txt", "backup.log.gz", "router.log.old", *names]):
        path = folder / name
        path.write_bytes(b"x" * MIB)
        os.utime(path, (age, age))
    elsewhere = folder.parent / "elsewhere"
    elsewhere.write_bytes(b"kept")
    (folder / "router.log.9").symlink_to(elsewhere)
    (folder / "folder.log.1").mkdir()
    return [folder / name for name in names]


def disk(folder: Path, size: int) -> Callable[[Path], int]:
    """What a disk of so many bytes has left beside the files of a folder."""
    return lambda _: size - sum(path.lstat().st_size for path in folder.iterdir() if path.is_file())


def test_only_logs_that_were_put_aside_count(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    old = logs(folder)
    assert put_aside(folder) == old


def test_no_more_goes_than_has_to(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    old = logs(folder)
    free = disk(folder, 12 * MIB)
    before = free(folder)
    assert make_room(folder, before, free) == []
    assert make_room(folder, before + 1, free) == old[:1]
    assert make_room(folder, before + 3 * MIB, free) == old[1:3]
    assert make_room(folder, 100 * MIB, free) == old[3:]
    assert {"router.log", "own.log", "notes.txt", "router.log.9"} <= {path.name for path in folder.iterdir()}
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"
