"""What each way of failing means, and when another try is made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts.credential import NOTHING
from router.accounts.outcomes import Good, Misconfigured, NeedsLogin, Refused, Suspended
from router.accounts.refresh import Limits
from router.secret import Secret
from tests.router.accounts.keeping import Bench, bench, good
from tests.simulators.authorisation import faulty


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


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


async def test_a_mistake_of_ours_backs_off_like_trouble_of_theirs(at: Bench, caplog: pytest.LogCaptureFixture) -> None:
    account = at.signed_in("copilot", access=NOTHING)
    at.changes["copilot"] = replace(at.server.facts("copilot"), urls={})
    outcome = await at.refresher.renew(account)
    assert isinstance(outcome, Suspended)
    assert "KeyError" in outcome.reason
    assert any(record.levelno == logging.ERROR for record in caplog.records)
