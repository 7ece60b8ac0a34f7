"""The ledger of a real router beside what the simulated providers counted themselves, while clients leave, providers
fail and `kill -9` takes the router away in the middle of calls.

What must hold, call by call (each names itself in its user agent and in its prompt):

- A call has one row, or none where it never reached the router: then no provider saw it and its client got nothing.
- An attempt of a settled call whose answer went out whole is in the ledger to the token and to the micro-dollar, once.
- An attempt that broke off, or whose client went away, is an estimate: above nothing, and at most `ESTIMATE` times what
  the provider would have charged for the whole answer in the usual service. There are never more of them than answers
  that broke off.
- A row that is lost says that its cost is unknown. There is one only where the process was killed while the call ran,
  or within `SETTLES` seconds of its end, at most as many for each kill as calls run at once; and what the providers
  charged for lost calls is exactly what the ledger is short of.

LEDGER_CALLS: how many calls (300). LEDGER_SEED: of what happens to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

from tests.router.api.harness import DIALECTS, ask
from tests.router.api.limit_scenes import awaited, until_either
from tests.router.api.test_ledger import KINDS, ROUTES, TARGETS, buckets, charged
from tests.sdk.router_process import RunningRouter, running_router
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import cut, hang, status
from tests.simulators.server import Attempt

CALLS = int(os.environ.get("LEDGER_CALLS", "300"))
SEED = int(os.environ.get("LEDGER_SEED", "20261128"))
AT_ONCE = 12
BETWEEN = (50, 110)
"""Requests that arrive at the simulators between two kills, the fewest and the most."""
KEYS = 24
"""Accounts of each provider: those that met a fault rest for a while."""
TIERS = {"flex": Fraction(1, 2), "priority": Fraction(7, 4)}
"""What answers of OpenAI in these service tiers cost, times the usual."""
ESTIMATE = 3
SETTLES = 2.0
SCENES = ("plain", "plain", "plain", "plain", "busy", "refused", "breaks", "leaves", "leaves early")
Ending = Literal["whole", "left", "cut", "refused by nobody"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180 + CALLS)]


@dataclass
class Scene:
    """One call. began, ended: monotonic. status, text: what its client got, as far as it came."""

    kind: str
    marker: str
    path: str
    body: Any
    bad: Misbehaviour | None = None
    began: float = 0.0
    ended: float = 0.0
    ending: Ending = "refused by nobody"
    status: int | None = None


def scene(chance: random.Random, number: int) -> Scene:
    """What is asked, and what goes wrong with it."""
    kind, marker, dialect = chance.choice(SCENES), f"zq{number:05d}", chance.choice(DIALECTS)
    stream = kind in ("breaks", "leaves") or chance.random() < 0.5
    words = {"breaks": chance.randint(15, 30), "leaves": 300}.get(kind, chance.randint(1, 60))
    # Some take a while, so that a kill finds calls at every stage.
    gap = 20 if kind == "leaves" else chance.choice((0, 0, 5))
    said = f"{marker} LONG {words}{f' GAP {gap}' if gap else ''} " + "more " * chance.randint(0, 40)
    path, body = ask(dialect, f"first-{chance.choice(list(TARGETS))}", said, stream=stream)
    if dialect == "messages" and chance.random() < 0.5:
        body["system"] = [{"type": "text", "text": "Be brief. " * 30, "cache_control": {"type": "ephemeral"}}]
    if dialect in ("chat", "responses") and chance.random() < 0.4:
        body["service_tier"] = chance.choice(list(TIERS))
    bad: Misbehaviour | None = None
    if kind == "busy":
        bad = status(chance.choice((429, 500, 503, 529)), retry_after="0")
    elif kind == "refused":
        bad = status(400)
    elif kind == "breaks":
        bad = cut(events=chance.randint(1, 6), ending=chance.choice(("cut", "reset", "error", "malformed")))
    elif kind == "leaves early":
        bad = hang()
    return Scene(kind, marker, path, body, bad)


def settings(upstream: Upstream) -> dict[str, Any]:
    def provider(host: str, prefix: str, **more: Any) -> dict[str, Any]:
        keys = [{"key": f"{prefix}{number}"} for number in range(KEYS)]
        return {"base_url": upstream.base_url(host), "api_keys": keys, **more}

    return {
        "providers": {
            "openai": provider("openai", "sk-sim-books-", dialects=["chat", "responses"]),
            "anthropic": provider("anthropic", "sk-ant-sim-books-"),
            "gemini": provider("gemini", "AIzaSim-books-"),
        },
        "models": {"aliases": ROUTES},
        "observe": {"level": "error"},
    }


class World:
    """A router that is killed and started again, over simulators that outlive it. up: whether clients may ask."""

    def __init__(self, folder: Path, upstream: Upstream, facts: dict[str, Any] | None = None) -> None:
        """facts: settings in the place of those of this test."""
        self.folder, self.upstream = folder, upstream
        self._settings = facts or settings(upstream)
        self.up = asyncio.Event()
        self.over = asyncio.Event()
        self.kills: list[float] = []
        self._stack = AsyncExitStack()
        self._router: RunningRouter | None = None

    @property
    def router(self) -> RunningRouter:
        assert self._router is not None
        return self._router

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        await self._start()
        try:
            yield self
        finally:
            await self._stack.aclose()

    async def kill(self, *, everything: bool) -> None:
        """`kill -9` the serving process, which its parent replaces; or the parent too, and start the product again."""
        pid = self.serving()
        if everything:
            self.up.clear()
            os.kill(self.router.pid, signal.SIGKILL)
        self.kills.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        if everything:
            await self._stack.aclose()
            await self._start()
        else:
            await eventually(lambda: self.serving() != pid)

    async def reload(self) -> None:
        """Replace the serving process, which finishes what it has beside the next one."""
        pid = self.serving()
        os.kill(self.router.pid, signal.SIGHUP)
        await eventually(lambda: self.serving() != pid)

    async def settled(self) -> None:
        """Every journal of a dead process is settled, and nothing is in the middle any more."""
        await asyncio.gather(*(attempt.ended.wait() for attempt in self.upstream.requests))
        journal = self.folder / "state" / "journal"
        await eventually(lambda: len(list(journal.glob("*.lock"))) == 1)

    def serving(self) -> int:
        """The process that answers now."""
        with suppress(OSError, ValueError):
            return int(json.loads((self.folder / "state" / "run" / "router.json").read_text())["pid"])
        return 0

    async def _start(self) -> None:
        self._stack = AsyncExitStack()
        starting = running_router(self.folder, self.upstream, settings=self._settings)
        self._router = await self._stack.enter_async_context(starting)
        self.up.set()


async def eventually(test: Callable[[], bool], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not test():
            await asyncio.sleep(0.02)


async def play(world: World, each: Scene) -> None:
    """Ask, and go away when the scene wants it."""
    await world.up.wait()
    headers = {"authorization": f"Bearer {world.router.key}", "user-agent": each.marker}
    if each.bad is not None:
        world.upstream.script(each.bad, model=each.marker)
    each.began = time.monotonic()
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as client:
            asking = asyncio.get_running_loop().create_task(_ask(client, world.router.address + each.path, each))
            if each.kind == "leaves early":
                await until_either(asking, world.upstream.seen(each.marker))
                asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if asking.cancelled():
                each.ending = "left"
            elif (error := asking.exception()) is not None:
                assert isinstance(error, aiohttp.ClientError | ConnectionError), error
                each.ending = "cut"
    finally:
        each.ended = time.monotonic()


async def _ask(client: aiohttp.ClientSession, url: str, each: Scene) -> None:
    async with client.post(url, json=each.body) as response:
        each.status = response.status
        if each.kind == "leaves" and response.status == 200:
            await response.content.readany()
            each.ending = "left"  # and closes the connection
            return
        await response.read()
        each.ending = "whole"


async def trouble(
    world: World,
    chance: random.Random,
    between: tuple[int, int] = BETWEEN,
    make: Callable[[World, random.Random], Awaitable[None]] | None = None,
) -> None:
    """Kills, until the last client is done. make: other trouble."""
    while not world.over.is_set():
        enough = len(world.upstream.requests) + chance.randint(*between)
        arriving = asyncio.get_running_loop().create_task(awaited(world.upstream.count(enough)))
        ending = asyncio.get_running_loop().create_task(world.over.wait())
        await asyncio.wait({arriving, ending}, return_when=asyncio.FIRST_COMPLETED)
        for task in (arriving, ending):
            task.cancel()
        await asyncio.gather(arriving, ending, return_exceptions=True)
        if not world.over.is_set():
            await (make or _kill)(world, chance)


async def _kill(world: World, chance: random.Random) -> None:
    await world.kill(everything=chance.random() < 0.3)


async def play_all(world: World, scenes: list[Scene]) -> None:
    waiting = list(reversed(scenes))

    async def player() -> None:
        while waiting:
            await play(world, waiting.pop())

    async def players() -> None:
        try:
            await asyncio.gather(*(player() for _ in range(AT_ONCE)))
        finally:
            world.over.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(players())
        group.create_task(trouble(world, random.Random(SEED + 1)))


@dataclass
class Books:
    """Both sides, by the calls' own marks."""

    calls: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[str, list[Attempt]] = field(default_factory=lambda: defaultdict(list))


