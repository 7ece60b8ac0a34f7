"""A secret that is not taken: renewed once for a call, replayed once, and then held against the account."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.accounts.record import Account
from router.faults import Fault
from router.routing.renewing import Renewing
from tests.router.routing.making import account

STORED = account("p", "a", stored=True)
REJECTED = Fault("upstream_auth", "no", status=401)


class Keeper:
    """Renews by script: True, False, or a fault."""

    def __init__(self, *outcomes: bool | Fault) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[str] = []

    async def renew(self, account: Account, fault: Fault) -> bool:
        self.asked.append(account.id)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Fault):
            raise outcome
        return outcome


async def test_a_renewed_account_is_asked_again_once_and_a_second_time_suspends_it() -> None:
    keeper = Keeper(True)
    renewing = Renewing(keeper)
    assert not renewing.suspends(STORED, REJECTED)
    assert await renewing.recover(STORED, REJECTED) is None
    second = Fault("upstream_auth", "still no", status=401)
    assert await renewing.recover(STORED, second) is second
    assert renewing.suspends(STORED, second)
    assert not renewing.suspends(STORED, Fault("rate_limited", "slow"))
    assert not renewing.suspends(replace(STORED, id="p/b"), second)
    assert keeper.asked == ["p/a"]


async def test_each_account_of_a_call_is_renewed_by_itself() -> None:
    keeper = Keeper(True, True)
    renewing = Renewing(keeper)
    assert await renewing.recover(STORED, REJECTED) is None
    assert await renewing.recover(replace(STORED, id="p/b"), REJECTED) is None


async def test_where_nothing_could_be_renewed_the_fault_stands_and_suspends_nothing() -> None:
    renewing = Renewing(Keeper(False))
    assert await renewing.recover(STORED, REJECTED) is REJECTED
    assert await renewing.recover(STORED, REJECTED) is REJECTED  # and nobody is asked again
    assert not renewing.suspends(STORED, REJECTED)


async def test_a_broker_that_is_out_of_reach_is_told_in_place_of_the_401() -> None:
    trouble = Fault("unavailable", "Clerk cannot be reached")
    renewing = Renewing(Keeper(trouble))
    assert await renewing.recover(STORED, REJECTED) is trouble
    assert not renewing.suspends(STORED, trouble)


@pytest.mark.parametrize(
    ("used", "fault"),
    [
        (replace(STORED, stored=False), REJECTED),
        (STORED, Fault("upstream_auth", "a message", status=400)),
        (STORED, Fault("upstream_auth", "of our own")),
        (STORED, Fault("refused", "no", status=403)),
        (STORED, Fault("rate_limited", "slow", status=429)),
    ],
)
async def test_nothing_else_is_renewed(used: Account, fault: Fault) -> None:
    keeper = Keeper()
    assert await Renewing(keeper).recover(used, fault) is fault
    assert keeper.asked == []
