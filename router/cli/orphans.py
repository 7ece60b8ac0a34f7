"""Programs that a supervisord has left: it was killed, and they go on with nobody to watch them.

supervisord tells each program where its socket is, so the environment of a process says whose it was. That is read from
`/proc`; where there is none, none is found.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from router.cli import supervision
from router.supervisord_rpc import NAME, VARIABLE

ENDS_WITHIN = 100.0
"""Seconds that they get to end in order: the longest `stopwaitsecs` of supervisor.conf."""
KILLED_WITHIN = 10.0
_ALONE = frozenset({"aistudio"})
"""Whose children must not get the signal, as in supervisor.conf."""
_POLL = 0.05


class Orphan(Struct, frozen=True):
    """name: as supervisord knew it. group: of its processes. began: clock ticks after the machine's start, by which its
    pid is known to be still its own."""

    name: str
    pid: int
    parent: int
    group: int
    began: int

    @property
    def uptime(self) -> float:
        """Seconds since its start."""
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up - self.began / os.sysconf("SC_CLK_TCK"))


def left() -> list[Orphan]:
    """The programs of this checkout whose supervisord is gone, without their children. None that this process runs
    under. The current folder must be the checkout."""
    url = f"unix://{supervision.SOCKET.absolute()}"
    found: dict[int, Orphan] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        one = _process(int(entry.name))
        if one is not None and (name := _told(one.pid, url)) is not None:
            found[one.pid] = Orphan(name, one.pid, one.parent, one.group, one.began)
    above = _ancestors()
    return [
        each
        for each in sorted(found.values(), key=lambda each: each.began)
        if each.parent not in found and each.pid not in above and not _supervises(each.parent)
    ]


def end(
    found: Sequence[Orphan],
    within: float = ENDS_WITHIN,
    *,
    look: Callable[[], Iterable[Orphan]] = left,
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> list[Orphan]:
    """SIGTERM, and SIGKILL for what is left after so many seconds, children included. Those that live all the same."""
    for each in found:
        _signal(each, signal.SIGTERM, alone=each.name in _ALONE)
    deadline = now() + within
    while any(_lives(each) for each in found) and now() < deadline:
        pause(_POLL)
    deadline = now() + KILLED_WITHIN
    while rest := list(look()):
        if now() >= deadline:
            return rest
        for each in rest:
            _signal(each, signal.SIGKILL)
        pause(_POLL)
    return []


def in_words(found: Iterable[Orphan]) -> str:
    """`router (12), healthwatch (13)`."""
    return ", ".join(f"{each.name} ({each.pid})" for each in found)


def _lives(one: Orphan) -> bool:
    found = _process(one.pid)
    return found is not None and found.began == one.began


def _signal(one: Orphan, number: int, *, alone: bool = False) -> None:
    if not _lives(one):
        return
    try:
        if alone or one.group != one.pid:
            os.kill(one.pid, number)
        else:
            os.killpg(one.group, number)
    except (ProcessLookupError, PermissionError):  # ended meanwhile; or no longer ours, and told as one that lives
        return


def _process(pid: int) -> Orphan | None:
    """A process that has not ended, without its name; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        if fields[0] in "ZXx":
            return None
        return Orphan("", pid, int(fields[1]), int(fields[2]), int(fields[19]))
    except (OSError, ValueError, IndexError):
        return None


def _told(pid: int, url: str) -> str | None:
    """What the supervisord with this socket has called it; None where it told it nothing, or another did."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    words = dict(entry.decode("utf-8", "replace").partition("=")[::2] for entry in entries)
    return words.get(NAME) if words.get(VARIABLE) == url else None


def _supervises(pid: int) -> bool:
    """Whether it is a supervisord of this checkout, which may have lost its socket."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"supervisord" in words and Path(f"/proc/{pid}/cwd").samefile(Path.cwd())
    except OSError:
        return False


def _ancestors() -> set[int]:
    above, pid = set[int](), os.getpid()
    while pid > 0 and pid not in above:
        above.add(pid)
        one = _process(pid)
        pid = one.parent if one is not None else 0
    return above
