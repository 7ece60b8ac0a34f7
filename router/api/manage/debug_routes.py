"""What this process is doing: only where the setting ``observe.debug`` is on, and on this machine alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from router.api.identify import local
from router.api.manage.operation import Asked, Operation, Refused
from router.gateway import Gateway
from router.observe.debugging import Debugging, Memory, Profile, ProfilerTaken, TaskRow

MOST = 2000


class Running(Struct, frozen=True):
    """count: of all tasks. tasks: the oldest of them."""

    count: int
    tasks: list[TaskRow]


class Trace(Struct, forbid_unknown_fields=True):
    """on: from now on; false ends it."""

    on: bool


class Watched(Struct, forbid_unknown_fields=True):
    """seconds: how long."""

    seconds: Annotated[float, Meta(ge=0.1, le=60)] = 10.0


class DebugDesk:
    """Reads `Debugging`."""

    def __init__(self, gateway: Gateway, debugging: Debugging) -> None:
        self._gateway = gateway
        self._debugging = debugging

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/debug/tasks", need="admin", name="debug_tasks", answer=Running,
                handler=self.tasks, summary="The tasks of this process: coroutine, age, and where each one waits.",
            ),
            Operation(
                method="GET", path="/debug/memory", need="admin", name="debug_memory", answer=Memory,
                handler=self.memory, summary="Memory of this process, its collector, and allocations while traced.",
            ),
            Operation(
                method="PUT", path="/debug/tracing", need="admin", name="debug_tracing", body=Trace,
                handler=self.trace, audited=True,
                summary="Trace allocations from now on, which slows everything down, or end that.",
            ),
            Operation(
                method="POST", path="/debug/profile", need="admin", name="debug_profile", body=Watched, answer=Profile,
                handler=self.profile, audited=True,
                summary="Where the time of the event loop goes, for some seconds in which it is slower.",
            ),
        ]  # fmt: skip

    async def tasks(self, asked: Asked) -> Running:
        self._check(asked)
        rows = self._debugging.tasks()
        return Running(len(rows), rows[:MOST])

    async def memory(self, asked: Asked) -> Memory:
        self._check(asked)
        return await asyncio.to_thread(self._debugging.memory)

    async def trace(self, asked: Asked) -> None:
        self._check(asked)
        wanted: Trace = asked.body
        self._debugging.trace(wanted.on)

    async def profile(self, asked: Asked) -> Profile:
        self._check(asked)
        wanted: Watched = asked.body
        try:
            return await self._debugging.profile(wanted.seconds)
        except ProfilerTaken:
            raise Refused(409, "A profile is being taken already. Ask again when it is over.") from None

    def _check(self, asked: Asked) -> None:
        if not local(asked.request):
            raise Refused(403, "What the process is doing is told on this machine only.")
        if not self._gateway.current.settings.observe.debug:
            raise Refused(404, "Debugging is off: set observe.debug to true.")
