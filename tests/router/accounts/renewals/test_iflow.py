"""iFlow's two steps: nothing that the first one gave is lost where the second one fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from router.accounts.credential import NOTHING
from router.accounts.outcomes import Good, Suspended
from router.secret import Secret
from tests.router.accounts.keeping import Bench, bench
from tests.simulators.authorisation import faulty
from tests.simulators.authorisation.people import iflow_key


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


async def test_the_access_is_the_key_that_the_user_information_gives(at: Bench) -> None:
    old = at.signed_in("iflow")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Good)
    new = outcome.credential
    assert new.access.reveal() == iflow_key(at.server.person)
    assert new.secrets["api_key"] == new.access
    assert new.expires_at == at.clock.now + 172_800
    assert at.server.grants.good == [new.refresh.reveal()]


@pytest.mark.parametrize(
    "bad", [faulty.lost(), faulty.html(502), faulty.broken(), faulty.refused(200, {"success": False, "data": None})]
)
async def test_the_old_key_serves_where_the_new_one_cannot_be_read(at: Bench, bad: faulty.Misbehaviour) -> None:
    old = at.signed_in("iflow", secrets={"api_key": Secret("sk-old")})
    at.server.always(bad, endpoint="user_info")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Good)
    new = outcome.credential
    assert (new.access, new.expires_at) == (Secret("sk-old"), at.clock.now + 600)
    assert at.store.accounts[old.id] == new
    assert at.server.grants.good == [new.refresh.reveal()]
    at.server.behave()
    at.clock.now = at.refresher.next_at(new) or 0.0
    again = await at.refresher.renew(new)
    assert isinstance(again, Good)
    assert again.credential.access.reveal() == iflow_key(at.server.person)


async def test_without_any_key_the_token_is_kept_and_the_account_waits(at: Bench) -> None:
    old = at.signed_in("iflow", access=NOTHING)
    at.server.script(faulty.broken(), endpoint="user_info")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Suspended)
    stored = at.store.accounts[old.id]
    assert at.server.grants.good == [stored.refresh.reveal()]
    assert not stored.access
    at.clock.now = outcome.until
    assert isinstance(await at.refresher.renew(stored), Good)
    assert at.server.grants.reused == []
