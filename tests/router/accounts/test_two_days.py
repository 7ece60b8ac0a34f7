"""Two simulated days with twelve accounts, trouble of every kind, and a restart every hour."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.router.accounts.two_days import two_days
from tests.router.accounts.world import ACCOUNTS
from tests.virtual import VirtualClock, run

MOST_AT_ONCE = 8
"""Calls of an account that may be under way when it is refused for good, or be lost with whoever learnt of it."""


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # there is nothing to shrink in a seed
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 2**32))
def test_two_days_end_with_every_healthy_account_in_use(seed: int) -> None:
    made, lately = run(lambda clock: two_days(clock, seed))
    world = made.world
    if made.failures:
        raise made.failures[0]
    assert made.restarts == 50
    assert made.answered > 3000
    healthy = {account for account in ACCOUNTS if world.people[account].healthy}
    assert len(healthy) >= 6
    assert {account for account in healthy if lately[account] == 0} == set()
    assert [account for account, count in lately.items() if count > 0 and world.people[account].foreign] == []
    assert world.doubled == []  # never two renewals of one account at once
    assert world.reused == []  # and never a token that had been replaced
    for account, person in world.people.items():
        lives = 50 * 3600 / person.life
        assert world.refreshes[account] <= 3 * lives + 100, account
        assert person.turned_away <= MOST_AT_ONCE, account


def test_time_of_its_own_passes_only_when_everybody_waits() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        began = clock.wall()
        await asyncio.gather(asyncio.sleep(5), asyncio.sleep(3))
        return [clock.wall() - began, await asyncio.to_thread(lambda: 7.0)]

    assert run(main) == [pytest.approx(5), 7.0]
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        run(lambda clock: asyncio.Event().wait())
