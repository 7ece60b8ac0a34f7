"""One soak: a router process, a service process, erring simulators, clients of every temper, and trouble.

First everything at once, with processes that are killed and replaced; then, in a fresh router process, everything but
that, so that what it holds at the end can be compared with what it held at the beginning.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.sdk.router_process import KEY, RunningRouter, running_router
from tests.soak.books import lines, mistakes
from tests.soak.calls import ALIAS, TARGETS
from tests.soak.clients import Clients
from tests.soak.processes import Held, Service, Troubles, held, metrics
from tests.soak.upstream import ErringUpstream

SERVICE_KEY = "sk-service-of-the-soak"
KEYS = 6
"""Accounts of each provider: those that met a fault rest for a while."""
Trouble = Callable[[], Awaitable[None]]
TROUBLED, WARM = 0.5, 0.15
"""Shares of the time: processes are killed and replaced; the last one fills its caches, before it is looked."""


@dataclass(frozen=True)
class Plan:
    """seconds: of load, altogether. rate: share of attempts that misbehave. trouble: seconds between two troubles, the
    shortest and the longest. rest: seconds without a call before it is looked what the router's process holds; after
    60 it has closed its idle connections. growth, descriptors: what it may hold more after the load than before it."""

    seconds: float
    clients: int
    seed: int = 1
    rate: float = 0.06
    trouble: tuple[float, float] = (3.0, 10.0)
    rest: float = 65.0
    growth: int = 32 << 20
    descriptors: int = 8
    sample: float = 1.0


def short(seconds: float, clients: int, seed: int) -> Plan:
    """One that is over soon: trouble comes at once, and idle connections are still open when it is looked."""
    more = 8 + clients
    return Plan(seconds, clients, seed, trouble=(0.3, 0.8), rest=0.5, descriptors=more, sample=0.25)


@dataclass
class Found:
    """What a soak found. arrived: attempts at the simulators. recovered: calls that were whole although an attempt
    failed. wrong: everything that may not be. samples: what was held when, and the outcomes so far."""

    plan: Plan
    began: float
    outcomes: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    records: int = 0
    arrived: int = 0
    misbehaved: int = 0
    recovered: int = 0
    before: Held | None = None
    after: Held | None = None
    events: list[tuple[float, str]] = field(default_factory=list)
    samples: list[tuple[Held, dict[str, int]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def settings(upstream: ErringUpstream) -> dict[str, Any]:
    """Limits that are short enough for a soak, and several accounts of each provider."""

    def provider(host: str, prefix: str, **more: Any) -> dict[str, Any]:
        keys = [{"key": f"{prefix}{number}"} for number in range(KEYS)]
        return {"base_url": upstream.base_url(host), "api_keys": keys, **more}

    return {
        "providers": {
            "openai": provider("openai", "sk-sim-soak-", dialects=["chat", "responses"]),
            "anthropic": provider("anthropic", "sk-ant-sim-soak-"),
            "gemini": provider("gemini", "AIzaSim-soak-"),
        },
        "models": {"aliases": {ALIAS: TARGETS}},
        "observe": {"format": "json"},
        "retry": {"deadline": 10.0},
        "server": {
            "timeouts": {"first_token": 3.0, "slow_first_token": 4.0, "idle": 1.5, "content_stall": 4.0, "drain": 20.0}
        },
    }


async def soak(folder: Path, plan: Plan) -> Found:
    """Run it. Raises `AssertionError` only where the product cannot even be started."""
    _many_descriptors()
    keys = folder / "router" / "state" / "keys"
    keys.mkdir(parents=True)
    (keys / "service.key").write_text(SERVICE_KEY)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    headers = {"authorization": f"Bearer {KEY}"}
    upstream = ErringUpstream(plan.seed, plan.rate)
    async with (
        upstream,
        running_router(folder / "router", upstream, settings=settings(upstream)) as router,
        aiohttp.ClientSession(connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as http,
    ):
        service = Service(router.address, upstream.base_url("gemini"), SERVICE_KEY, folder / "service.log")
        await service.start()
        try:
            return await _Soak(folder, plan, upstream, router, http, service).run()
        finally:
            await service.kill()


class _Soak:
    def __init__(
        self,
        folder: Path,
        plan: Plan,
        upstream: ErringUpstream,
        router: RunningRouter,
        http: aiohttp.ClientSession,
        service: Service,
    ) -> None:
        self.plan = plan
        self.upstream = upstream
        self.router = router
        self.http = http
        self.troubles = Troubles(router, folder / "router" / "state", service)
        self.clients = Clients(router.address, http, plan.seed)
        self.chance = random.Random(plan.seed)
        self.found = Found(plan, time.monotonic())
        self.last_from = 0.0

    async def run(self) -> Found:
        plan, found = self.plan, self.found
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(self._sample())
            await self._phase(plan.seconds * TROUBLED, (self.troubles.killed, self.troubles.replaced))
            await self.troubles.replaced()
            await self._idle()
            self.last_from = time.monotonic()
            await self._phase(plan.seconds * WARM, ())  # caches and pools fill up
            found.before = await self._idle()
            await self._phase(plan.seconds * (1 - TROUBLED - WARM), ())
            found.after = await self._idle()
            told = await metrics(self.http, self.router.address)
            sampling.cancel()
        self._settle(told)
        return found

    async def _phase(self, seconds: float, troubles: tuple[Trouble, ...]) -> None:
        """Load for so long, and trouble meanwhile; then every call has ended."""
        over = asyncio.Event()
        deadline = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self.clients.load(self.plan.clients, over))
            kinds = [*troubles, self.troubles.service_killed]
            turn = 0
            while (left := deadline - time.monotonic()) > 0:
                pause = self.chance.uniform(*self.plan.trouble)
                await asyncio.sleep(min(left, pause))
                if pause < left:  # each kind once before any comes again
                    await kinds[turn % len(kinds)]()
                    turn += 1
            over.set()

    async def _idle(self) -> Held:
        """What the serving process holds when nobody asks it anything."""
        async with asyncio.timeout(45):
            while (told := await metrics(self.http, self.router.address)).get(
                "switchyard_open_requests", 1
            ) > 0 or told["switchyard_relay_open_calls"] > 0:
                await asyncio.sleep(0.1)
        pid = self.troubles.serving()
        await asyncio.sleep(self.plan.rest)
        state = held(pid, 0)
        assert state is not None, "the serving process is gone"
        return state

    async def _sample(self) -> None:
        while True:
            told = await metrics(self.http, self.router.address)
            state = held(self.troubles.serving(), int(told.get("switchyard_open_requests", -1)))
            if state is not None:
                self.found.samples.append((state, dict(self.clients.counts)))
            await asyncio.sleep(self.plan.sample)

    def _settle(self, told: Mapping[str, float]) -> None:
        found, plan, results = self.found, self.plan, self.clients.results
        with self.router.log.open(encoding="utf-8", errors="replace") as log:
            records = lines(log)
        direct, relayed = self.upstream.direct, self.upstream.relayed
        found.wrong = mistakes(results, records, direct, relayed, self.troubles.kills)
        found.wrong += self._metrics_wrong(told, records)
        found.outcomes, found.calls, found.records = self.clients.counts, len(results), len(records)
        found.arrived, found.misbehaved = direct.total() + relayed.total(), self.upstream.misbehaved
        found.recovered = sum(
            record["outcome"] == "ok" and any(each["outcome"] != "ok" for each in record["attempts"])
            for record in records
        )
        found.events = self.troubles.events
        before, after = found.before, found.after
        assert before is not None and after is not None
        if before.pid != after.pid:
            found.wrong.append(f"process {before.pid} was replaced by {after.pid}, and nobody had asked for it")
        if after.rss - before.rss > plan.growth:
            found.wrong.append(f"memory grew by {after.rss - before.rss} bytes")
        if after.descriptors - before.descriptors > plan.descriptors:
            found.wrong.append(f"descriptors: {before.descriptors} before, {after.descriptors} after")
        if self.clients.open:
            found.wrong.append(f"{self.clients.open} calls have not ended")

    def _metrics_wrong(self, told: Mapping[str, float], records: list[dict[str, Any]]) -> list[str]:
        """The last process counted what it wrote a line for."""
        marks = {result.wish.mark for result in self.clients.results if result.began >= self.last_from}
        written = sum(record["client"] in marks for record in records)
        surfaces = {record["surface"] for record in records}
        counted = sum(
            value for name, value in told.items()
            if name.startswith("switchyard_requests_total{") and any(f'surface="{one}"' in name for one in surfaces)
        )  # fmt: skip
        return [] if counted == written else [f"the metrics count {counted:g} calls, the log has {written}"]


def _many_descriptors() -> None:
    """Clients and simulators are in one process; the router takes the limit over."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
