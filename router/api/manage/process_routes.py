"""The programs that run beside the router under supervisord, and the router itself: how they are, and started anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.api.manage.operation import Asked, Operation, Refused
from router.healed import Healed
from router.supervisord import Process, Supervisord, Unstarted, Unsupervised

ROUTER = "router"


class Processes(Struct, frozen=True):
    processes: list[Process]


class Restarted(Struct, frozen=True):
    """text: what was done."""

    name: str
    state: str
    text: str


class ProcessDesk:
    """replace: has the parent replace this very process without refusing a connection; False where there is none.
    healed: what programs were started anew for, by name; blocks."""

    def __init__(
        self, supervisord: Supervisord, replace: Callable[[], bool], healed: Callable[[], Mapping[str, list[Healed]]]
    ) -> None:
        self._supervisord = supervisord
        self._replace = replace
        self._healed = healed
        self._under_way: set[str] = set()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/processes", need="viewer", name="processes", answer=Processes, handler=self.all,
                summary="The programs under supervisord: state, uptime, exit, what is wrong, why started anew.",
            ),
            Operation(
                method="POST", path="/processes/{name}/restart", need="admin", name="process_restart",
                answer=Restarted, handler=self.restart, audited=True,
                summary="Start a program anew. The router is replaced without refusing a connection.",
            ),
        ]  # fmt: skip

    async def all(self, asked: Asked) -> Processes:
        try:
            found = await asyncio.to_thread(self._supervisord.processes)
            lately = await asyncio.to_thread(self._healed)
            return Processes([replace(each, healed=lately.get(each.name, ())) for each in found])
        except Unsupervised as problem:
            raise Refused(503, str(problem)) from None

    async def restart(self, asked: Asked) -> Restarted:
        name = asked.path["name"]
        if name == ROUTER:
            if not self._replace():
                raise Refused(503, "This router runs without its parent process, which alone can replace it.")
            return Restarted(name, "running", "A new process is about to take over; this one ends its calls first.")
        if name in self._under_way:
            raise Refused(409, f"{name} is being started anew already.")
        self._under_way.add(name)
        try:
            process = await asyncio.to_thread(self._supervisord.restart, name)
        except KeyError:
            raise Refused(404, f"supervisord knows no program {name[:100]!r}; GET /processes lists them.") from None
        except Unstarted as problem:
            raise Refused(503, f"{name} did not start: {problem}") from None
        except Unsupervised as problem:
            raise Refused(503, str(problem)) from None
        finally:
            self._under_way.discard(name)
        if process is None:
            text = f"{name} is stopped: turn it on in the settings, and `make up` or `make reload` starts it."
            raise Refused(409, text)
        return Restarted(name, process.state, f"{name} has been started anew.")
