"""Any sequence of trouble, any number of callers, any of them cancelled: one account survives it all."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from router.accounts.outcomes import Good, NeedsLogin, Outcome, Suspended
from router.tasks import Tasks
from tests.router.accounts.keeping import Bench, bench
from tests.simulators.authorisation import faulty

HARMLESS = [
    faulty.lost(processed=False),
    faulty.html(403),
    faulty.html(502),
    faulty.broken(),
    faulty.busy(7),
    faulty.refused(400, {"error": "odd"}),
]
HARMFUL = [faulty.lost(), faulty.cut(), faulty.html(504, processed=True), faulty.html(500, processed=True)]
"""After these the token has rotated, and the answer is lost."""
ROUNDS = 40


async def until_it_ends(at: Bench, callers: int, cancelled: frozenset[int]) -> Outcome:
    """Callers come together again and again, as the schedule says; some go away at once."""
    account = at.signed_in("claude-oauth")
    tasks = Tasks("test")
    for _ in range(ROUNDS):
        before = at.refreshes
        running = [tasks.spawn(at.refresher.renew(account), str(number)) for number in range(callers)]
        await asyncio.sleep(0)
        for number in cancelled:
            if number < callers:
                running[number].cancel()
        await asyncio.gather(*running, return_exceptions=True)
        outcome = await at.refresher.renew(account)
        assert at.refreshes - before <= 2
        if not isinstance(outcome, Suspended):
            return outcome
        at.clock.now = max(at.clock.now, outcome.until)
    raise AssertionError("it never ends")


def family_is_well(at: Bench) -> None:
    (stored,) = at.store.accounts.values()
    assert at.server.grants.good == [stored.refresh.reveal()]
    assert at.server.grants.accepts(stored.access.reveal())
    assert at.server.grants.reused == []
    assert at.server.grants.most_in_flight == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*HARMLESS, *HARMFUL]), max_size=6),
    st.integers(1, 5),
    st.frozensets(st.integers(0, 4), max_size=4),
)
def test_with_a_servers_grace_no_trouble_costs_a_sign_in(
    script: list[faulty.Misbehaviour], callers: int, cancelled: frozenset[int]
) -> None:
    async def live() -> None:
        async with bench(grace=1e9) as at:
            at.server.script(*script, endpoint="token")
            assert isinstance(await until_it_ends(at, callers, cancelled), Good)
            assert at.server.grants.rotations == 1
            family_is_well(at)

    asyncio.run(live())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*HARMLESS, *HARMFUL]), max_size=5), st.integers(1, 5))
def test_without_a_grace_only_a_lost_rotation_costs_one(script: list[faulty.Misbehaviour], callers: int) -> None:
    async def live() -> None:
        async with bench() as at:
            at.server.script(*script, endpoint="token")
            outcome = await until_it_ends(at, callers, frozenset())
            if any(bad in HARMFUL for bad in script):
                assert isinstance(outcome, NeedsLogin)
                assert at.server.grants.rotations == 1
            else:
                assert isinstance(outcome, Good)
                family_is_well(at)

    asyncio.run(live())
