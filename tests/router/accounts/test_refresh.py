"""Renewing within one process: single flight, what is saved and when, and what each way of failing means."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts import schedule
from router.accounts.credential import NOTHING, Credential
from router.accounts.outcomes import Gone, Good, Misconfigured, NeedsLogin, Outcome, Refused, Suspended
from router.accounts.refresh import Limits
from router.secret import Secret
from router.tasks import Tasks
from tests.router.accounts.keeping import Bench, bench
from tests.simulators.authorisation import faulty


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


def good(outcome: Outcome) -> Credential:
    assert isinstance(outcome, Good)
    return outcome.credential


def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return Tasks("test").spawn(work, "caller")


async def started(at: Bench, renewing: asyncio.Future[Any], requests: int = 1) -> None:
    """Until the token endpoint has so many requests."""
    await at.server.arrived(requests)
    assert not renewing.done()


def held(at: Bench, *more: faulty.Misbehaviour) -> asyncio.Event:
    """The next answer of the token endpoint waits for the event, after the rotation."""
    release = asyncio.Event()
    at.server.script(faulty.held(release), *more, endpoint="token")
    return release


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


async def test_nobody_has_the_new_access_before_it_is_on_disk(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    may_save, saving = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def before_save(credential: Credential) -> None:
        if credential.id == old.id and credential.access != old.access:
            loop.call_soon_threadsafe(saving.set)
            assert may_save.wait(10)

    at.store.before_save = before_save
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await saving.wait()
        good(await at.refresher.renew(at.signed_in("kimi-oauth")))  # time enough for a caller that does not wait
        assert not caller.done()
        assert old.id not in [account for account, _ in at.outcomes]
        assert at.store.accounts[old.id] == old
        may_save.set()
    assert at.store.accounts[old.id] == good(caller.result())


async def test_the_store_is_read_again_under_the_lock(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    theirs = at.put(replace(old, access=Secret("theirs"), refresh=Secret("new"), expires_at=at.clock.now + 28_800))
    assert await at.refresher.renew(old) == Good(credential=theirs)
    assert at.refreshes == 0


async def test_another_process_that_holds_the_lock_suspends(at: Bench) -> None:
    async with bench(limits=Limits(lock=0.01)) as impatient:
        old = impatient.signed_in("claude-oauth")
        with impatient.store.lock(old.id):
            outcome = await impatient.refresher.renew(old)
        assert isinstance(outcome, Suspended)
        assert impatient.refreshes == 0
        good(await impatient.refresher.renew(old))


async def test_an_answer_lost_after_the_rotation_is_asked_for_once_more_within_the_grace() -> None:
    async with bench(grace=30) as at:
        old = at.signed_in("claude-oauth")
        at.server.script(faulty.lost(), endpoint="token")
        new = good(await at.refresher.renew(old))
        first, second = at.server.asked("token")
        assert first.request.body == second.request.body
        assert at.server.grants.good == [new.refresh.reveal()]
        assert (at.server.grants.reused, at.server.grants.rotations) == ([], 1)


@pytest.mark.parametrize(
    "bad", [faulty.lost(), faulty.cut(), faulty.html(504, processed=True), faulty.html(200, processed=True)]
)
async def test_every_kind_of_lost_answer_gets_its_one_repetition(bad: faulty.Misbehaviour) -> None:
    async with bench(grace=30) as at:
        old = at.signed_in("qwen-oauth")
        at.server.script(bad, endpoint="token")
        new = good(await at.refresher.renew(old))
        assert (at.refreshes, at.server.grants.good) == (2, [new.refresh.reveal()])


async def test_without_a_grace_a_lost_token_needs_a_sign_in_and_the_reason_says_so(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.server.script(faulty.lost(), endpoint="token")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, NeedsLogin)
    assert "invalid_grant" in outcome.reason
    assert "never came" in outcome.reason
    assert await at.refresher.renew(old, rejected=old.access) == outcome
    assert at.refreshes == 2
    assert at.refresher.next_at(old) is None


async def test_a_new_sign_in_lifts_what_was_dead(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.server.grants.revoke(old.refresh.reveal())
    assert isinstance(await at.refresher.renew(old), NeedsLogin)
    again = at.signed_in("claude-oauth")
    good(await at.refresher.renew(again))


async def test_a_server_that_never_answers_is_waited_for_twice_and_no_longer() -> None:
    async with bench(limits=Limits(exchange=0.05)) as at:
        old = at.signed_in("claude-oauth", left=100)
        at.server.always(faulty.hangs(), endpoint="token")
        outcome = await at.refresher.renew(old)
        assert isinstance(outcome, Suspended)
        assert at.refreshes == 2
        assert await at.refresher.access(old) == Good(credential=old)
        at.server.behave()
        at.clock.now = outcome.until
        good(await at.refresher.renew(old))


@pytest.mark.parametrize(
    ("bad", "requests", "wait"),
    [
        (faulty.html(403), 1, None),
        (faulty.html(502), 2, None),
        (faulty.broken(500), 1, None),
        (faulty.broken(503), 1, None),
        (faulty.busy(30), 1, 30),
        (faulty.busy(1), 1, 5),
        (faulty.busy(86_400), 1, 300),
        (faulty.busy(None), 1, None),
        (faulty.refused(400, {"error": "something_new"}), 1, None),
        (faulty.refused(400, ["odd"]), 1, None),
        (faulty.refused(200, {"error": {"code": 17}}), 2, None),
    ],
)
async def test_trouble_that_passes_backs_off_and_the_access_serves_until_it_ends(
    at: Bench, bad: faulty.Misbehaviour, requests: int, wait: float | None
) -> None:
    old = at.signed_in("claude-oauth", left=1000)
    at.server.always(bad, endpoint="token")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Suspended)
    assert outcome.credential == old
    assert at.refreshes == requests
    pause = outcome.until - at.clock.now
    assert pause == wait if wait is not None else 1.5 <= pause <= 2
    assert at.refresher.next_at(old) == outcome.until
    assert at.refresher.ready(old)
    assert await at.refresher.access(old) == Good(credential=old)
    assert await at.refresher.renew(old) == outcome
    assert at.refreshes == requests
    at.server.behave()
    at.clock.now = outcome.until
    good(await at.refresher.renew(old))


async def test_pauses_double_until_one_success(at: Bench) -> None:
    old = at.signed_in("claude-oauth", left=2500)
    at.server.always(faulty.broken(), endpoint="token")
    pauses = []
    for _ in range(10):
        outcome = await at.refresher.renew(old)
        assert isinstance(outcome, Suspended)
        pauses.append(outcome.until - at.clock.now)
        at.clock.now = outcome.until
    assert all(later > earlier for earlier, later in pairwise(pauses[:8]))
    assert max(pauses) <= 300
    at.server.behave()
    new = good(await at.refresher.renew(old))
    at.clock.advance(20_000)
    at.server.script(faulty.broken(), endpoint="token")
    outcome = await at.refresher.renew(new)
    assert isinstance(outcome, Suspended)
    assert outcome.until - at.clock.now <= 2


async def test_a_call_without_an_access_waits_until_the_trouble_has_passed(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.server.script(faulty.broken(), faulty.broken(), endpoint="token")
    new = good(await at.refresher.access(old, within=30))
    assert at.server.grants.accepts(new.access.reveal())
    assert len(at.pauses) == 2


async def test_a_call_does_not_wait_longer_than_it_wants(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.server.always(faulty.busy(60), endpoint="token")
    outcome = await at.refresher.access(old, within=30)
    assert isinstance(outcome, Suspended)
    assert not at.pauses
    assert at.refreshes == 1


async def test_a_clock_that_was_set_back_does_not_suspend_for_ever(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.server.script(faulty.broken(), endpoint="token")
    assert isinstance(await at.refresher.renew(old), Suspended)
    at.clock.advance(-86_400)
    good(await at.refresher.renew(old, rejected=old.access))


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(at: Bench) -> None:
    old = at.signed_in("gemini-cli")
    new = good(await at.refresher.renew(old))
    assert (new.refresh, new.access == old.access) == (old.refresh, False)


@pytest.mark.parametrize(
    ("bad", "life"),
    [
        (faulty.without("expires_in"), 600),
        (faulty.changed(expires_in="900"), 900),
        (faulty.changed(expires_in=0), 600),
        (faulty.changed(expires_in=-5), 600),
        (faulty.changed(expires_in=None), 600),
        (faulty.changed(expires_in=True), 600),
        (faulty.changed(expires_in="soon"), 600),
    ],
)
async def test_a_life_that_nobody_tells_is_short(at: Bench, bad: faulty.Misbehaviour, life: float) -> None:
    old = at.signed_in("claude-oauth")
    at.server.script(bad, endpoint="token")
    assert good(await at.refresher.renew(old)).expires_at == at.clock.now + life


async def test_a_drifting_clock_changes_no_lifetime_and_is_told_once(
    at: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    at.server.always(faulty.drifted(-4000), endpoint="token")
    for _ in range(2):
        old = at.signed_in("claude-oauth")
        assert good(await at.refresher.renew(old)).expires_at == at.clock.now + 28_800
    assert at.refresher.skews == {"claude-oauth": pytest.approx(-4000, abs=1)}
    assert sum("differ by" in record.message for record in caplog.records) == 1
    at.server.behave()
    good(await at.refresher.renew(at.signed_in("claude-oauth")))
    assert at.refresher.skews == {}


async def test_dead_by_another_hand_takes_what_is_stored_now(at: Bench) -> None:
    """A program that does not know our lock has renewed meanwhile."""
    old = at.signed_in("claude-oauth")
    release = asyncio.Event()
    at.server.script(faulty.refused(400, {"error": "invalid_grant"}, until=release), endpoint="token")
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await at.server.arrived(1)
        theirs = at.put(replace(old, access=Secret("a"), refresh=Secret("r"), expires_at=at.clock.now + 9000))
        release.set()
    assert caller.result() == Good(credential=theirs)


async def test_dead_by_another_hand_goes_on_with_a_newer_token_that_has_ended(at: Bench) -> None:
    old, newer = at.signed_in("claude-oauth"), at.server.seed("claude-oauth")
    release = asyncio.Event()
    at.server.script(faulty.refused(400, {"error": "invalid_grant"}, until=release), endpoint="token")
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await at.server.arrived(1)
        at.put(replace(old, refresh=Secret(newer.refresh or "")))
        release.set()
    assert good(caller.result()).refresh.reveal() in at.server.grants.good


async def test_a_wrong_client_is_not_tried_again_before_the_settings_change(at: Bench) -> None:
    old = at.signed_in("gemini-cli")
    at.changes["gemini-cli"] = replace(at.server.facts("gemini-cli"), client_secret="wrong")
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Misconfigured)
    assert "client secret" in outcome.reason
    at.clock.advance(86_400)
    assert await at.refresher.renew(old) == outcome
    assert (at.refreshes, at.refresher.next_at(old)) == (1, None)
    del at.changes["gemini-cli"]
    assert at.refresher.next_at(old) is not None
    good(await at.refresher.renew(old))


async def test_a_provider_that_denies_refuses(at: Bench) -> None:
    at.server.sides.plans = False
    outcome = await at.refresher.renew(at.signed_in("copilot", access=NOTHING))
    assert isinstance(outcome, Refused)


async def test_the_operator_may_have_it_tried_again(at: Bench) -> None:
    account = at.signed_in("copilot", access=NOTHING)
    at.server.sides.plans = False
    assert isinstance(await at.refresher.renew(account), Refused)
    at.server.sides.plans = True
    assert isinstance(await at.refresher.renew(account), Refused)
    at.refresher.forget(account.id)
    good(await at.refresher.renew(account))


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


async def test_a_full_disk_shows_before_the_token_rotates(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.store.before_save = failing(OSError(errno.ENOSPC, "No space left on device"))
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Suspended)
    assert "No space left" in outcome.reason
    assert (at.refreshes, at.server.grants.good) == (0, [old.refresh.reveal()])
    at.store.before_save = lambda credential: None
    at.clock.now = outcome.until
    good(await at.refresher.renew(old))


def failing(error: Exception) -> Callable[[Credential], None]:
    def fail(credential: Credential) -> None:
        raise error

    return fail


async def test_a_disk_that_fails_after_the_rotation_keeps_the_token_in_memory_until_it_works(at: Bench) -> None:
    old = at.signed_in("claude-oauth")

    def fail(credential: Credential) -> None:
        if credential.refresh != old.refresh:
            raise OSError(errno.EIO, "Input/output error")

    at.store.before_save = fail
    outcome = await at.refresher.renew(old)
    assert isinstance(outcome, Good)
    assert outcome.unsaved == "Input/output error"
    assert at.pauses == [0.2, 1.0, 3.0]
    assert at.refresher.next_at(outcome.credential) == at.clock.now + 30
    assert await at.refresher.renew(old) == Good(credential=outcome.credential, unsaved=outcome.unsaved)
    at.store.before_save = lambda credential: None
    assert await at.refresher.renew(old) == Good(credential=outcome.credential)
    assert at.store.accounts[old.id] == outcome.credential
    assert at.refreshes == 1


async def test_what_the_operator_changes_during_an_exchange_stays(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await started(at, caller)
        at.put(replace(at.store.accounts[old.id], priority=7, aliases={"fast": "claude-haiku-4-5"}))
        release.set()
    new = at.store.accounts[old.id]
    assert (new.priority, new.aliases) == (7, {"fast": "claude-haiku-4-5"})
    assert new == good(caller.result())
    assert at.server.grants.good == [new.refresh.reveal()]


async def test_an_account_that_is_renamed_during_an_exchange_keeps_its_token(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await started(at, caller)
        at.store.rename(old.id, "work")
        release.set()
    assert at.server.grants.good == [at.store.accounts["claude-oauth/work"].refresh.reveal()]
    assert list(at.store.accounts) == ["claude-oauth/work"]


async def test_an_account_that_is_deleted_during_an_exchange_does_not_come_back(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await started(at, caller)
        at.store.delete(old.id)
        release.set()
    assert caller.result() == Gone()
    assert not at.store.accounts


async def test_a_sign_in_during_an_exchange_wins(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    release = held(at)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(at.refresher.renew(old))
        await started(at, caller)
        newer = at.signed_in("claude-oauth", left=9000)
        release.set()
    assert good(caller.result()) == newer
    assert at.store.accounts[old.id] == newer


async def test_holding_an_account_keeps_renewals_away(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    async with asyncio.TaskGroup() as group, at.refresher.held(old.id):
        caller = group.create_task(at.refresher.renew(old))
        await at.refresher.renew(at.signed_in("kimi-oauth"))  # another account meanwhile
        assert not caller.done()
        assert at.refreshes == 1
        at.put(replace(old, disabled=True))
    assert good(caller.result()).disabled


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


async def test_an_account_that_is_gone_is_gone(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.store.delete(old.id)
    assert await at.refresher.renew(old) == Gone()
    assert at.refreshes == 0


async def test_an_unknown_provider_cannot_be_renewed(at: Bench) -> None:
    account = replace(at.signed_in("claude-oauth"), provider="ctonew")
    at.changes["ctonew"] = at.server.facts("claude-oauth")
    if at.refresher.next_at(account) is None:  # until it has a way
        assert isinstance(await at.refresher.renew(account), Misconfigured)


async def test_what_is_made_again_at_any_time_is_kept_in_memory_alone(at: Bench) -> None:
    account = at.signed_in("copilot", access=NOTHING, left=None)
    new = good(await at.refresher.renew(account))
    assert new.access
    assert new.refresh == account.refresh
    assert new.facts["base_url"].startswith(at.server.address)
    assert (at.store.saves, at.store.accounts[account.id]) == ([], account)
    assert at.refresher.next_at(new) is None
    assert at.refresher.ready(new)
    assert good(await at.refresher.renew(account)) == new
    assert len(at.server.asked("copilot_token")) == 1
    at.clock.advance(1790)
    assert not at.refresher.ready(new)
    assert good(await at.refresher.access(new)).access != new.access


async def test_an_account_in_memory_is_dropped_with_its_grant(at: Bench) -> None:
    account = at.signed_in("copilot", access=NOTHING, left=None)
    first = good(await at.refresher.renew(account))
    again = at.signed_in("copilot", access=NOTHING, left=None)
    second = good(await at.refresher.renew(again))
    assert second.access != first.access
    assert second.refresh == again.refresh


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


async def test_a_mistake_of_ours_backs_off_like_trouble_of_theirs(at: Bench, caplog: pytest.LogCaptureFixture) -> None:
    account = at.signed_in("copilot", access=NOTHING)
    at.changes["copilot"] = replace(at.server.facts("copilot"), urls={})
    outcome = await at.refresher.renew(account)
    assert isinstance(outcome, Suspended)
    assert "KeyError" in outcome.reason
    assert any(record.levelno == logging.ERROR for record in caplog.records)


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
