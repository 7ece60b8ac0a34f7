"""Silence on open responses: one ticker per process instead of a timer per event.

Resolution is a quarter of a second, which is enough for time-outs of many seconds and costs nothing per event.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable

from router.tasks import Tasks

TICK = 0.25


class Watch:
    """One wait that has a limit. Counts only while the peer is waited for (`pause`, `again`)."""

    __slots__ = ("_expired", "_expires", "_owner", "_since", "limit")

    def __init__(self, owner: Patience, limit: float, expires: Callable[[], None]) -> None:
        self._owner = owner
        self._expires = expires
        self._since: float | None = time.monotonic()
        self._expired = False
        self.limit = limit

    def again(self) -> None:
        """The peer is waited for, from now."""
        self._since = time.monotonic()

    def pause(self) -> None:
        """The peer is not waited for."""
        self._since = None

    def check(self, now: float) -> None:
        if self._since is not None and not self._expired and now - self._since > self.limit:
            self._expired = True
            self._expires()

    def __enter__(self) -> Watch:
        self._owner.watches.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._owner.watches.discard(self)


class Patience:
    """All open waits of one owner, looked at four times a second."""

    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self._tasks: Tasks | None = None

    def start(self) -> None:
        """Begin to look, within the running loop. Safe to call twice."""
        if self._tasks is None:
            self._tasks = Tasks("patience")
            self._tasks.periodic(lambda: TICK, self._look, "tick")

    def watch(self, limit: float, expires: Callable[[], None]) -> Watch:
        """A wait of at most `limit` seconds; `expires` is called once if it lasts longer. Use as a context manager."""
        return Watch(self, limit, expires)

    async def _look(self) -> None:
        now = time.monotonic()
        for watch in list(self.watches):
            watch.check(now)

    async def close(self) -> None:
        if self._tasks is not None:
            await self._tasks.close()
            self._tasks = None
