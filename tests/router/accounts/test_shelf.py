"""What a renewal saves, when, and over what; what stays in memory."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable

import pytest_asyncio
from msgspec.structs import replace

from router.accounts.credential import NOTHING, Credential
from router.accounts.outcomes import Gone, Good, Suspended
from router.accounts.refresh import Limits
from router.secret import Secret
from tests.router.accounts.keeping import Bench, bench, good, held, started


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


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


async def test_an_account_that_is_gone_is_gone(at: Bench) -> None:
    old = at.signed_in("claude-oauth")
    at.store.delete(old.id)
    assert await at.refresher.renew(old) == Gone()
    assert at.refreshes == 0


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
