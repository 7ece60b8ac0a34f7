"""The table of `status`: a row for each process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Row:
    """One process. `wrong` is empty when all is well."""

    name: str
    state: str
    pid: int | None
    uptime: float | None
    health: str
    port: int | None
    wrong: str = ""


def show(rows: list[Row]) -> None:
    """Print it."""
    head = ("process", "state", "pid", "uptime", "health", "port", "what is wrong")
    table = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head) - 1)]
    for line in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip())


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
