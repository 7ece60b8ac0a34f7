"""The keeper over a store in memory and renewals that are told how to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.keeper import Keeper
from router.accounts.outcomes import Gone, Good, Misconfigured, NeedsLogin, Outcome, Refused, Suspended
from router.accounts.stores.base import Contents, Trouble
from router.clock import FakeClock
from router.faults import Fault
from router.secret import Secret
from router.settings.policy_blocks import Thinking

NOW = 1_800_000_000.0
ID = "claude-oauth/me@example.com"


def credential(label: str = "me@example.com", **facts: Any) -> Credential:
    base: dict[str, Any] = {
        "access": Secret("at-1"),
        "refresh": Secret("rt-1"),
        "expires_at": NOW + 3600,
        "facts": {"account_id": "acc"},
    }
    return Credential(provider="claude-oauth", label=label, **{**base, **facts})


class Store:
    """An `AccountStore` in memory."""

    def __init__(self, *credentials: Credential) -> None:
        self.all = {each.id: each for each in credentials}
        self.troubles: tuple[Trouble, ...] = ()
        self.writes = 0

    def put(self, credential: Credential) -> None:
        """As another program does."""
        self.all[credential.id] = credential
        self.writes += 1

    def load(self) -> Contents:
        return Contents(tuple(self.all.values()), self.troubles)

    def read(self, account: str) -> Credential | None:
        return self.all.get(account)

    def save(self, credential: Credential) -> None:
        self.put(credential)

    def delete(self, account: str) -> bool:
        self.writes += 1
        return self.all.pop(account, None) is not None

    def rename(self, account: str, label: str) -> Credential:
        renamed = replace(self.all.pop(account), label=label)
        self.put(renamed)
        return renamed

    @contextmanager
    def lock(self, account: str, within: float = 60.0) -> Iterator[None]:
        yield

    def version(self) -> object:
        return self.writes


class Renewals:
    """A refresher that ends as told. waits: set to hold renewals up."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.settled: Callable[[str, Outcome], None] = lambda account, outcome: None
        self.forgotten: list[str] = []
        self.outcome: Outcome | None = None
        self.asked: list[tuple[str, Secret | None]] = []
        self.waits: asyncio.Event | None = None
        self.due: dict[str, float | None] = {}

    async def renew(self, credential: Credential, *, rejected: Secret | None = None) -> Outcome:
        self.asked.append((credential.id, rejected))
        if self.waits is not None:
            await self.waits.wait()
        new = replace(credential, access=Secret("at-2"), refresh=Secret("rt-2"), expires_at=NOW + 7200)
        outcome = self.outcome or Good(credential=new, renewed=True)
        self.settled(credential.id, outcome)
        return outcome

    async def access(self, credential: Credential, within: float = 30.0) -> Outcome:
        outcome = await self.renew(credential)
        if isinstance(outcome, Suspended) and outcome.credential.fresh(self.clock.wall()):
            return Good(credential=outcome.credential)
        return outcome

    def ready(self, credential: Credential) -> bool:
        return credential.fresh(self.clock.wall())

    def next_at(self, credential: Credential) -> float | None:
        return self.due.get(credential.id) if credential.renewable else None

    @asynccontextmanager
    async def held(self, account: str) -> AsyncIterator[None]:
        yield

    def forget(self, account: str) -> None:
        self.forgotten.append(account)

    async def close(self) -> None:
        """Nothing runs."""


