"""Looks at every program when its time has come, and does what the judge says."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import aiohttp
from msgspec.structs import replace

from router.tasks import Tasks
from services.healthwatch.asking import look
from services.healthwatch.judge import Action, Judge, Seen
from services.healthwatch.settings import Plan, Watched
from services.healthwatch.supervisor import Running
from services.link.cause import Cause

_log = logging.getLogger("switchyard.healthwatch")
SHORTEST = 0.2
PATIENCE = 5.0
"""Seconds that a round waits for its programs; one whose end takes longer is waited for beside the next rounds."""
_MIB = 1024 * 1024


class Supervises(Protocol):
    """supervisord, see `services.healthwatch.supervisor.Supervisor`."""

    def running(self) -> list[Running]: ...

    def act(self, action: Action, pid: int) -> None: ...


class Watch:
    """plan: asked anew before each round, so that what the settings turn on is looked at. now: monotonic seconds.
    free: bytes that a folder's disk has left. patience: seconds."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        supervisor: Supervises,
        *,
        now: Callable[[], float],
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        patience: float = PATIENCE,
    ) -> None:
        self._patience = patience
        self._plan = plan
        self._supervisor = supervisor
        self._now = now
        self._free = free
        self._due: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}
        self._rules = plan().rules
        self._judge = Judge(self._rules)
        self._lost = ""
        self._tasks = Tasks("looks")
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._full: dict[str, int] = {}
        self.done: dict[tuple[str, str], int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(force_close=True)  # a kept connection would lead to a process that has gone
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            try:
                while True:
                    try:
                        await self.round(session)
                    except Exception:
                        _log.exception("a round failed and comes again")
                    await asyncio.sleep(max(SHORTEST, min([*self._due.values(), self._now() + 1.0]) - self._now()))
            finally:
                await self.close()

    async def close(self) -> None:
        """End the looks that still wait. No round may follow."""
        await self._tasks.close()

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Look at whatever is due."""
        plan = self._plan()
        self._disks(plan)
        try:
            running = {each.name: each for each in await asyncio.to_thread(self._supervisor.running)}
        except (OSError, xmlrpc.client.Error) as error:
            if not self._lost:
                _log.warning("supervisord does not answer: %s", type(error).__name__)
            self._lost = type(error).__name__
            return
        self._lost = ""
        now = self._now()
        for each in plan.programs:
            if each.name in running and each.name not in self._looks and self._due.get(each.name, 0.0) <= now:
                self._due[each.name] = now + plan.rules.again  # unless the look itself says something else
                look_now = self._one(session, each, running[each.name], plan)
                self._looks[each.name] = self._tasks.spawn(look_now, each.name)
        if self._looks:
            await asyncio.wait(self._looks.values(), timeout=self._patience)
        self._looks = {name: task for name, task in self._looks.items() if not task.done()}

    async def _one(self, session: aiohttp.ClientSession, program: Watched, known: Running, plan: Plan) -> None:
        if program.name == "router":
            program = replace(program, address=_router(plan.state, program.address))
        before = self._seen.get(program.name)
        seen = await look(session, program, known.state, known.up, known.said)
        self._seen[program.name] = seen
        action = self._judge.judge(seen, self._now())
        if before is not None and _in_words(before) != _in_words(seen):
            _log.info("%s: %s", seen.name, _in_words(seen))
        if action is not None:
            await self._act(action, known.pid)
        self._due[program.name] = self._now() + self._judge.pause(program.name)

    async def _act(self, action: Action, pid: int) -> None:
        at = (action.name, action.kind)
        self.done[at] = self.done.get(at, 0) + 1
        _log.warning("%s: %s, because %s", action.name, _DOES[action.kind], action.why)
        if action.kind == "tell":
            return
        try:
            await asyncio.to_thread(self._supervisor.act, action, pid)
        except (OSError, xmlrpc.client.Error) as error:
            _log.error("%s could not be started anew: %s", action.name, str(error)[:200] or type(error).__name__)

    def _disks(self, plan: Plan) -> None:
        for name, folder in (("state", plan.state), ("logs", plan.logs)):
            try:
                free = self._free(folder)
            except OSError:
                continue
            low = plan.rules.disk_free * _MIB
            if free < low <= self._full.get(name, low):
                _log.warning("the disk of %s has %d MiB left", folder, free // _MIB)
            self._full[name] = free

    def causes(self) -> list[Cause]:
        """What is wrong with the programs; only a supervisord that does not answer keeps this one from its work."""
        found = [
            Cause(cause="program", text=f"{seen.name}: {_in_words(seen)}", blocking=False)
            for seen in self._seen.values()
            if not self._judge.of(seen.name).well
        ]
        found += [
            Cause(cause="disk", text=f"the disk of {name} has {free // _MIB} MiB left", blocking=False)
            for name, free in self._full.items()
            if free < self._rules.disk_free * _MIB
        ]
        if self._lost:
            found.append(Cause(cause="supervisord", text=f"supervisord does not answer ({self._lost})"))
        return found

    def metrics(self) -> str:
        """Prometheus text."""
        lines = ["# HELP switchyard_healthwatch_up Whether a program works.", "# TYPE switchyard_healthwatch_up gauge"]
        for name, seen in sorted(self._seen.items()):
            works = seen.state == "RUNNING" and self._judge.of(name).well
            lines.append(f'switchyard_healthwatch_up{{program="{name}"}} {int(works)}')
        lines += [
            "# HELP switchyard_healthwatch_actions_total What was done to programs that did not work.",
            "# TYPE switchyard_healthwatch_actions_total counter",
        ]
        lines += [
            f'switchyard_healthwatch_actions_total{{program="{name}",action="{kind}"}} {count}'
            for (name, kind), count in sorted(self.done.items())
        ]
        lines += [
            "# HELP switchyard_healthwatch_disk_free_bytes What the disks of logs and state have left.",
            "# TYPE switchyard_healthwatch_disk_free_bytes gauge",
        ]
        lines += [
            f'switchyard_healthwatch_disk_free_bytes{{folder="{name}"}} {free}' for name, free in self._full.items()
        ]
        return "\n".join(lines) + "\n"


_DOES = {"kill": "killed", "restart": "restarted", "start": "started", "tell": "left alone"}


def _in_words(seen: Seen) -> str:
    if seen.state != "RUNNING":
        return seen.state.lower()
    if seen.alive is False:
        return "does not answer"
    if seen.cause:
        return seen.cause
    return "not ready" if seen.ready is False else "works"


def _router(state: Path, otherwise: str) -> str:
    """Where the serving process listens, as it wrote down itself."""
    try:
        facts = json.loads((state / "run" / "router.json").read_text(encoding="utf-8"))
        host, port = facts["addresses"][0]
        scheme = str(facts["scheme"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return otherwise
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared only
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
