"""What programs were started anew for, so that nobody has to search the logs for why one is so young. Pure."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from router.healed import DAY, LONGEST, MOST, Healed

_SAME = 45.0
"""Seconds within which an end that supervisord noted is that of a program which was killed from here."""
_LINE = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \w+ exited: (\S+) \((.{1,200}?)(?:; (?:not )?expected)?\)$"
)
"""supervisord's own words, see `supervisor.process.Subprocess.finish`; what it was told to stop is "stopped" there."""


def told(history: Mapping[str, Iterable[Healed]], now: float) -> dict[str, list[dict[str, Any]]]:
    """What can be kept in a file: the last day. now: seconds since 1970."""
    lately = {name: [each for each in entries if now - each.at < DAY] for name, entries in history.items()}
    return {
        name: [{"at": round(each.at, 3), "kind": each.kind, "why": each.why} for each in entries]
        for name, entries in lately.items()
        if entries
    }


def ends(log: str) -> list[tuple[str, float, str]]:
    """The programs that ended by themselves, as supervisord's log has them: name, seconds since 1970, how."""
    found = []
    for line in log.splitlines():
        if (match := _LINE.match(line)) is not None:
            stamp, thousandths, name, how = match.groups()
            with contextlib.suppress(ValueError, OverflowError):  # it is no time
                at = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) + int(thousandths) / 1000
                found.append((name, at, how))
    return found


class History:
    """Of all programs, within the last day."""

    def __init__(self, kept: Mapping[str, list[Healed]] | None = None) -> None:
        self.of: dict[str, list[Healed]] = {name: list(entries) for name, entries in (kept or {}).items()}

    def add(self, name: str, healed: Healed) -> bool:
        """Whether it is new. An end that is known already, or that was brought about from here, is not; nor one from
        before all that is kept: it was here once, and supervisord's log still has it."""
        before = self.of.setdefault(name, [])
        if healed.kind == "ended" and len(before) == MOST and healed.at < min(each.at for each in before):
            return False
        if healed.kind == "ended" and any(
            abs(each.at - healed.at) < 0.01 if each.kind == "ended" else 0 <= healed.at - each.at < _SAME
            for each in before
        ):
            return False
        before.append(Healed(at=healed.at, kind=healed.kind, why=healed.why[:LONGEST]))
        del before[:-MOST]
        return True