class Holds:
    """What the keeper says of accounts."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, str]] = {}
        self.forgotten: list[str] = []

    def hold(self, account: str, state: str, cause: str) -> None:
        self.held[account] = (state, cause)

    def unhold(self, account: str) -> None:
        self.held.pop(account, None)

    def forget(self, account: str) -> None:
        self.forgotten.append(account)


class Audit:
    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def record(self, who: str, what: str, account: str, reason: str = "") -> None:
        self.lines.append((who, what, account))


class Kept:
    """A keeper and everything around it."""

    def __init__(self, *credentials: Credential) -> None:
        self.clock = FakeClock(NOW)
        self.store, self.renewals = Store(*credentials), Renewals(self.clock)
        self.holds, self.audit = Holds(), Audit()
        self.changes = 0
        self.off: set[str] = set()
        self.keeper = Keeper(
            self.store,
            self.renewals,  # type: ignore[arg-type]
            self.holds,
            self.audit,  # type: ignore[arg-type]
            self.clock,
            active=lambda provider: provider not in self.off,
            changed=self._changed,
        )
        self.renewals.settled = self.keeper.learn

    def _changed(self) -> None:
        self.changes += 1


@pytest_asyncio.fixture
async def kept() -> AsyncIterator[Kept]:
    made = Kept(credential())
    await made.keeper.reload()
    yield made
    await made.keeper.close()


async def test_a_token_that_lives_is_given_with_its_facts_and_nobody_is_asked(kept: Kept) -> None:
    access = await kept.keeper.access(ID)
    assert (access.secret, access.facts) == (Secret("at-1"), {"account_id": "acc"})
    assert kept.renewals.asked == []


async def test_a_token_that_has_ended_is_renewed_before_it_is_given(kept: Kept) -> None:
    kept.clock.advance(3600)
    assert (await kept.keeper.access(ID)).secret == Secret("at-2")
    assert (await kept.keeper.access(ID)).secret == Secret("at-2")
    assert len(kept.renewals.asked) == 1
    assert ("router", "refreshed", ID) in kept.audit.lines


async def test_a_call_waits_for_a_renewal_instead_of_failing(kept: Kept) -> None:
    kept.clock.advance(3600)
    kept.renewals.waits = asyncio.Event()
    waiting = asyncio.gather(*(kept.keeper.access(ID) for _ in range(5)))
    await asyncio.sleep(0)
    assert not waiting.done()
    kept.renewals.waits.set()
    assert {access.secret.reveal() for access in await waiting} == {"at-2"}


@pytest.mark.parametrize(
    ("outcome", "state", "kind"),
    [
        (NeedsLogin("invalid_grant"), "needs_login", "upstream_auth"),
        (Refused("not for other programs"), "refused", "refused"),
        (Misconfigured("invalid_client"), "expired", "unavailable"),
        (
            Suspended(reason="HTTP 503", until=NOW + 3700, credential=credential(expires_at=NOW)),
            "expired",
            "unavailable",
        ),
    ],
)
async def test_what_a_renewal_came_to_is_said_to_the_call_and_held_against_the_account(
    kept: Kept, outcome: Outcome, state: str, kind: str
) -> None:
    kept.clock.advance(3600)
    kept.renewals.outcome = outcome
    with pytest.raises(Fault) as raised:
        await kept.keeper.access(ID)
    assert raised.value.kind == kind
    assert kept.holds.held[ID][0] == state
    assert outcome.reason in kept.holds.held[ID][1]  # type: ignore[union-attr]
    held = kept.keeper.held(ID)
    assert held is not None and held.state == state


async def test_a_broker_out_of_reach_says_when_to_come_back_and_costs_no_token_that_still_lives(kept: Kept) -> None:
    newest = credential(access=Secret("at-1"), expires_at=NOW + 5)
    kept.renewals.outcome = Suspended(reason="HTTP 503", until=NOW + 30, credential=newest)
    kept.store.put(newest)
    await kept.keeper.look()
    assert (await kept.keeper.access(ID)).secret == Secret("at-1")
    assert kept.holds.held == {}
    kept.clock.advance(10)
    with pytest.raises(Fault) as raised:
        await kept.keeper.access(ID)
    assert raised.value.retry_after == 20
    assert kept.holds.held == {}, "the next call had better wait than be sent away"


async def test_an_account_that_is_gone_is_a_fault_of_the_gateway(kept: Kept) -> None:
    kept.clock.advance(3600)
    kept.renewals.outcome = Gone()
    with pytest.raises(Fault, match="is gone"):
        await kept.keeper.access(ID)
    with pytest.raises(Fault, match="is gone"):
        await kept.keeper.access("claude-oauth/nobody")


async def test_a_rejected_token_is_renewed_once_for_all_that_were_refused_with_it(kept: Kept) -> None:
    assert await kept.keeper.renew(ID, Secret("at-1"))
    assert await kept.keeper.renew(ID, Secret("at-1"))  # a later call that was sent with the old token
    assert kept.renewals.asked == [(ID, Secret("at-1"))]


async def test_a_rejected_token_without_a_way_to_another_needs_a_person() -> None:
    kept = Kept(credential(refresh=Secret("")))
    await kept.keeper.reload()
    kept.renewals.outcome = NeedsLogin("it came without one to renew it with")
    assert not await kept.keeper.renew(ID, Secret("at-1"))
    await kept.keeper.look()
    assert kept.holds.held[ID][0] == "needs_login", "a look at the same token changes nothing"


async def test_what_others_write_is_taken_over_and_routing_hears_of_accounts_alone(kept: Kept) -> None:
    before = kept.changes
    kept.store.put(credential(access=Secret("at-9"), expires_at=NOW + 9000))
    await kept.keeper.look()
    assert (await kept.keeper.access(ID)).secret == Secret("at-9")
    assert kept.changes == before, "a new token is no news for routing"
    kept.store.put(credential("second"))
    await kept.keeper.look()
    assert kept.changes == before + 1
    assert [account.label for account in kept.keeper.accounts()["claude-oauth"]] == ["me@example.com", "second"]


async def test_what_is_due_is_renewed_ahead_of_time_also_where_nobody_calls(kept: Kept) -> None:
    kept.renewals.due[ID] = NOW + 10
    await kept.keeper.look()
    assert kept.renewals.asked == []
    kept.clock.advance(11)
    kept.renewals.waits = asyncio.Event()
    await kept.keeper.look()
    await kept.keeper.look()
    await asyncio.sleep(0)
    assert kept.renewals.asked == [(ID, None)]
    kept.renewals.waits.set()


async def test_accounts_of_providers_that_are_off_or_switched_off_themselves_are_left_alone(kept: Kept) -> None:
    kept.renewals.due[ID] = NOW - 1
    kept.off.add("claude-oauth")
    await kept.keeper.look()
    assert kept.keeper.renews_at(ID) is None
    kept.off.clear()
    await kept.keeper.change(ID, {"disabled": True}, "me")
    await kept.keeper.look()
    assert kept.renewals.asked == []
    assert kept.holds.held[ID] == ("disabled", "switched off by the operator")


async def test_a_new_sign_in_keeps_what_the_operator_chose_and_ends_every_rest(kept: Kept) -> None:
    kept.renewals.outcome = NeedsLogin("invalid_grant")
    thinking = Thinking(max="low")
    chosen = {"priority": 7, "aliases": {"best": "claude-opus-5"}, "thinking": thinking}
    await kept.keeper.change(ID, chosen, "me")
    kept.clock.advance(3600)
    with pytest.raises(Fault):
        await kept.keeper.access(ID)
    saved = await kept.keeper.save(
        credential(access=Secret("new"), refresh=Secret("rt-n"), expires_at=NOW + 9000), "me"
    )
    assert (saved.priority, saved.aliases, saved.thinking) == (7, {"best": "claude-opus-5"}, thinking)
    assert kept.holds.held == {} and ID in kept.holds.forgotten
    assert (await kept.keeper.access(ID)).secret == Secret("new")
    assert ("me", "signed_in", ID) in kept.audit.lines


async def test_changes_are_stored_audited_and_seen_by_routing(kept: Kept) -> None:
    before = kept.changes
    await kept.keeper.change(ID, {"priority": 3}, "me")
    assert kept.store.all[ID].priority == 3 and kept.changes == before + 1
    renamed = await kept.keeper.rename(ID, "work", "me")
    assert renamed.id == "claude-oauth/work" and kept.keeper.find(ID) is None
    await kept.keeper.delete("claude-oauth/work", "me")
    assert kept.keeper.credentials() == () and kept.store.all == {}
    assert [line[1] for line in kept.audit.lines] == ["changed", "changed", "deleted"]


async def test_files_of_other_programs_are_read_and_never_changed_or_renewed() -> None:
    kept = Kept(credential(owner="found"))
    await kept.keeper.reload()
    kept.renewals.due[ID] = NOW - 1
    await kept.keeper.look()
    assert (await kept.keeper.access(ID)).secret == Secret("at-1")
    for work in (kept.keeper.change(ID, {"priority": 1}, "me"), kept.keeper.delete(ID, "me")):
        with pytest.raises(ValueError, match="another program"):
            await work
    kept.clock.advance(3600)
    await kept.keeper.look()
    assert kept.holds.held[ID][0] == "expired"
    kept.store.put(credential(owner="found", expires_at=NOW + 9000))  # its owner renewed it
    await kept.keeper.look()
    assert kept.holds.held == {} and kept.renewals.asked == []


async def test_a_token_that_lives_in_memory_only_survives_a_look_at_the_disk() -> None:
    stored = credential(access=Secret(""), expires_at=None)
    kept = Kept(stored)
    await kept.keeper.reload()
    minute = replace(stored, access=Secret("jwt"), expires_at=NOW + 60)
    kept.renewals.outcome = Good(credential=minute, renewed=True)
    assert (await kept.keeper.access(ID)).secret == Secret("jwt")
    kept.store.put(replace(stored, priority=1))
    await kept.keeper.look()
    assert (await kept.keeper.access(ID)).secret == Secret("jwt")
    assert len(kept.renewals.asked) == 1


async def test_files_that_cannot_be_used_are_kept_for_the_list(kept: Kept) -> None:
    kept.store.troubles = (Trouble(name="x.json", problem="locked", reason="another key wrote it"),)
    kept.store.writes += 1
    await kept.keeper.look()
    assert [trouble.name for trouble in kept.keeper.troubles] == ["x.json"]
