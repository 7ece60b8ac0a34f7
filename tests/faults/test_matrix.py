"""Every fault, in every dialect, lane and manner: the client sees what `cases` says, and nobody is hammered."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.case import Case, Expected
from tests.faults.cases import CASES
from tests.faults.cells import Cell
from tests.faults.checks import outcome
from tests.faults.table import Seen, lines
from tests.faults.world import SPARE_KEYS, Met, World
from tests.faults.world import world as open_world
from tests.router.api.leaks import Canary, leaks
from tests.simulators import Upstream
from tests.simulators.certificate import self_signed

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]
WITHIN = 80.0
"""Seconds for one fault in all its cells, less than the 90 that a router waits for a provider."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_fault_ends_as_it_must(faulty: World, impatient: World, seen: Seen, case: Case, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = impatient if case.silence else faulty
        if case.where == "tls":
            first = await stack.enter_async_context(Upstream(tls=self_signed(tmp_path)))
            world = await stack.enter_async_context(open_world(first, tmp_path / "router"))
        outcomes = await _outcomes(world, case)
    assert seen.lines.setdefault(case.name, lines(outcomes)) == lines(outcomes), "run `make fault-table`"


async def _outcomes(world: World, case: Case) -> dict[Cell, str]:
    """What every cell has come to, which is what the case says."""
    world.forget()
    logged, cells = len(world.router.log), case.cells()
    for cell in cells:
        bad = case.bad(cell)
        assert bad is not None
        world.misbehave(cell, bad)
    async with AsyncExitStack() as stack:
        if case.where == "closed":
            await stack.enter_async_context(world.first.closed_port())
        async with asyncio.timeout(WITHIN):
            every = await asyncio.gather(*(world.meet(cell) for cell in cells))
    seen = {met.cell: outcome(met, case.said(met.cell), loose=case.loose) for met in every}
    assert seen == {cell: case.expected(cell).of(cell) for cell in cells}
    for met in every:
        _asked(case, case.expected(met.cell), met, seen[met.cell])
    await _let_go(world)
    _kept_secret(world, every, world.router.log[logged:])
    return seen


def _asked(case: Case, expected: Expected, met: Met, seen: str) -> None:
    """Each target as often as it may be, and not at once again."""
    mended = seen in ("failed over", "rescued", "tried again")
    other = met.cell.situation == "other"
    assert len(met.spare) == (1 if mended and other else 0), met.cell.name
    if case.where:
        assert met.tries == (2 if other else expected.tries), met.cell.name
        return
    repeated = expected.tries if met.cell.situation == "alone" else 2 if mended and not other else 1
    assert [attempt.dialect for attempt in met.first] == [met.cell.upstream] * repeated, met.cell.name
    if seen not in ("rescued", "error"):  # in the middle of an answer a reader waits: it is asked once more, at once
        times = pairwise(attempt.at for attempt in met.first)
        assert all(later - earlier >= case.gap for earlier, later in times), met.cell.name
    if case.retry_after is not None and met.answer.status != 200:
        assert float(met.answer.headers["retry-after"]) >= case.retry_after


async def _let_go(world: World) -> None:
    """Nothing is under way any more, here or there."""
    for attempt in [*world.first.requests, *world.spare.requests]:
        await asyncio.wait_for(attempt.ended.wait(), 5)
    await world.router.until(lambda: world.router.router._gateway.open_calls == 0)
    assert len(world.router.router._edge.watchers) == 0
    assert not world.router.router._health._open


def _kept_secret(world: World, every: list[Met], log: str) -> None:
    """What providers were sent is in no error and in no line of the log."""
    keys = [*(met.cell.key for met in every), *SPARE_KEYS.values()]
    bad = [met.answer for met in every if met.answer.status != 200]
    sinks = {
        "errors": [answer.body for answer in bad],
        "heads": [str(answer.headers).encode() for answer in bad],
        "log": [log.encode()],
    }
    assert not list(leaks([Canary(f"key {number}", key) for number, key in enumerate(keys)], sinks, {}))
