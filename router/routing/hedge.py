"""A second target beside a slow first one: how long to wait for the first, and whose answer counts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")
SAMPLES, ENOUGH = 64, 10
"""Newest times that are kept of a target, and how many it takes to say anything."""
SHARE = 0.95
_TARGETS = 512  # model names come from clients, so the memory needs a bound


class FirstTokens:
    """How long targets took until their first token, lately."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str, bool], deque[float]] = {}

    def learn(self, provider: str, model: str, stream: bool, seconds: float) -> None:
        """One answer has begun. stream: unstreamed ones begin with their end, so they are counted apart."""
        key = (provider, model, stream)
        times = self._times.get(key)
        if times is None:
            if len(self._times) >= _TARGETS:
                del self._times[next(iter(self._times))]
            times = self._times[key] = deque(maxlen=SAMPLES)
        times.append(seconds)

    def slow(self, provider: str, model: str, stream: bool) -> float | None:
        """Seconds within which 95 of 100 answers began; None where too few are known."""
        times = self._times.get((provider, model, stream), ())
        if len(times) < ENOUGH:
            return None
        return sorted(times)[min(len(times) - 1, int(len(times) * SHARE))]

    def typical(self, provider: str, model: str, stream: bool) -> float | None:
        """Seconds within which half of the answers began; None where none is known."""
        times = self._times.get((provider, model, stream))
        return sorted(times)[len(times) // 2] if times else None

    def wait(self, wanted: float | Literal["off", "auto"], provider: str, model: str, stream: bool) -> float | None:
        """Seconds until a second target is asked too; None: never."""
        if wanted == "off":
            return None
        return self.slow(provider, model, stream) if wanted == "auto" else wanted


async def first_of(
    first: Coroutine[Any, Any, T],
    wait: float,
    other: Callable[[], Coroutine[Any, Any, T] | None],
    drop: Callable[[T], Coroutine[Any, Any, None]],
) -> list[T | BaseException | None]:
    """What became of one or two attempts: an answer that has begun (at most one: the first that did), why there is
    none, or None where it came too late or was cancelled for the other's sake. other: makes the second attempt,
    None where there is none. drop: lets go of an answer that nobody wants, as it came too late or the caller left."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(first)]
    winner: asyncio.Task[T] | None = None
    try:
        await asyncio.wait(tasks, timeout=wait)
        if not tasks[0].done() and (second := other()) is not None:
            tasks.append(loop.create_task(second))
        while (winner := next(filter(_won, tasks), None)) is None and not all(task.done() for task in tasks):
            await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    finally:
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        for task in tasks:
            if task is not winner and _won(task):
                await drop(task.result())
    return [task.result() if task is winner else _failure(task) for task in tasks]


def _won(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _failure(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
