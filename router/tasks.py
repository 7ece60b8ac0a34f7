"""The only way to start background work: every task has an owner that awaits or cancels it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger("switchyard.tasks")
T = TypeVar("T")


class Tasks:
    """A group of background tasks with one owner. A failure is logged, never lost; `close` cancels and awaits all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start `work`. Raises `RuntimeError` after `close`."""
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._name} is closed and starts no task {name}")
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def periodic(self, every: Callable[[], float], work: Callable[[], Awaitable[None]], name: str) -> None:
        """Run `work` again and again, `every()` seconds after it ended. A failure is logged and the next run comes."""
        self.spawn(self._repeat(every, work, name), name)

    async def _repeat(self, every: Callable[[], float], work: Callable[[], Awaitable[None]], name: str) -> None:
        while True:
            await asyncio.sleep(every())
            try:
                await work()
            except Exception:
                _log.exception("periodic work %s:%s failed and will run again", self._name, name)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task %s failed", task.get_name(), exc_info=error)

    def __len__(self) -> int:
        return len(self._tasks)

    async def close(self, within: float = 5.0) -> None:
        """Cancel every task and wait for them, at most `within` seconds."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=within)
            for task in pending:
                _log.error("task %s ignored its cancellation", task.get_name())
