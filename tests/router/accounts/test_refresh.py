"""Renewing within one process: single flight, who waits for whom, and what is not renewed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts import schedule
from router.accounts.credential import NOTHING
from router.accounts.outcomes import Good, Misconfigured, NeedsLogin, Suspended
from tests.router.accounts.keeping import Bench, bench, good, held, spawn, started
from tests.simulators.authorisation import faulty


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


async def test_what_is_due_is_renewed_and_saved(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    new = good(await at.refresher.renew(old))
    assert at.store.accounts[old.id] == new
    assert at.server.grants.good == [new.refresh.reveal()]
    assert at.server.grants.accepts(new.access.reveal())
    assert (new.issued_at, new.expires_at) == (at.clock.now, at.clock.now + 28_800)
    assert at.outcomes == [(old.id, Good(credential=new, renewed=True))]


async def test_what_is_not_due_is_left_alone(at: Bench) -> None:
    old = at.signed_in("kimi-oauth", left=3000)
    assert await at.refresher.renew(old) == Good(credential=old)
    assert at.refreshes == 0


async def test_a_hundred_callers_make_one_exchange(at: Bench) -> None:
    old = at.signed_in("chatgpt-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(at.refresher.access(old)) for _ in range(100)]
        await at.server.arrived(1)
        release.set()
    assert len({good(caller.result()).access for caller in callers}) == 1
    assert (at.refreshes, at.server.grants.rotations, at.server.grants.most_in_flight) == (1, 1, 1)
    assert len(at.outcomes) == 1


async def test_callers_of_different_accounts_do_not_wait_for_each_other(at: Bench) -> None:
    slow, quick = at.signed_in("chatgpt-oauth"), at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(at.refresher.renew(slow))
        await at.server.arrived(1)
        good(await at.refresher.renew(quick))
        assert not waiting.done()
        release.set()


async def test_a_call_waits_while_a_renewal_runs(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        background = group.create_task(at.refresher.renew(old))
        await at.server.arrived(1)
        call = group.create_task(at.refresher.access(old))
        await asyncio.sleep(0)
        assert not call.done()
        release.set()
    assert good(call.result()).access == good(background.result()).access


async def test_a_cancelled_caller_loses_no_token(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    caller = spawn(at.refresher.renew(old))
    await started(at, caller)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert at.server.grants.rotations == 1
    release.set()
    new = good(await at.refresher.renew(old))
    assert at.server.grants.good == [new.refresh.reveal()]
    assert at.store.accounts[old.id] == new
    assert at.refreshes == 1


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(at: Bench) -> None:
    old = at.signed_in("gemini-cli")
    new = good(await at.refresher.renew(old))
    assert (new.refresh, new.access == old.access) == (old.refresh, False)


async def test_a_rejected_access_is_renewed_though_it_is_not_due(at: Bench) -> None:
    old = at.signed_in("kimi-oauth", left=3000)
    new = good(await at.refresher.renew(old, rejected=old.access))
    assert new.access != old.access
    assert good(await at.refresher.renew(old, rejected=old.access)).access == new.access
    assert at.refreshes == 1


async def test_a_new_access_that_is_rejected_at_once_is_not_renewed_again_and_again(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    new = good(await at.refresher.renew(old))
    outcome = await at.refresher.renew(new, rejected=new.access)
    assert isinstance(outcome, Suspended)
    assert at.refreshes == 1
    at.clock.now = outcome.until
    good(await at.refresher.renew(new, rejected=new.access))


async def test_a_rejected_access_does_not_come_back_from_a_renewal_that_was_joined(at: Bench) -> None:
    old = at.signed_in("kimi-oauth", left=3000)
    async with asyncio.TaskGroup() as group:
        idle = group.create_task(at.refresher.renew(old))
        forced = group.create_task(at.refresher.renew(old, rejected=old.access))
    assert good(idle.result()).access == old.access
    assert good(forced.result()).access != old.access


@pytest.mark.parametrize("left", [-10, 3000])
async def test_a_file_of_another_program_is_never_renewed(at: Bench, left: float) -> None:
    theirs = at.signed_in("claude-oauth", left=left, owner="found")
    outcome = await at.refresher.renew(theirs)
    assert isinstance(outcome, Good if left > 0 else NeedsLogin)
    assert isinstance(await at.refresher.renew(theirs, rejected=theirs.access), NeedsLogin)
    assert (at.refreshes, at.store.saves, at.refresher.next_at(theirs)) == (0, [], None)


async def test_an_access_without_a_refresh_token_serves_to_its_end(at: Bench) -> None:
    account = at.signed_in("claude-oauth", left=100, refresh=NOTHING)
    assert good(await at.refresher.renew(account)) == account
    at.clock.advance(200)
    assert isinstance(await at.refresher.renew(account), NeedsLogin)


async def test_an_unknown_provider_cannot_be_renewed(at: Bench) -> None:
    account = replace(at.signed_in("claude-oauth"), provider="nobody")
    at.changes["nobody"] = at.server.facts("claude-oauth")
    assert at.refresher.next_at(account) is None
    assert isinstance(await at.refresher.renew(account), Misconfigured)


async def test_closing_lets_a_running_exchange_finish() -> None:
    async with bench() as at:
        old = at.signed_in("claude-oauth")
        release = held(at)
        caller = spawn(at.refresher.renew(old))
        await started(at, caller)
        closing = spawn(at.refresher.close())
        await asyncio.sleep(0)
        assert isinstance(await at.refresher.renew(at.signed_in("kimi-oauth")), Suspended)
        release.set()
        await closing
        assert at.server.grants.good[0] == at.store.accounts[old.id].refresh.reveal()
        assert good(await caller) == at.store.accounts[old.id]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"left": 3000.0, "issued_at": None}, 2700),
        ({"left": 3000.0, "disabled": True}, None),
        ({"left": 3000.0, "refresh": NOTHING}, None),
        ({"left": None}, None),
        ({"left": None, "access": NOTHING}, 0),
    ],
)
async def test_the_background_learns_when_to_come(at: Bench, changes: dict[str, Any], seconds: float | None) -> None:
    account = at.signed_in("chatgpt-oauth", **changes)
    found = at.refresher.next_at(account)
    if seconds is None or found is None:
        assert found is seconds
    else:
        early = schedule.SPREAD * schedule.spread_of(account.id) * (3000 - seconds if seconds else 0)
        assert found == pytest.approx(at.clock.now + seconds - early)


async def test_no_secret_is_in_a_log_or_an_outcome(at: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    at.server.script(None, faulty.refused(400, {"error": "invalid_grant"}), faulty.broken(), endpoint="token")
    shown = []
    for provider in ("chatgpt-oauth", "claude-oauth", "kimi-oauth"):
        account = at.signed_in(provider)
        shown.append(repr(await at.refresher.renew(account)))
    told = "\n".join((*shown, caplog.text))
    for family in at.server.grants.families:
        for token in (*family.access, *family.rotated, family.refresh or "-none-"):
            assert token not in told
