"""Limits of waits that one ticker keeps."""

from __future__ import annotations

import asyncio
import time

import pytest

from router.patience import Patience


def test_a_watch_counts_only_while_the_peer_is_waited_for() -> None:
    told: list[str] = []
    patience = Patience()
    with patience.watch(1.0, lambda: told.append("expired")) as watch:
        watch.pause()
        watch.check(float("inf"))
        assert told == []
        assert watch.waited() == 0.0
        watch.resume(0.9)
        assert 0.9 <= watch.waited() < 1.0
        watch.resume(2.0)
        watch.check(time.monotonic())
        assert told == ["expired"]
        watch.check(float("inf"))
        assert told == ["expired"]  # once
    assert not patience.watches


async def test_a_limit_ends_its_block_and_nothing_else() -> None:
    patience = Patience()
    patience.start()
    with pytest.raises(TimeoutError), patience.limit(0.1):
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # the task is not left cancelled
    with patience.limit(10):
        await asyncio.sleep(0)
    await patience.close()


async def test_of_two_limits_the_outer_one_is_not_mistaken_for_the_inner() -> None:
    patience = Patience()
    patience.start()
    with pytest.raises(TimeoutError), patience.limit(0.1):
        try:
            with patience.limit(60):
                await asyncio.Event().wait()
        except TimeoutError:
            pytest.fail("the inner limit had time left")
    await patience.close()


async def test_a_cancellation_from_outside_is_no_timeout() -> None:
    patience = Patience()
    patience.start()

    async def work() -> None:
        with patience.limit(60):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())  # noqa: TID251
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not patience.watches
    await patience.close()
