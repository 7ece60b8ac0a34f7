"""Looks at every program when its time has come, and does what the judge says."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
import xmlrpc.client
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import aiohttp
from msgspec.structs import replace

from router import on_demand
from router.healed import DAY, Healed
from router.tasks import Tasks
from services.healthwatch.asking import look
from services.healthwatch.history import History
from services.healthwatch.hub import management_key, serving, sessions
from services.healthwatch.judge import Action, Judge, Seen
from services.healthwatch.memory import Memory
from services.healthwatch.room import make_room
from services.healthwatch.settings import Plan, Watched
from services.healthwatch.stopped import Stopped
from services.healthwatch.supervisor import Running
from services.link.cause import Cause

_log = logging.getLogger("switchyard.healthwatch")
SHORTEST = 0.2
LONGEST = 1.0
"""Seconds between two rounds."""
PATIENCE = 1.0
"""Seconds that a round waits for its programs; one whose end takes longer is waited for beside the next rounds."""
LATE = 30.0
"""Seconds without a finished round after which this program does not do its job."""
_MIB = 1024 * 1024


class Supervises(Protocol):
    """supervisord, see `services.healthwatch.supervisor.Supervisor`."""

    def running(self) -> list[Running]: ...

    def ended(self) -> list[tuple[str, float, str]]: ...

    def act(self, action: Action, pid: int) -> None: ...


class Watch:
    """plan: asked anew before each round, so that what the settings turn on is looked at. now: monotonic seconds.
    wall: seconds since 1970. free: bytes that a folder's disk has left. patience: seconds. memory: what outlives this
    process."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        supervisor: Supervises,
        *,
        now: Callable[[], float],
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        patience: float = PATIENCE,
        wall: Callable[[], float] = time.time,
        memory: Memory | None = None,
    ) -> None:
        self._wall = wall
        self._memory = memory
        self._saving = asyncio.Lock()
        self._finished = now()
        self._patience = patience
        self._plan = plan
        self._supervisor = supervisor
        self._now = now
        self._free = free
        self._due: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}
        self._rules = plan().rules
        self._judge = Judge(self._rules)
        if memory is not None:
            self._judge.remember(memory.load())
        self._stopped = Stopped(memory.stopped() if memory is not None else None)
        self._history = History(memory.healed() if memory is not None else None)
        self._serves: tuple[object, ...] = ()
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
                    await asyncio.sleep(max(SHORTEST, min([*self._due.values(), self._now() + LONGEST]) - self._now()))
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
            self._finished = self._now()
            return
        self._lost = ""
        now = self._now()
        watched = {each.name for each in plan.programs}
        self._seen = {name: seen for name, seen in self._seen.items() if name in watched}  # and not what is no more
        for known in running.values():
            if known.state == "RUNNING":
                self._judge.saw(known.name, known.pid, known.up, now)
        await self._look_back(running, plan)
        await self._take_up(running)
        for each in plan.programs:
            if each.name in running and each.name not in self._looks and self._due.get(each.name, 0.0) <= now:
                self._due[each.name] = now + plan.rules.again  # unless the look itself says something else
                look_now = self._one(session, each, running[each.name], plan)
                self._looks[each.name] = self._tasks.spawn(look_now, each.name)
        if self._looks:
            await asyncio.wait(self._looks.values(), timeout=self._patience)
        self._looks = {name: task for name, task in self._looks.items() if not task.done()}
        self._finished = self._now()

    async def _look_back(self, running: Mapping[str, Running], plan: Plan) -> None:
        """Keep what ended by itself and was started anew without us: by supervisord, or by the router's parent."""
        router = serving(plan.state)
        serves = (*sorted((each.name, each.pid) for each in running.values()), router and router.started)
        if serves == self._serves:
            return
        try:
            found = await asyncio.to_thread(self._supervisor.ended)
        except (OSError, xmlrpc.client.Error) as error:
            _log.debug("supervisord's log cannot be read: %s", error)
            return
        if router is not None and router.after:
            found.append(("router", router.started, router.after))
        self._serves, news = serves, False
        for name, at, how in found:
            lately = name in running and name not in on_demand.NAMES and self._wall() - at < DAY
            if lately and self._history.add(name, Healed(at=at, kind="ended", why=how)):
                self.done[(name, "ended")] = self.done.get((name, "ended"), 0) + 1
                news = True
        if news:
            await self._save()

    async def _take_up(self, running: Mapping[str, Running]) -> None:
        """Start what an earlier run, or a try that failed, has stopped and not started again."""
        owed, forgotten = self._stopped.owed({each.name: each.state for each in running.values()}, self._looks)
        for name in owed:
            action = Action("start", name, "it was stopped to be started anew, and that did not come to its end")
            self._looks[name] = self._tasks.spawn(self._act(action, running[name].pid), name)
        if forgotten:
            await self._save()

    async def _one(self, session: aiohttp.ClientSession, program: Watched, known: Running, plan: Plan) -> None:
        if program.name == "router":
            found = serving(plan.state)
            program = replace(program, address=found.address if found is not None else program.address)
        before = self._seen.get(program.name)
        seen = await look(session, program, known.state, known.up, known.said)
        if program.session and await self._without_session(session, program.session, seen, plan):
            seen = replace(seen, cause="it has no session at the router's relay")
        self._seen[program.name] = seen
        action = self._judge.judge(seen, self._now())
        if before is not None and _in_words(before) != _in_words(seen):
            _log.info("%s: %s", seen.name, _in_words(seen))
        if action is not None:
            await self._act(action, known.pid)
        self._due[program.name] = self._now() + self._judge.pause(program.name)

    async def _without_session(self, session: aiohttp.ClientSession, name: str, seen: Seen, plan: Plan) -> bool:
        """Whether a service that calls itself ready is not at the relay of a router that works."""
        router, found = self._seen.get("router"), serving(plan.state)
        if seen.state != "RUNNING" or seen.alive is False or seen.ready is False or seen.cause:
            return False
        if router is None or router.state != "RUNNING" or not router.alive or not self._judge.of("router").well:
            return False
        if found is None or self._wall() - found.started < plan.rules.grace:
            return False  # who has just come to serve gets its sessions one by one
        key = plan.key or await asyncio.to_thread(management_key, plan.state / "keys" / "management.key")
        names = await sessions(session, found.address, key) if key is not None else None
        return names is not None and name not in names

    async def _act(self, action: Action, pid: int) -> None:
        at = (action.name, action.kind)
        self.done[at] = self.done.get(at, 0) + 1
        _log.warning("%s: %s, because %s", action.name, _DOES[action.kind], action.why)
        if action.kind == "tell":
            return
        self._history.add(action.name, Healed(at=self._wall(), kind=_DOES[action.kind], why=action.why))
        if action.kind == "restart":
            self._stopped.since[action.name] = self._now()
        await self._save()
        try:
            await asyncio.to_thread(self._supervisor.act, action, pid)
        except (OSError, xmlrpc.client.Error) as error:
            _log.error("%s could not be started anew: %s", action.name, str(error)[:200] or type(error).__name__)
            return
        if self._stopped.over(action.name):
            await self._save()

    async def _save(self) -> None:
        """Before anything is done, so that what ends this process here is counted too."""
        if self._memory is None:
            return
        async with self._saving:
            try:
                acted = self._judge.acted(self._now())
                await asyncio.to_thread(self._memory.save, acted, dict(self._stopped.since), dict(self._history.of))
            except OSError as error:
                _log.warning("what was done cannot be kept for after a restart: %s", error)

    def _disks(self, plan: Plan) -> None:
        for name, folder in (("state", plan.state), ("logs", plan.logs)):
            try:
                free = self._free(folder)
            except OSError:
                continue
            low = plan.rules.disk_free * _MIB
            if free < low <= self._full.get(name, low):
                _log.warning("the disk of %s has %d MiB left", folder, free // _MIB)
            if free < low and name == "logs":
                free = self._with_room(folder, low, free)
            self._full[name] = free

    def _with_room(self, folder: Path, low: int, free: int) -> int:
        """What is free once old logs have gone: without room supervisord can begin no new file, and closes a log that
        it cannot replace."""
        try:
            gone = make_room(folder, low, self._free)
            free = self._free(folder)
        except OSError as error:
            _log.warning("no room can be made in %s: %s", folder, error.strerror)
            return free
        if gone:
            names = ", ".join(path.name for path in gone)
            _log.warning("removed old logs (%s): %d MiB are free now", names, free // _MIB)
        return free

    def causes(self) -> list[Cause]:
        """What is wrong with the programs; only a supervisord that does not answer, or rounds that do not come to an
        end, keep this one from its work."""
        now = self._now()
        loops = {name: self._judge.of(name).starts.loops(now) for name in self._seen}
        found = [
            Cause(cause="program", text=f"{seen.name}: {_in_words(seen)}", blocking=False)
            for seen in self._seen.values()
            if not self._judge.of(seen.name).well and not (loops[seen.name] and _in_words(seen) == _WORKS)
        ]
        found += [
            Cause(cause="crash_loop", text=f"{name}: {loop}; last lines: see logs/{name}.log", blocking=False)
            for name, loop in loops.items()
            if loop
        ]
        found += [
            Cause(cause="disk", text=f"the disk of {name} has {free // _MIB} MiB left", blocking=False)
            for name, free in self._full.items()
            if free < self._rules.disk_free * _MIB
        ]
        if self._lost:
            found.append(Cause(cause="supervisord", text=f"supervisord does not answer ({self._lost})"))
        if now - self._finished > LATE:
            text = f"the last look at the programs came to its end {now - self._finished:.0f} s ago"
            found.append(Cause(cause="rounds", text=text, restart_helps=True))
        return found

    def metrics(self) -> str:
        """Prometheus text."""
        lines = ["# HELP switchyard_healthwatch_up Whether a program works.", "# TYPE switchyard_healthwatch_up gauge"]
        for name, seen in sorted(self._seen.items()):
            works = seen.state == "RUNNING" and self._judge.of(name).well
            lines.append(f'switchyard_healthwatch_up{{program="{name}"}} {int(works)}')
        now = self._now()
        lines += [
            "# HELP switchyard_healthwatch_starts How often a program was seen to start within two minutes.",
            "# TYPE switchyard_healthwatch_starts gauge",
        ]
        for name in sorted(self._seen):
            lines.append(f'switchyard_healthwatch_starts{{program="{name}"}} {self._judge.of(name).starts.within(now)}')
        lines += [
            "# HELP switchyard_healthwatch_round_age_seconds Seconds since the last look at the programs was over.",
            "# TYPE switchyard_healthwatch_round_age_seconds gauge",
            f"switchyard_healthwatch_round_age_seconds {now - self._finished:.3f}",
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
_WORKS = "works"


def _in_words(seen: Seen) -> str:
    if seen.state != "RUNNING":
        return seen.state.lower() + (f": {seen.said}" if seen.said else "")
    if seen.alive is False:
        return "does not answer"
    if seen.cause:
        return seen.cause
    return "not ready" if seen.ready is False else _WORKS
