"""The router's side of the simulation: real plans, attempts, health, keeper and renewals over a simulated world."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from router.accounts.affinity import Affinity
from router.accounts.credential import Credential
from router.accounts.health import Health
from router.accounts.health_row import HealthRow
from router.accounts.keeper import Keeper
from router.accounts.record import Account
from router.accounts.refresh import Refresher
from router.accounts.sessions import Sessions
from router.accounts.stores.base import Contents
from router.call import Call, Caller, Limits, Record
from router.faults import Fault
from router.patience import Patience
from router.providers.config import ProviderConfig
from router.providers.lanes import Batch
from router.providers.observed import Observed
from router.providers.run import Opened
from router.routing.attempt import Attempts
from router.routing.choose import look
from router.routing.cooldown import CIRCUIT, LONGEST_GUESS, LONGEST_HINT, Entry, Key
from router.routing.plan import plan
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from router.tasks import Tasks
from tests.router.accounts.world import ACCOUNTS, DIALECT_OF, World
from tests.router.routing.making import CHAT, crowd, table
from tests.virtual import VirtualClock

HOUR = 3600.0
LOOK_EVERY = 30.0
CHECK_EVERY = 60.0
LIMITS = Limits(max_attempts=50, deadline=600.0)
"""So that a call ends for want of accounts alone, and not of its budget."""
ROUTES = [
    ("^any$", [["claude-oauth", "chatgpt-oauth", "openai"], ["gemini-cli", "qwen-oauth", "kimi-oauth"]]),
    ("^coding$", [["copilot", "xai-oauth"], "kimi-oauth", "openai"]),
    *((f"^of-{provider}$", [provider]) for provider in DIALECT_OF),
]
MODELS = ("any", "coding", *(f"of-{provider}" for provider in DIALECT_OF))


class Disk:
    """What survives a restart: account files, and the rows of health with the rule of the database."""

    def __init__(self) -> None:
        self.accounts: dict[str, Credential] = {}
        self.rows: dict[tuple[str, str, str], HealthRow] = {}
        self.saves = 0
        self._locked: set[str] = set()

    def load(self) -> Contents:
        return Contents(tuple(self.accounts.values()))

    def read(self, account: str) -> Credential | None:
        return self.accounts.get(account)

    def save(self, credential: Credential) -> None:
        self.saves += 1
        self.accounts[credential.id] = credential

    def delete(self, account: str) -> bool:
        return self.accounts.pop(account, None) is not None

    def rename(self, account: str, label: str) -> Credential:
        raise NotImplementedError

    @contextmanager
    def lock(self, account: str, within: float = 60.0) -> Iterator[None]:
        if account in self._locked:
            raise TimeoutError
        self._locked.add(account)
        try:
            yield
        finally:
            self._locked.discard(account)

    def version(self) -> object:
        return self.saves

    def save_health(self, rows: list[HealthRow]) -> None:
        for row in rows:
            key = (row.account, row.scope, row.key)
            known = self.rows.get(key)
            if known is not None and known.at > row.at:
                continue
            if row.state == "ready":
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


class _Audit:
    def record(self, *said: Any) -> None:
        pass


class _Lane:
    """An answer: its first content at once, the rest when its time has come."""

    def __init__(self, seconds: float) -> None:
        self.observed = Observed()
        self._seconds = seconds

    async def batches(self) -> AsyncIterator[Batch]:
        yield Batch(b"first", True)
        await asyncio.sleep(self._seconds)
        yield Batch(b"last", True)

    def failure(self, fault: Fault) -> list[bytes]:
        return []

    async def close(self) -> None:
        pass


class Process:
    """One router process, between two restarts."""

    def __init__(self, clock: VirtualClock, chance: random.Random, world: World, disk: Disk) -> None:
        self.world = world
        self.disk = disk
        self.clock = clock
        self.chance = chance
        self.health = Health(clock, random.Random(chance.random()))
        self.health.load(disk.rows.values())
        facts = shipped_sign_ins()

        async def way(sign_in: Any, stored: Credential, ask: Any) -> Any:
            return await world.renew(sign_in, stored, asyncio.sleep)

        self.refresher = Refresher(
            disk,
            dict.fromkeys(DIALECT_OF, way),
            facts.__getitem__,
            self._nobody,
            clock,
            random.Random(chance.random()),
            settled=lambda account, outcome: self.keeper.learn(account, outcome),
        )
        audit: Any = _Audit()
        self.keeper = Keeper(
            disk, self.refresher, self.health, audit, clock, active=lambda _: True, changed=lambda: None
        )
        runner: Any = self
        self.sessions = Sessions(clock, ttl=HOUR)
        patience = Patience()
        self.attempts = Attempts(
            runner,
            self.health,
            Affinity(clock),
            clock,
            random.Random(1),
            patience,
            self.sessions,
            crowd(clock, patience),
        )
        self.tasks = Tasks("process")
        self.secrets: dict[Fault, Secret] = {}

    async def _nobody(self, request: Any) -> Any:
        raise AssertionError("nothing is sent in a simulation")

    async def start(self) -> None:
        await self.keeper.reload()
        self.tasks.periodic(lambda: LOOK_EVERY, self.keeper.look, "look after accounts")
        known = self.keeper.accounts()
        key = Account(id="openai/a", provider="openai", label="a", secret=Secret("sk"))
        kinds: dict[str, Any] = dict.fromkeys(DIALECT_OF)
        made = [
            ProviderConfig(id=each, kind=_kind(each), accounts=known.get(each, (key,)), base_urls=("http://x",))
            for each in kinds
        ]
        self.providers = {provider.id: provider for provider in made}
        self.table = table(*made, rules=[(pattern, _ranks(ranks)) for pattern, ranks in ROUTES])

    async def stop(self, *, crash: bool) -> None:
        """crash: what was learnt since the last save is lost."""
        await self.tasks.close()
        await self.keeper.close()
        if not crash:
            self.save()

    def save(self) -> None:
        self.disk.save_health(self.health.dirty())

    async def open(self, call: Any, plan: Any, candidate: Any, provider: Any, account: Account, *rest: Any) -> Opened:
        """In the place of the runner."""
        secret = (await self.keeper.access(account.id)).secret if account.stored else account.secret
        await asyncio.sleep(self.chance.uniform(0.1, 4.0))
        try:
            self.world.serve(account.id, secret.reveal(), candidate.model)
        except Fault as fault:
            self.secrets[fault] = secret
            raise
        return Opened(lane=_Lane(self.chance.uniform(1.0, 90.0)), name="raw")

    async def renew(self, account: Account, fault: Fault) -> bool:
        return fault in self.secrets and await self.keeper.renew(account.id, self.secrets.pop(fault))

    async def call(self, model: str, rotation: int) -> Fault | None:
        """One request to its end. Raises `AssertionError` where it was refused though an account was ready."""
        record = Record(call_id="req_1", dialect="chat", surface="chat", asked=model)
        chosen = plan(self.table, model, needs=CHAT, rotation=rotation)
        call = Call(
            id="req_1",
            dialect="chat",
            asked=model,
            stream=True,
            body=b"{}",
            caller=Caller(key_id="k", key_name="k"),
            session=f"session-{self.chance.randrange(40)}",
        )
        try:
            begun = await self.attempts.begin(call, chosen, self.providers, LIMITS, record)
        except Fault as fault:
            if fault.kind != "bad_request":
                self._nobody_was_ready(record, chosen)
            return fault
        finally:
            self.secrets.clear()
        async for _ in begun.rest:
            pass
        await begun.complete()
        return None

    def _nobody_was_ready(self, record: Record, chosen: Any) -> None:
        tried = {attempt.account for attempt in record.tries}
        view = self.health.snapshot()
        for candidate in chosen.candidates:
            outlook = look(self.providers[candidate.provider], candidate.model, view, avoid=tried)
            assert outlook.account is None, f"{outlook.account.id} was ready and was not asked: {record.tries}"


def _kind(provider: str) -> Any:
    return provider


def _ranks(ranks: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(rank) if isinstance(rank, list) else rank for rank in ranks)


def beyond_its_cap(key: Key, entry: Entry) -> bool:
    """Whether something cools for longer than it may."""
    if entry.state not in ("cooling", "probing", "refused") or entry.until is None:
        return False
    if entry.hinted:
        return entry.until - entry.at > LONGEST_HINT + 1e-6
    return entry.until - entry.at > (CIRCUIT[-1] if key[1] == "target" else LONGEST_GUESS) + 1e-6


class Run:
    """Two days, and what came of them."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self.clock = clock
        self.chance = random.Random(seed)
        self.world = World(clock, self.chance)
        self.disk = Disk()
        self.disk.accounts = {credential.id: credential for credential in self.world.credentials()}
        self.answered = self.refused = self.restarts = 0
        self.calls: set[asyncio.Task[Any]] = set()
        self.failures: list[BaseException] = []

    async def hours(self, count: int, *, every: float) -> None:
        """So many hours, each with a process of its own; calls come every so many seconds on average."""
        for _ in range(count):
            process = Process(self.clock, self.chance, self.world, self.disk)
            await process.start()
            await self._hour(process, every)
            for task in list(self.calls):
                task.cancel()
            await asyncio.gather(*self.calls, return_exceptions=True)
            await process.stop(crash=self.chance.random() < 0.3)
            self.restarts += 1

    async def _hour(self, process: Process, every: float) -> None:
        tasks = Tasks("calls")
        end, checked = self.clock.wall() + HOUR, self.clock.wall()
        while self.clock.wall() < end:
            await asyncio.sleep(self.chance.expovariate(1 / every))
            task = tasks.spawn(self._one(process), "call")
            self.calls.add(task)
            task.add_done_callback(self.calls.discard)
            while checked + CHECK_EVERY <= self.clock.wall():
                checked += CHECK_EVERY
                self.world.trouble()
                process.save()
                self._check(process)
        with contextlib.suppress(TimeoutError):
            await tasks.close()

    async def _one(self, process: Process) -> None:
        try:
            fault = await process.call(self.chance.choice(MODELS), self.chance.randrange(12))
        except AssertionError as error:
            self.failures.append(error)
            return
        if fault is None:
            self.answered += 1
        else:
            self.refused += 1

    def _check(self, process: Process) -> None:
        for key, entry in process.health.snapshot().entries.items():
            assert not beyond_its_cap(key, entry), (key, entry)
            if key[1] != "target" and entry.until is None and entry.state == "refused":
                assert not self.world.people[key[0]].healthy, (key, entry)
            if entry.state == "needs_login":
                assert self.world.people[key[0]].dead, (key, entry)


async def two_days(clock: VirtualClock, seed: int) -> tuple[Run, dict[str, int]]:
    """Two days of trouble, then two hours of calm. Gives the run, and who answered in the last hour."""
    run = Run(clock, seed)
    await run.hours(48, every=40.0)
    run.world.settle_down()
    await run.hours(1, every=40.0)
    before = {account: run.world.people[account].served for account in ACCOUNTS}
    await run.hours(1, every=15.0)
    return run, {account: run.world.people[account].served - before[account] for account in ACCOUNTS}
