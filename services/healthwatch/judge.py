"""What is to be done about a program, from what was seen of it. Pure: values in, actions out; the clock comes in.

What has ended supervisord itself starts again, until it gives up; then it is started from here. What is up and does not
answer `/healthz` is killed, since a wedged process would not stop by itself; what says that a restart helps is
restarted. A missing browser, a missing setting or a tired account never restarts anything. What starts again and again
is told, and each action for it waits longer.

Who drains or has a person sign in is left alone, also where it falls silent meanwhile: for longer than others, and not
for ever, since it may be wedged as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from services.healthwatch.settings import Rules
from services.healthwatch.starts import Starts

Kind: TypeAlias = Literal["kill", "restart", "start", "tell"]
HOUR = 3600.0
SPARED = 6
"""Times as many failures as of others end one that is silent and was busy when it last answered."""
_ROUNDED = 1.0
"""Seconds by which supervisord's uptime may be off."""
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0
_ENDED = ("FATAL", "EXITED", "UNKNOWN")


class Seen(Struct, frozen=True, kw_only=True):
    """One look. state: supervisord's word. up: seconds since its start. alive: whether `/healthz` answered, None where
    it was not asked. cause: why a restart would help, "" where it would not. busy: it drains, or a person signs in.
    busy_for: seconds that this may last at most. leaves: seconds for which it may take no connection any more, since it
    is ending in order; 0 where it takes them, or would to its end."""

    name: str
    state: str
    up: float = 0.0
    alive: bool | None = None
    ready: bool | None = None
    cause: str = ""
    said: str = ""
    busy: bool = False
    busy_for: float = 0.0
    leaves: float = 0.0


class Action(Struct, frozen=True):
    """What to do, and why, in words. tell: nothing but say so."""

    kind: Kind
    name: str
    why: str


class Known(Struct):
    """What is remembered of one program. failures: looks in a row. acted: times of what was done, within the hour.
    in_row: actions since it last worked for longer than a start takes. not_before: when something may be done again.
    told: the last thing said. young: it is within its grace, and looked at again soon. busy_at, busy_until: when it
    last said that it is busy, and when that must be over. closed_at: since when it takes no connection, None where it
    takes them."""

    failures: int = 0
    acted: deque[float] = field(default_factory=deque)
    in_row: int = 0
    not_before: float = 0.0
    told: str = ""
    well: bool = True
    young: bool = False
    busy_at: float = 0.0
    busy_until: float = 0.0
    closed_at: float | None = None
    starts: Starts = field(default_factory=Starts)


class Judge:
    """All programs."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[str, Known] = {}

    def of(self, name: str) -> Known:
        """What is remembered of a program."""
        if name not in self._known:
            self._known[name] = Known()
        return self._known[name]

    def remember(self, acted: Mapping[str, list[float]]) -> None:
        """What an earlier run has done. acted: as `acted` gives it."""
        for name, times in acted.items():
            self.of(name).acted.extend(times)

    def acted(self, now: float) -> dict[str, list[float]]:
        """When what was done within the hour, by program, oldest first."""
        return {
            name: [each for each in known.acted if now - each < HOUR]
            for name, known in self._known.items()
            if known.acted
        }

    def saw(self, name: str, pid: int, up: float, now: float) -> None:
        """A program runs, see `Starts.saw`. One in a crash loop is not started anew by us, too, for a while."""
        known = self.of(name)
        known.starts.saw(pid, up, now)
        if known.starts.loops(now):
            known.in_row = max(known.in_row, known.starts.within(now))
            known.not_before = max(known.not_before, known.starts.last() + _pause(known.in_row))

    def judge(self, seen: Seen, now: float) -> Action | None:
        """What to do now, None for nothing."""
        known = self.of(seen.name)
        _note_busy(seen, known, now)
        wrong = self._wrong(seen)
        known.young = seen.state == "RUNNING" and seen.up < self._rules.grace
        if wrong is None:
            if seen.state == "STOPPED":
                known.starts = Starts()
            loops = bool(known.starts.loops(now))
            if seen.state == "BACKOFF" or loops:
                known.well = False
            if seen.state == "STOPPED" or (
                seen.state == "RUNNING" and not loops and not (known.young and known.in_row)
            ):
                known.failures, known.in_row, known.told, known.well = 0, 0, "", True
            return None
        kind, why = wrong
        known.well = False
        if seen.busy:
            return None
        known.failures += 1
        if known.failures < self._rules.failures and kind != "start":
            return None
        if kind == "kill" and self._spared(seen, known, now):
            return None
        return self._act(seen.name, kind, why, known, now)

    def pause(self, name: str) -> float:
        """Seconds until the next look."""
        known = self.of(name)
        return self._rules.every if known.well and not known.young else self._rules.again

    def _wrong(self, seen: Seen) -> tuple[Kind, str] | None:
        if seen.state in _ENDED:
            return "start", f"it is {seen.state.lower()}" + (f": {seen.said}" if seen.said else "")
        if seen.state != "RUNNING" or seen.up < self._rules.grace:
            return None
        if seen.alive is False:
            return "kill", f"its /healthz does not answer: {seen.said}" if seen.said else "its /healthz does not answer"
        return ("restart", seen.cause) if seen.cause else None

    def _spared(self, seen: Seen, known: Known, now: float) -> bool:
        """Whether one that is silent may still be at what it was busy with, or be ending in order."""
        if known.closed_at is not None and now - known.closed_at < seen.leaves:
            return True
        return now < known.busy_until and known.failures < self._rules.failures * SPARED

    def _act(self, name: str, kind: Kind, why: str, known: Known, now: float) -> Action | None:
        while known.acted and now - known.acted[0] >= HOUR:
            known.acted.popleft()
        if now < known.not_before:
            return None
        if len(known.acted) >= self._rules.most_per_hour:
            text = f"{why}; it was started anew {len(known.acted)} times within an hour, and is left alone now"
            if known.told == text:
                return None
            known.told = text
            return Action("tell", name, text)
        known.acted.append(now)
        known.in_row += 1
        known.failures, known.busy_until = 0, 0.0
        known.not_before = now + _pause(known.in_row)
        return Action(kind, name, why)


def _note_busy(seen: Seen, known: Known, now: float) -> None:
    """Keep what it said of itself for when it says nothing. A process that has begun since knows nothing of it."""
    if seen.busy:
        known.busy_at, known.busy_until = now, now + seen.busy_for
    elif seen.alive is not False or seen.state != "RUNNING" or now - seen.up > known.busy_at + _ROUNDED:
        known.busy_until = 0.0
    if not seen.leaves:
        known.closed_at = None
    elif known.closed_at is None:
        known.closed_at = now


def _pause(in_row: int) -> float:
    """Seconds after so many in a row, at least one."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(10, in_row - 1))
