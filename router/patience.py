"""Waits that have a limit: one ticker per process instead of a timer for each of them.

Resolution is a quarter of a second, which is enough for time-outs of many seconds and costs nothing per event.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Callable
from typing import Any

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

    def waited(self) -> float:
        """Seconds that the peer has been waited for."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def resume(self, waited: float) -> None:
        """The peer is waited for as if it had been for `waited` seconds already."""
        self._since = time.monotonic() - waited

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


class Limit(Watch):
    """At most so many seconds for a block of the current task; then `TimeoutError`, as `asyncio.timeout` raises it.

    The ticker cancels the task while it waits inside the block, so the cancellation always arrives inside it.
    """

    __slots__ = ("_task",)

    def __init__(self, owner: Patience, seconds: float, task: asyncio.Task[Any]) -> None:
        super().__init__(owner, seconds, self._cancel)
        self._task = task

    def _cancel(self) -> None:
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        if self._expired and cancelled and self._task.uncancel() == 0:
            raise TimeoutError from error


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

    def limit(self, seconds: float, task: asyncio.Task[Any] | None = None) -> Limit:
        """A limit for a block of the current task. Use as a context manager. task: the current one, if known."""
        task = task or asyncio.current_task()
        if task is None:
            raise RuntimeError("there is no task to limit")
        return Limit(self, seconds, task)

    async def _look(self) -> None:
        now = time.monotonic()
        for watch in list(self.watches):
            watch.check(now)

    async def close(self) -> None:
        if self._tasks is not None:
            await self._tasks.close()
            self._tasks = None
