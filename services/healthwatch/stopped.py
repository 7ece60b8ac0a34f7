"""What was stopped from here and is to be started at once. Pure.

Between the two this program may be killed, and nothing distinguishes what it leaves from what an operator has stopped:
so it is written down before, and taken up by the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Stopped:
    """since: when each was told to stop, in monotonic seconds."""

    def __init__(self, since: Mapping[str, float] | None = None) -> None:
        self.since = dict(since or {})

    def over(self, name: str) -> bool:
        """It is started again. Whether it was among these."""
        return self.since.pop(name, None) is not None

    def owed(self, states: Mapping[str, str], at_work: Collection[str]) -> tuple[list[str], bool]:
        """Those to be started now, and whether others were forgotten, since they did not stop or were started.

        states: supervisord's words by program. at_work: those that are just being started anew."""
        open_ones = [name for name in self.since if name not in at_work]
        forgotten = [name for name in open_ones if states.get(name) not in ("STOPPED", "STOPPING")]
        for name in forgotten:
            del self.since[name]
        return [name for name in open_ones if states.get(name) == "STOPPED"], bool(forgotten)
