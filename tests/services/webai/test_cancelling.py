from __future__ import annotations

import asyncio

import pytest

from router.tasks import Tasks
from services.webai import cancelling
from services.webai.cancelling import called_off


async def stubborn(times: int) -> None:
    """Loses so many cancellations."""
    for _ in range(times):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


async def test_a_task_that_loses_cancellations_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "_BETWEEN", 0.001)
    tasks = Tasks("test")
    task = tasks.spawn(stubborn(3), "stubborn")
    await asyncio.sleep(0)
    assert await called_off(task) and task.cancelled()
    endless = tasks.spawn(stubborn(1000), "endless")
    await asyncio.sleep(0)
    assert not await called_off(endless)
    while not endless.done():
        endless.cancel()
        await asyncio.sleep(0)
    await tasks.close()


async def test_a_task_that_is_over_is_left_alone() -> None:
    tasks = Tasks("test")
    task = tasks.spawn(asyncio.sleep(0, "result"), "quick")
    await task
    assert await called_off(task) and task.result() == "result"
    await tasks.close()
