"""What tells a hung pool from one whose answers are slow, by a clock that the test moves, and what is done then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.aistudio import settings as settings_module
from services.aistudio.__main__ import causes
from services.aistudio.service import AIStudio
from services.aistudio.signs import Use
from services.healthwatch.settings import Watched
from services.link.health import health_server
from tests.ports import free_port
from tests.services.aistudio.test_waiting import Clock, wait_in
from tests.services.healthwatch.test_watch import watching


@asynccontextmanager
async def one_place(folder: Path, clock: Clock, stalled: float = 15.0) -> AsyncIterator[tuple[AIStudio, Use]]:
    """A service whose only place is used by this task, while somebody waits for it."""
    block = {"browser": {"max_instances": 1}, "profiles": str(folder), "timeouts": {"stalled": stalled}}
    service = AIStudio(settings_module.read(block), wall=clock, chance=random.Random(1), now=clock)
    pool = service.pool
    await pool.slots.enter()
    use = pool.uses.begin()
    waiting = await wait_in(pool.slots)
    try:
        yield service, use
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await service.close()


@pytest.mark.parametrize("stalled", [15.0, 60.0])
async def test_a_pool_whose_holders_do_nothing_is_stuck_after_the_time_that_is_set(
    tmp_path: Path, stalled: float
) -> None:
    clock = Clock()
    async with one_place(tmp_path, clock, stalled) as (service, _):
        clock.now = stalled - 1
        assert service.hung() == {}
        clock.now = stalled
        text = f"1 requests wait, and for {stalled:.0f} s no page was given out or back"
        assert service.hung() == {"stuck": f"{text}, while none of the 1 that hold one does anything"}
        assert [each.cause for each in causes(service, 1) if each.restart_helps] == ["stuck"]
        assert not any(each.restart_helps for each in causes(service, 1, signing_in=True))


async def test_a_slow_answer_is_not_stuck_however_long_others_wait(tmp_path: Path) -> None:
    clock = Clock()
    async with one_place(tmp_path, clock) as (service, use):
        for _ in range(100):  # a word now and then
            clock.now += 14
            use.sign()
            assert service.hung() == {}
        use.waits(120)  # the page thinks, and its driver gives it up by itself
        clock.now += 120 + 14
        assert service.hung() == {}
        clock.now += 1  # it should have
        assert list(service.hung()) == ["stuck"]
        use.sign()
        assert service.hung() == {}


async def test_one_who_works_is_enough(tmp_path: Path) -> None:
    clock = Clock()
    async with one_place(tmp_path, clock) as (service, _):
        another = service.pool.uses.begin()
        clock.now = 100
        another.sign()
        assert service.hung() == {}
        service.pool.uses.end(another)
        assert list(service.hung()) == ["stuck"]


async def test_a_holder_that_has_gone_without_giving_back_waits_for_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with one_place(tmp_path, clock) as (service, use):

        async def leaves() -> None:
            use.taken()
            use.waits(3600)

        await asyncio.get_running_loop().create_task(leaves())
        clock.now = 15
        assert list(service.hung()) == ["stuck"]


async def test_healthwatch_starts_a_service_anew_whose_pool_is_stuck_and_no_slow_one(tmp_path: Path) -> None:
    clock, port = Clock(), free_port()
    watched = Watched("aistudio", f"http://127.0.0.1:{port}")
    async with (
        one_place(tmp_path, clock) as (service, use),
        health_server("aistudio", "1", lambda: causes(service, 1), port),
        watching(tmp_path, watched) as (_, after, supervisord),
    ):
        use.waits(90)
        clock.now = 60
        for _ in range(3):
            await after(31)
        assert supervisord.acted == []
        clock.now = 90 + 15
        await after(31)
        await after(5)
        assert supervisord.acted == [("restart", "aistudio", supervisord.pid)]
