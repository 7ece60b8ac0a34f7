"""A bell wakes all who wait, and forgets those who have gone."""

from __future__ import annotations

import asyncio

import pytest

from router.server.bell import Bell


async def test_it_wakes_everybody_once() -> None:
    bell, woken = Bell(), []

    async def wait(name: str) -> None:
        await bell.wait()
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(wait(name))
        await asyncio.sleep(0)
        assert woken == []
        bell.ring()
    assert woken == ["a", "b"]


async def test_whoever_gives_up_is_forgotten_and_takes_no_ring_from_others() -> None:
    bell = Bell()
    async with asyncio.TaskGroup() as group:
        group.create_task(bell.wait())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await bell.wait()
        assert len(bell._waiting) == 1
        bell.ring()
