"""Memory of a tree of processes as proportional set size: sums of resident size count shared pages many times."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def descendants(root: int, proc: Path = _PROC) -> list[int]:
    """All processes below `root`, from the parents that /proc tells."""
    children: dict[int, list[int]] = {}
    for folder in proc.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = list(children.get(root, ()))
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, ())
    return found


def proportional(pids: list[int], proc: Path = _PROC) -> int:
    """Bytes; processes that have ended meanwhile count nothing."""
    total = 0
    for pid in pids:
        try:
            lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024


def of_browsers() -> int:
    """Bytes of everything that this process has started: Playwright's driver and the browsers."""
    return proportional(descendants(os.getpid()))
