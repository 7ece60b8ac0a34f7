"""Limits of keys over a real router whose serving process, or all of it, is killed with SIGKILL or replaced under load.

What must hold, for each key with a limit, by the rows of the ledger afterwards and what clients were told:

- Nothing is forgotten: nobody was admitted when calls that had ended before already made up the limit, whichever
  process had served them; and a refusal names at least what they had used.
- Nothing counts twice: a refusal names at most what all calls so far can have used, and nobody is refused below.
- Afterwards, and after one more kill, the router shows to the token and the micro-dollar what the rows add up to, and
  refuses by it from the first call on. Rows say what the simulators counted.

While two processes serve, each knows within seconds what the other has settled; a call that was in progress when the
second one began may so pass a limit (`APART`).

LIMIT_CALLS: how many calls (70). LIMIT_SEED: of what happens to them.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.money import MICRO
from tests.e2e.test_ledger_over_kills import KINDS, World, read, trouble
from tests.router.api.limit_oracle import SAID
from tests.router.api.limit_scenes import LOOSE, Scene, play, play_all, scene, settings
from tests.router.api.test_ledger import buckets, charged, whole
from tests.router.api.test_limits_at_random import day_of
from tests.simulators import Upstream

CALLS = int(os.environ.get("LIMIT_CALLS", "70"))
SEED = int(os.environ.get("LIMIT_SEED", "20261128"))
AT_ONCE = 10
MOST = max(2, CALLS // 40)
"""Times that something is killed or replaced."""
MANAGEMENT = "sk-limits-management"
EXPECTED = {"tokens": 900, "usd": 9000}
"""More than any call is expected to use, in tokens and micro-dollars."""
APART = 5.0
SCALE = CALLS / 100
LIMITS: dict[str, dict[str, Any]] = {
    "requests": {"requests_per_minute": 8},
    "tokens-day": {"tokens_per_day": int(1800 * SCALE)},
    "money-month": {"usd_per_month": 0.012 * SCALE},
    "both": {"tokens_per_month": int(1800 * SCALE), "usd_per_day": 0.012 * SCALE},
}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180 + CALLS)]


class Told:
    """A refusal of a limit. sent, got: Unix time."""

    def __init__(self, each: Scene, sent: float, got: float) -> None:
        said = SAID.match(each.refusal)
        assert said is not None, each.text
        self.key, self.limit, self.sent, self.got = each.key, said["limit"], sent, got
        assert said["key"] == each.key and self.limit in LIMITS[each.key]
        times = MICRO if said["unit"] == "USD" else 1
        self.used = float(said["used"].replace(",", "")) * times
        self.exact = 50 if said["unit"] == "USD" else 0  # digits that are told


def most_of(key: str, limit: str) -> int:
    most = LIMITS[key][limit]
    return round(most * MICRO) if limit.startswith("usd") else int(most)


def used(rows: list[dict[str, Any]], limit: str, at: float) -> int:
    """What these calls have used of a limit of a day or a month, at a moment."""
    cut = 7 if limit.endswith("month") else 10
    own = [row for row in rows if day_of(row["at"])[:cut] == day_of(at)[:cut]]
    if limit.startswith("usd"):
        return sum(row["cost"] or 0 for row in own)
    return sum(row[kind] for row in own for kind in KINDS)


def end(row: dict[str, Any]) -> float:
    return float(row["at"] + row["total"])


def admitted(row: dict[str, Any]) -> bool:
    return row["provider"] != ""


def nothing_is_forgotten(rows: list[dict[str, Any]], apart: float) -> None:
    """By the rows of one key, in order of time."""
    key = rows[0]["key_name"]
    asked = [row for row in rows if admitted(row)]
    for limit in LIMITS[key]:
        most = most_of(key, limit)
        for row in asked:
            if limit == "requests_per_minute":  # a call is admitted within two seconds of its beginning
                lately = [one for one in asked if row["at"] - 58 < one["at"] <= row["at"]]
                most_now = most + (AT_ONCE if apart > 1 else 0)
                assert len(lately) <= most_now, (key, limit, len(lately))
            else:
                before = [one for one in asked if end(one) < row["at"] - apart]
                assert used(before, limit, row["at"]) < most, (key, limit, row["id"])


def refusals_are_right(told: list[Told], rows: dict[str, list[dict[str, Any]]], apart: float) -> None:
    for each in told:
        own, most = (
            [row for row in rows[each.key] if admitted(row) and row["at"] <= each.got],
            most_of(each.key, each.limit),
        )
        if each.limit == "requests_per_minute":
            assert each.used >= most and sum(row["at"] > each.sent - 62 for row in own) >= most, "a phantom refusal"
            continue
        over = [row for row in own if end(row) < each.sent - apart]
        unit = each.limit.partition("_")[0]
        running = [row for row in own if end(row) >= each.sent - 1]
        done = [row for row in own if end(row) < each.sent - 1]
        highest = used(done, each.limit, each.sent) + sum(
            max(used([row], each.limit, row["at"]), EXPECTED[unit]) for row in running
        )
        assert highest >= most, f"a phantom refusal: {each.limit} of {each.key}, {highest} of {most}"
        assert used(over, each.limit, each.sent) - each.exact <= each.used <= highest + each.exact, vars(each)


async def shown(world: World) -> dict[tuple[str, str], float]:
    """Used of each budget, as the router says."""
    headers = {"authorization": f"Bearer {MANAGEMENT}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{world.router.address}/v0/management/budgets") as response,
    ):
        budgets = (await response.json())["budgets"]
    return {(each["key"], each["limit"]): each["used"] for each in budgets}


async def counters_are_rows(world: World, rows: dict[str, list[dict[str, Any]]]) -> None:
    now, found = time.time(), await shown(world)
    expected = {
        (key, limit): used(rows.get(key, []), limit, now) / (MICRO if limit.startswith("usd") else 1)
        for key, limits in LIMITS.items()
        for limit in limits
        if not limit.endswith("minute")
    }
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("what", ["killed", "replaced"])
async def test_limits_hold_while_the_router_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    chance, told = random.Random(SEED), list[Told]()
    keys: dict[str, dict[str, Any]] = {name: {"limits": limits} for name, limits in LIMITS.items()}
    scenes = [scene(chance, number, list(keys)) for number in range(CALLS)]
    began, apart = time.monotonic(), 0.05 if what == "killed" else APART
    times = Counter[str]()

    async def make(world: World, chance: random.Random) -> None:
        if times.total() >= MOST:
            await world.over.wait()
            return
        everything = not times["everything"] or chance.random() < 0.2
        if what == "replaced":
            times["replaced"] += 1
            await world.reload()
        else:
            times["everything" if everything else "child"] += 1
            await world.kill(everything=everything)

    async with Upstream() as upstream:
        facts = settings(upstream, keys)
        facts["auth"]["management"] = {"key": MANAGEMENT}
        async with World(tmp_path, upstream, facts).running() as world:

            async def one(each: Scene) -> None:
                await world.up.wait()
                sent = time.time()
                try:
                    await play(world.router.address, upstream, each)
                except (aiohttp.ClientError, ConnectionError):
                    return  # of a router that was killed
                if each.status == 429 and each.whole and "that it may use per" in each.text:
                    told.append(Told(each, sent, time.time()))

            await under(world, trouble_of(world, make), play_all(scenes, AT_ONCE, one))
            await world.settled()
            took = time.monotonic() - began
            rows = await all_rows(world, scenes)
            if what == "killed":
                await counters_are_rows(world, rows)
                await world.kill(everything=False)
            await counters_are_rows(world, rows)
            await exhausted_keys_stay_so(world, rows)
            books = read(tmp_path / "state", upstream)
        rows_are_the_simulators(scenes, books)
    for own in rows.values():
        nothing_is_forgotten(own, apart)
    refusals_are_right(told, rows, apart)
    assert times and told
    with capsys.disabled():
        every = [row for own in rows.values() for row in own]
        outcomes, limits = Counter(row["outcome"] for row in every), Counter(each.limit for each in told)
        print(f"\n{CALLS} calls in {took:.0f} s, {dict(times)}, {len(upstream.requests)} upstream requests,", end=" ")
        print(f"refusals {dict(limits)}, outcomes {dict(outcomes)}")


def trouble_of(world: World, make: Callable[[World, random.Random], Awaitable[None]]) -> Awaitable[None]:
    return trouble(world, random.Random(SEED + 1), (12, 35), make)


async def under(world: World, troubling: Awaitable[None], playing: Awaitable[None]) -> None:
    async def players() -> None:
        try:
            await playing
        finally:
            world.over.set()

    async def troubled() -> None:
        await troubling

    async with asyncio.TaskGroup() as group:
        group.create_task(players())
        group.create_task(troubled())


async def all_rows(world: World, scenes: list[Scene]) -> dict[str, list[dict[str, Any]]]:
    """By key, in order of time, once the last ones are in the database."""
    whole = {each.marker for each in scenes if each.whole}
    async with asyncio.timeout(30):
        while True:
            books = read(world.folder / "state", world.upstream)
            if whole <= books.calls.keys():
                break
            await asyncio.sleep(0.1)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((row for own in books.calls.values() for row in own), key=lambda row: row["at"]):
        found.setdefault(row["key_name"], []).append(row)
    return found


async def exhausted_keys_stay_so(world: World, rows: dict[str, list[dict[str, Any]]]) -> None:
    before = len(world.upstream.requests)
    for number, (key, limits) in enumerate(LIMITS.items()):
        lasting = [limit for limit in limits if not limit.endswith("minute")]
        if not any(used(rows.get(key, []), limit, time.time()) >= most_of(key, limit) for limit in lasting):
            continue
        each = scene(random.Random(SEED + number), 90_000 + number, [key])
        each.kind, each.bad = "plain", []
        await play(world.router.address, world.upstream, each)
        assert each.status == 429 and Told(each, time.time(), time.time()).limit in lasting
    assert len(world.upstream.requests) == before


def rows_are_the_simulators(scenes: list[Scene], books: Any) -> None:
    for each in scenes:
        rows = books.calls[each.marker]
        if each.kind in LOOSE or not rows or rows[0]["outcome"] == "lost":
            continue
        exact = [one for one in books.attempts[each.marker] if not one["estimated"] and one["output"] > 0]
        true = [one for one in books.seen[each.marker] if whole(one)]
        assert Counter((one["provider"], *(one[kind] for kind in KINDS), one["cost"]) for one in exact) == Counter(
            (one.host, *buckets(one.usage), charged(one.host, one.usage)) for one in true if one.usage
        ), each
