"""The table of `status`: a row for each process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from router import healed


@dataclass
class Row:
    """One process. `wrong` is empty when all is well. `healed`: what it was started anew for within the last day."""

    name: str
    state: str
    pid: int | None
    uptime: float | None
    health: str
    port: int | None
    wrong: str = ""
    healed: list[healed.Healed] = field(default_factory=list)


def show(rows: list[Row]) -> None:
    """Print it."""
    head = ("process", "state", "pid", "uptime", "health", "port", "what is wrong")
    table = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head) - 1)]
    for line in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip())
    for row in rows:
        if row.healed:
            print(_healed(row, time.time()))


def _healed(row: Row, now: float) -> str:
    """What it was started anew for, the newest in words."""
    last, count = row.healed[-1], len(row.healed)
    times = "once" if count == 1 else f"{count} times{' or more' if count == healed.MOST else ''}"
    why = f"it ended: {last.why}" if last.kind == "ended" else f"{last.kind}, because {last.why}"
    since = duration(max(0.0, now - last.at))
    return (
        f"{row.name} was started anew {times} within a day, {'' if count == 1 else 'the last time '}{since} ago: {why}."
    )


def _cells(row: Row) -> tuple[str, ...]:
    port, pid = (str(value) if value is not None else "-" for value in (row.port, row.pid))
    return row.name, row.state, pid, duration(row.uptime), row.health, port, row.wrong or "-"


def duration(seconds: float | None) -> str:
    """``3d 4h``, ``2h 5m``, ``1m 3s`` or ``9s``."""
    if seconds is None:
        return "-"
    rest = int(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if rest >= size or (unit == "s" and not parts):
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return " ".join(parts[:2])