def read(state: Path, upstream: Upstream) -> Books:
    books = Books()
    with closing(sqlite3.connect(state / "switchyard.sqlite")) as database:
        database.row_factory = sqlite3.Row
        database.execute("BEGIN")  # both tables at one moment
        marks: dict[str, str] = {}
        for row in database.execute("SELECT * FROM calls"):
            marks[row["id"]] = row["client"]
            books.calls[row["client"]].append(dict(row))
        for row in database.execute("SELECT * FROM attempts ORDER BY call_id, number"):
            books.attempts[marks[row["call_id"]]].append(dict(row))
    for attempt in upstream.requests:
        at = attempt.request.body.index(b"zq")
        books.seen[attempt.request.body[at : at + 7].decode()].append(attempt)
    return books


def ours(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["provider"], *(row[kind] for kind in KINDS), row["cost"]


def theirs(attempt: Attempt) -> tuple[Any, ...]:
    assert attempt.usage is not None
    times = TIERS.get(attempt.body.get("service_tier"), Fraction(1)) if attempt.host == "openai" else Fraction(1)
    return attempt.host, *buckets(attempt.usage), charged(attempt.host, attempt.usage, times)


def whole(attempt: Attempt) -> bool:
    return attempt.finished and attempt.status == 200


def compare(each: Scene, books: Books, kills: list[float]) -> None:
    """One call in both books."""
    rows, made, seen = books.calls[each.marker], books.attempts[each.marker], books.seen[each.marker]
    if not rows:
        assert not seen, "a provider was asked, and the ledger knows nothing of it"
        assert each.ending in ("cut", "left", "refused by nobody"), each
        assert each.status is None, each
        return
    (row,) = rows
    killed = any(each.began <= kill <= each.ended + SETTLES for kill in kills)
    if row["outcome"] == "lost":
        assert killed, f"lost without a kill: {each}"
        assert (row["cost"], row["worth"]) == (None, None)
        assert not any(row[kind] for kind in KINDS)
        return
    exact = [one for one in made if not one["estimated"] and one["output"] > 0]
    assert Counter(map(ours, exact)) == Counter(theirs(one) for one in seen if whole(one)), each
    for host in TARGETS:
        guessed = [one for one in made if one["estimated"] and one["provider"] == host]
        broken = [one for one in seen if one.host == host and not whole(one)]
        assert len(guessed) <= len(broken), each
        most = max((charged(host, one.usage) for one in broken if one.usage is not None), default=0)
        assert all(0 < one["cost"] <= ESTIMATE * most for one in guessed), (each, guessed, most)
    nothing = [one for one in made if not one["estimated"] and one["output"] == 0]
    assert {one["cost"] for one in nothing} <= {0}, "what was refused costs nothing"
    for column in (*KINDS, "cost", "worth"):  # a call is the sum of its attempts
        assert row[column] == sum(one[column] for one in made), column
    if not killed:
        assert (row["outcome"] == "cancelled") == (each.ending == "left"), each
        assert row["outcome"] == "cancelled" or each.ending == "whole", each
        assert row["outcome"] != "ok" or each.status == 200, each


async def test_the_ledger_is_what_the_providers_counted_although_the_router_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nLEDGER_SEED={SEED} LEDGER_CALLS={CALLS}")
    chance = random.Random(SEED)
    scenes = [scene(chance, number) for number in range(CALLS)]
    began = time.monotonic()
    async with Upstream() as upstream:
        async with World(tmp_path, upstream).running() as world:
            await play_all(world, scenes)
            await world.settled()
        took = time.monotonic() - began  # and ended in order, so that the last calls are in the database too
        books = read(tmp_path / "state", upstream)
        for each in scenes:
            compare(each, books, world.kills)

        assert set(books.calls) <= {each.marker for each in scenes}, "nobody else called"
        rows = [row for found in books.calls.values() for row in found]
        lost = {row["client"] for row in rows if row["outcome"] == "lost"}
        assert world.kills, "nothing was killed"
        assert len(lost) <= AT_ONCE * len(world.kills)
        made = [one for found in books.attempts.values() for one in found]
        for host in TARGETS:  # the same for all calls together: what the ledger is short of is what was lost
            true = [one for one in upstream.requests if one.host == host and whole(one)]
            gone = [one for mark in lost for one in books.seen[mark] if one.host == host and whole(one)]
            exact = [one for one in made if one["provider"] == host and not one["estimated"] and one["output"] > 0]
            totals = [sum(column) for column in zip(*(theirs(one)[1:] for one in true), strict=True)]
            short = [sum(theirs(one)[at] for one in gone) for at in range(1, len(totals) + 1)]
            assert [sum(ours(one)[at] for one in exact) for at in range(1, len(totals) + 1)] == [
                total - less for total, less in zip(totals, short, strict=True)
            ], host
            assert exact, host
        assert {one["service_tier"] for one in made} == {"", *TIERS}
        outcomes = Counter(row["outcome"] for row in rows)
        assert outcomes["ok"] >= CALLS / 3
    with capsys.disabled():
        guess = sum(one["cost"] for one in made if one["estimated"])
        cost = sum(one["cost"] or 0 for one in made)
        uncounted = sum(theirs(one)[-1] for mark in lost for one in books.seen[mark] if whole(one))
        print(
            f"{CALLS} calls in {took:.0f} s, {len(world.kills)} kills, {len(upstream.requests)} upstream requests, "
            f"{len(rows)} rows, {len(made)} attempts; ${cost / 1e6:.6f}, of which ${guess / 1e6:.6f} are estimates; "
            f"{len(lost)} lost rows, for which the providers count ${uncounted / 1e6:.6f} in whole answers; "
            f"{dict(outcomes)}"
        )
