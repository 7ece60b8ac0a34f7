"""Many keys with limits of every kind, asked at random, all at once, while clients leave, providers fail and break off,
minutes, days and months end, and the ledger is moved and read at any moment.

What must hold, by a model of the test's own (`limit_oracle.py`) that hears every admission, refusal and settlement:

- Nobody is admitted beyond a limit, so none is passed by more than what was in flight. Nobody is refused below it.
- A refusal says whose limit it is, how much was used, and when it ends, in the caller's dialect.
- When all calls are over nothing is held for them, and counters, rows and the simulators' own count are the same.

LIMIT_CALLS: how many calls (200). LIMIT_SEEDS: how many runs (1). LIMIT_SEED: of the first one.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from router.money import MICRO
from tests.router.api.harness import Running, running
from tests.router.api.limit_oracle import Oracle
from tests.router.api.limit_scenes import LOOSE, Scene, play, play_all, population, scene, settings
from tests.router.api.test_ledger import KINDS, TARGETS, buckets, charged, rows, whole
from tests.simulators import Upstream

CALLS = int(os.environ.get("LIMIT_CALLS", "200"))
SEEDS = int(os.environ.get("LIMIT_SEEDS", "1"))
SEED = int(os.environ.get("LIMIT_SEED", "20261128"))
AT_ONCE = 16
BEGAN = datetime(2026, 11, 29, 21, 50, tzinfo=UTC).timestamp()


class Moved:
    """A clock whose wall time stands still until it is moved; what waits, waits in real time."""

    def __init__(self) -> None:
        self.now = BEGAN

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return time.monotonic()

    def move(self, chance: random.Random) -> None:
        """On by a moment; sometimes by a minute, to around midnight, or to around the end of the month."""
        what = chance.random()
        if what < 0.97:
            self.now += chance.uniform(0.0, 0.5)
        elif what < 0.99:
            self.now += chance.choice((20.0, 59.9, 60.0, 61.0))
        elif what < 0.9975:
            self.now = max(self.now, (self.now // 86_400 + 1) * 86_400 - chance.choice((0.5, 0.1)))
        else:
            today = datetime.fromtimestamp(self.now, UTC)
            year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
            self.now = max(self.now, datetime(year, month, 1, tzinfo=UTC).timestamp() - chance.choice((0.4, 0.05)))


class Beside:
    """Hears what the budgets of a router decide, and lets the model judge it at once."""

    def __init__(self, router: Running, oracle: Oracle, firsts: dict[str, str]) -> None:
        self.oracle, self.firsts = oracle, firsts
        self.wrong: list[BaseException] = []
        budgets = router.router._gateway.budgets
        self._reserve, self._settle = budgets.reserve, budgets.settle
        self.spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
        budgets.reserve, budgets.settle = self.reserve, self.settle

    def reserve(self, call_id: str, key: Any, estimate: Any, began: float | None = None) -> str:
        try:
            told = self._reserve(call_id, key, estimate, began)
        except Fault as fault:
            self._judge(self.oracle.was_refused, call_id, key.name, fault)
            raise
        self._judge(self.oracle.admitted, call_id, key.name, began, estimate, estimate.model.removeprefix("first-"))
        return told

    def settle(self, record: Any) -> None:
        self._settle(record)
        self._judge(self.oracle.settled, record.call_id, record)

    def _judge(self, judgement: Any, *facts: Any) -> None:
        try:
            judgement(*facts)
        except BaseException as problem:  # told by the test: in a call it would become an error of the router
            self.wrong.append(problem)


def in_micro(limits: dict[str, Any]) -> dict[str, int]:
    return {name: round(most * MICRO) if name.startswith("usd") else most for name, most in limits.items()}


@pytest.mark.timeout(120 + CALLS)
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
async def test_limits_hold_and_nobody_is_refused_below_them(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    chance, keys, clock = random.Random(seed), population(), Moved()
    scenes = [scene(chance, number, list(keys)) for number in range(CALLS)]
    oracle = Oracle({name: in_micro(facts.get("limits", {})) for name, facts in keys.items()}, clock.wall)
    began = time.monotonic()
    async with running(upstream, tmp_path, settings(upstream, keys), clock=clock) as router:
        await router.router.recall.known.wait()
        beside, gateway = Beside(router, oracle, {each.marker: each.first for each in scenes}), router.router._gateway
        spans = Spans(router)

        async def one(each: Scene) -> None:
            router.router._health._entries.clear()  # else most calls would find every account cooling
            clock.move(chance)
            spans.sent(each)
            await play(router.url, upstream, each)
            spans.got(each)
            assert not beside.wrong, f"seed {seed}: {beside.wrong[0]!r}"

        stirring = asyncio.get_running_loop().create_task(stir(router, random.Random(seed)))
        try:
            await play_all(scenes, AT_ONCE, one)
        finally:
            stirring.cancel()
            await asyncio.gather(stirring, return_exceptions=True)
        await router.until(lambda: gateway.open_calls == 0)
        await asyncio.gather(*(attempt.ended.wait() for attempt in upstream.requests))
        took = time.monotonic() - began
        assert not beside.wrong, f"seed {seed}: {beside.wrong[0]!r}"
        nothing_is_held(router, oracle)
        counters_are_the_models(router, oracle)
        await gateway.budgets.refresh()
        counters_are_the_models(router, oracle)
        assert gateway.budgets.waiting() == [], "all of it is in the ledger"
        calls, attempts = rows(router, "SELECT * FROM calls"), rows(router, "SELECT * FROM attempts")
        rows_are_the_models(calls, oracle)
        rows_are_the_simulators(calls, attempts, scenes, upstream)
    oracle.check_excess()
    named = Counter(refusals(scenes, oracle, keys))
    spans.check(keys)
    assert named["concurrency"] and any("minute" in name for name in named), named
    assert any("day" in name or "month" in name for name in named), named
    assert named.keys() >= ({*oracle.limits["everything"], "concurrency"} if CALLS >= 1000 else set()), named
    with capsys.disabled():
        outcomes = Counter(call["outcome"] for call in calls)
        days = {day_of(call["at"]) for call in calls}
        print(f"\nseed {seed}: {CALLS} calls in {took:.0f} s, {len(upstream.requests)} upstream requests,", end=" ")
        print(f"{len(days)} days, refusals {dict(named)}, outcomes {dict(outcomes)}")


async def stir(router: Running, chance: random.Random) -> None:
    """The ledger is moved and read at moments of its own choice."""
    while True:
        await asyncio.sleep(chance.uniform(0, 0.1))
        work = router.router._gateway.budgets.refresh if chance.random() < 0.5 else router.router._gateway.ledger.move
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.choice((0.005, 10.0))):  # some give up in the middle
                await work()


class Spans:
    """When the calls of each key were under way, as their clients saw it and as the router settled them."""

    def __init__(self, router: Running) -> None:
        self._begun: dict[str, tuple[str, float]] = {}
        self._ended: dict[str, float] = {}
        self._refused: list[tuple[Scene, float]] = []
        gateway = router.router._gateway
        settle = gateway.settle

        def settled(record: Any) -> None:
            settle(record)
            self._ended[record.caller.client] = time.monotonic()

        gateway.settle = settled

    def sent(self, each: Scene) -> None:
        self._begun[each.marker] = each.key, time.monotonic()

    def got(self, each: Scene) -> None:
        if each.status == 429 and "calls in progress, and its concurrency" in each.text:
            self._refused.append((each, time.monotonic()))

    def check(self, keys: dict[str, dict[str, Any]]) -> None:
        """Whoever was refused for calls at once met as many as the key may have, all at one moment."""
        for each, got in self._refused:
            facts, sent = keys[each.key], self._begun[each.marker][1]
            assert f"The key '{each.key}' has {facts['concurrency']} calls in progress" in each.refusal
            assert 1 <= int(each.headers["retry-after"]) <= 60
            others = [
                (began, self._ended.get(marker, began))
                for marker, (key, began) in self._begun.items()
                if key == each.key and marker != each.marker
            ]
            moments = [sent, *(began for began, _ in others if sent < began < got)]
            most = max(sum(began <= at <= ended for began, ended in others) for at in moments)
            assert most >= facts["concurrency"] + facts.get("queue", 0), "a phantom refusal"


def refusals(scenes: list[Scene], oracle: Oracle, keys: dict[str, Any]) -> Iterator[str]:
    """Which limits clients were told of; and each was told rightly."""
    told = 0
    for each in scenes:
        if each.status != 429 or each.call_id not in oracle.refused:
            if each.status == 429 and "calls in progress, and its concurrency" in each.text:
                yield "concurrency"
            continue
        told += 1
        limit = oracle.check_answer(each.call_id, each.refusal, int(each.headers["retry-after"]))
        passing = oracle.refused[each.call_id].limits[limit][0] is None
        lasting = not limit.endswith("minute") and not passing
        if each.dialect != "gemini":  # whose SDKs do not look at it
            assert (each.headers.get("x-should-retry") == "false") == lasting, limit
        yield limit
    assert told == len(oracle.refused) or any(each.kind == "leaves early" for each in scenes)


def nothing_is_held(router: Running, oracle: Oracle) -> None:
    gateway = router.router._gateway
    assert oracle.running == {} and gateway.budgets._open == {}
    assert all(state._open == {} for state in gateway.budgets._keys.values())
    assert [gate.running + gate.waiting for gate in gateway.admission._keys.values()] == [0] * 2
    assert gateway.admission.process.running == 0


def counters_are_the_models(router: Running, oracle: Oracle) -> None:
    now = oracle.now()
    for key in router.router._keys.known():
        expected = {limit: oracle.used(key.name, limit, now) for limit in oracle.limits.get(key.name, ())}
        assert router.router._gateway.budgets.used(key) == expected, key.name


def rows_are_the_models(calls: list[dict[str, Any]], oracle: Oracle) -> None:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    limited = {name for name, limits in oracle.limits.items() if limits}
    for row in calls:
        if row["key_name"] in limited and row["id"] not in oracle.refused:
            _add(sums[row["key_name"], day_of(row["at"])], 1, sum(row[kind] for kind in KINDS), row["cost"])
    for name in limited:
        for call in oracle.calls[name]:
            _add(expected[name, day_of(call.began)], 1, *call.counts)
    turned_away = sum(row["provider"] == "" for row in calls)
    assert turned_away <= len(calls)
    assert {name: total[1:] for name, total in sums.items() if any(total[1:])} == {
        name: total[1:] for name, total in expected.items() if any(total[1:])
    }


def rows_are_the_simulators(
    calls: list[dict[str, Any]], attempts: list[dict[str, Any]], scenes: list[Scene], upstream: Upstream
) -> None:
    """To the token and to the micro-dollar, for whole answers that said what they used."""
    loose = {each.marker for each in scenes if each.kind in LOOSE}
    marks = {call["id"]: call["client"] for call in calls}
    for host in TARGETS:
        exact = [
            one for one in attempts
            if one["provider"] == host and not one["estimated"] and one["output"] > 0
            and marks[one["call_id"]] not in loose
        ]  # fmt: skip
        true = [
            one for one in upstream.requests
            if one.host == host and whole(one) and not any(mark.encode() in one.request.body for mark in loose)
        ]  # fmt: skip
        ours = Counter((*(one[kind] for kind in KINDS), one["cost"]) for one in exact)
        assert ours == Counter((*buckets(one.usage), charged(host, one.usage)) for one in true if one.usage), host
    for call in calls:
        own = [one for one in attempts if one["call_id"] == call["id"]]
        for column in (*KINDS, "cost", "worth"):
            assert call[column] == sum(one[column] for one in own), column
    guessed = [one for one in attempts if one["estimated"]]
    assert guessed and all(one["cost"] > 0 for one in guessed)


def day_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _add(total: list[int], *values: int) -> None:
    for at, value in enumerate(values):
        total[at] += value
