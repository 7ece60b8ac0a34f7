"""When the line before the pages is stuck, by a clock that the test moves, and what `/readyz` says of it."""

from __future__ import annotations

import asyncio
import math
import random
from pathlib import Path

import pytest

from router.faults import Fault
from services.aistudio import settings as settings_module
from services.aistudio.__main__ import causes
from services.aistudio.service import AIStudio
from services.aistudio.waiting import Slots

LONGEST = 100.0


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def wait_in(slots: Slots) -> asyncio.Task[None]:
    """One more who waits."""
    before = slots.waiting
    task = asyncio.get_running_loop().create_task(slots.enter())
    while slots.waiting == before:
        await asyncio.sleep(0)
    return task


async def test_a_pool_that_was_long_idle_is_not_stuck_when_somebody_comes() -> None:
    clock = Clock()
    slots = Slots(1, 5, 1000, clock)
    await slots.enter()
    clock.now = 500.0
    waiting = await wait_in(slots)
    assert slots.stuck(LONGEST) == ""
    clock.now += LONGEST
    assert slots.stuck(LONGEST) == "1 requests wait, and for 100 s no page was given out or back"
    slots.leave(None)
    await waiting
    assert slots.stuck(LONGEST) == ""
    clock.now += LONGEST
    assert slots.stuck(LONGEST) == ""  # in use, and nobody waits


async def test_who_is_refused_at_the_deadline_does_not_end_it() -> None:
    clock = Clock()
    slots = Slots(1, 5, 0.01, clock)
    await slots.enter()
    for _ in range(2):
        with pytest.raises(Fault, match="became free"):
            await slots.enter()
        clock.now += LONGEST / 2
    assert slots.waiting == 0
    assert "0 requests wait, 2 were refused at their deadline, and for 100 s" in slots.stuck(LONGEST)
    slots.leave(None)
    assert slots.stuck(LONGEST) == ""


async def test_who_goes_away_alone_proves_nothing() -> None:
    clock = Clock()
    slots = Slots(1, 5, 1000, clock)
    await slots.enter()
    task = await wait_in(slots)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.now = LONGEST
    assert slots.stuck(LONGEST) == ""
    another = await wait_in(slots)
    assert slots.stuck(LONGEST) == ""
    slots.leave(None)
    await another


async def test_stuck_pages_want_a_restart_and_not_while_a_person_signs_in(tmp_path: Path) -> None:
    clock = Clock()
    block = {"browser": {"max_instances": 1}, "profiles": str(tmp_path)}
    service = AIStudio(settings_module.read(block), wall=clock, chance=random.Random(1), now=clock)
    slots, timeouts = service.pool.slots, service.settings.timeouts

    def found(*, signing_in: bool) -> list[str]:
        return [each.cause for each in causes(service, 1, signing_in) if each.restart_helps]

    await slots.enter()
    service.pool.uses.begin().waits(math.inf)  # for its reader
    waiting = await wait_in(slots)
    clock.now = timeouts.total + timeouts.launch - 1
    assert found(signing_in=False) == []
    clock.now += 1
    assert found(signing_in=False) == ["stuck"]
    assert found(signing_in=True) == []
    assert "sign_in" in [each.cause for each in causes(service, 1, signing_in=True)]
    slots.leave(None)
    await waiting
    assert found(signing_in=False) == []
    await service.close()
