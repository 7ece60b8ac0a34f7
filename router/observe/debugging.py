"""What this process is doing, for whoever looks for a mistake in it (the setting ``observe.debug``): its tasks with
their ages, its memory, where its time goes. Costs a little for each new task, so it is off by default."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from msgspec import Struct

if TYPE_CHECKING:
    import cProfile

TOP = 30
"""Places of allocation that are told."""
_UNIT = 1 if sys.platform == "darwin" else 1024
_STATM = Path("/proc/self/statm")


class TaskRow(Struct, frozen=True):
    """One task. coroutine: its qualified name. age: seconds, None where it is older than debugging. at: file and line
    where it waits."""

    name: str
    coroutine: str
    age: float | None
    at: str


class Allocated(Struct, frozen=True):
    """What one line of code has allocated and not given back. size: bytes."""

    at: str
    size: int
    count: int


class Traced(Struct, frozen=True):
    """Bytes since tracing began: now, and at most."""

    current: int
    peak: int
    top: list[Allocated]


class Memory(Struct, frozen=True):
    """resident: bytes of this process in memory now, None where the system does not tell; peak: at most. pending:
    objects that wait for each generation of the collector. collections, uncollectable: since the start. traced: None
    while allocations are not traced."""

    resident: int | None
    peak: int
    pending: list[int]
    collections: list[int]
    uncollectable: int
    traced: Traced | None


class Spent(Struct, frozen=True):
    """What one function took while it was watched. calls: how often it was called. own, whole: seconds without and with
    what it called itself."""

    at: str
    function: str
    calls: int
    own: float
    whole: float


class Profile(Struct, frozen=True):
    """seconds: how long it was watched. busy: seconds of that in which the event loop's thread ran Python. top: the
    functions that took most by themselves."""

    seconds: float
    busy: float
    top: list[Spent]


class ProfilerTaken(Exception):
    """There is one profiler in a process, and it is at work."""


class Debugging:
    """monotonic: the time by which ages are told."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._on = False
        self._before: Any = None
        self._births: WeakKeyDictionary[asyncio.Task[Any], float] = WeakKeyDictionary()
        self._traces = False
        self._profiling: asyncio.Event | None = None

    def follow(self, on: bool) -> None:
        """Begin or end, as the settings say. In the running loop."""
        if on == self._on:
            return
        loop = asyncio.get_running_loop()
        self._on = on
        if on:
            self._before = loop.get_task_factory()
            loop.set_task_factory(self._made)
        else:
            loop.set_task_factory(self._before)
            self._births.clear()
            self.trace(False)
            if self._profiling is not None:
                self._profiling.set()

    def trace(self, on: bool) -> None:
        """Follow every allocation from now on, or end that. Slows everything down."""
        if self._traces:
            tracemalloc.stop()
            self._traces = False
        if on and not tracemalloc.is_tracing():
            tracemalloc.start()
            self._traces = True

    def tasks(self) -> list[TaskRow]:
        """Every task of the running loop, the oldest first."""
        now = self._monotonic()
        rows = [self._row(task, now) for task in asyncio.all_tasks()]
        return sorted(rows, key=lambda row: (row.age is not None, -(row.age or 0.0), row.name))

    def memory(self) -> Memory:
        """Reads from the system; where allocations are traced it takes a while, so use a thread."""
        return Memory(
            resident=_resident(),
            peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT,
            pending=list(gc.get_count()),
            collections=[each["collections"] for each in gc.get_stats()],
            uncollectable=sum(each["uncollectable"] for each in gc.get_stats()),
            traced=_traced() if tracemalloc.is_tracing() else None,
        )

    async def profile(self, seconds: float) -> Profile:
        """Watch what the event loop's thread does for so long, or until debugging ends. Slows it down meanwhile. Raises
        `ProfilerTaken` where that is done already."""
        if self._profiling is not None:
            raise ProfilerTaken
        import cProfile  # at no start of a router that is never watched

        watched, began = cProfile.Profile(), self._monotonic()
        self._profiling = ended = asyncio.Event()
        try:
            watched.enable()
        except ValueError as error:  # somebody else's
            self._profiling = None
            raise ProfilerTaken from error
        try:
            async with asyncio.timeout(seconds):
                await ended.wait()
        except TimeoutError:
            pass
        finally:
            watched.disable()
            self._profiling = None
        return _profile(watched, self._monotonic() - began)

    def _made(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        self._births[task] = self._monotonic()
        return task

    def _row(self, task: asyncio.Task[Any], now: float) -> TaskRow:
        born = self._births.get(task)
        coroutine = task.get_coro()
        stack = task.get_stack(limit=1)
        return TaskRow(
            name=task.get_name(),
            coroutine=str(getattr(coroutine, "__qualname__", None) or type(coroutine).__name__),
            age=None if born is None else round(now - born, 3),
            at=f"{_short(stack[0].f_code.co_filename)}:{stack[0].f_lineno}" if stack else "",
        )


def _resident() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _traced() -> Traced:
    current, peak = tracemalloc.get_traced_memory()
    found = tracemalloc.take_snapshot().statistics("lineno")[:TOP]
    rows = [
        Allocated(f"{_short(each.traceback[0].filename)}:{each.traceback[0].lineno}", each.size, each.count)
        for each in found
    ]
    return Traced(current, peak, rows)


def _profile(watched: cProfile.Profile, seconds: float) -> Profile:
    import pstats

    rows = [
        Spent(_place(file, line), function, calls, round(own, 6), round(whole, 6))
        for (file, line, function), (_, calls, own, whole, _) in pstats.Stats(watched).stats.items()  # type: ignore[attr-defined]
        if "select.epoll" not in function and "select.kqueue" not in function  # waiting
    ]
    rows.sort(key=lambda row: row.own, reverse=True)
    return Profile(round(seconds, 3), round(sum(row.own for row in rows), 3), rows[:TOP])


def _place(file: str, line: int) -> str:
    """Empty for what is not written in Python."""
    return "" if file == "~" else f"{_short(file)}:{line}"


def _short(file: str) -> str:
    """The end of a path, which tells enough."""
    return "/".join(file.split("/")[-3:])
