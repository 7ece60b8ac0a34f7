"""The loop around upstream calls: what is held, what is closed, and what is learnt about accounts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from router.accounts.affinity import Affinity
from router.accounts.health import Health
from router.accounts.record import Account
from router.accounts.sessions import Sessions
from router.call import Call, Caller, Limits, Record
from router.clock import FakeClock
from router.faults import Fault
from router.patience import Patience
from router.providers.lanes import Batch
from router.providers.observed import Observed
from router.providers.run import Opened
from router.routing.attempt import HELD, RENEWED, Attempts
from router.routing.begun import Begun
from router.routing.choose import ONLY
from router.routing.plan import plan
from router.wire.events import Ended, Usage, UsageReported
from tests.router.routing.making import CHAT, account, crowd, provider, table

PROVIDERS = [provider(name, base_urls=("http://x",), accounts=2) for name in ("one", "two")]


class Script:
    """A lane that gives these batches; a fault among them is raised, None waits for ever."""

    def __init__(self, *steps: Batch | Fault | None) -> None:
        self.observed = Observed()
        self.closed = 0
        self._steps = steps

    async def batches(self) -> AsyncIterator[Batch]:
        for step in self._steps:
            if step is None:
                await asyncio.Event().wait()
            elif isinstance(step, Fault):
                raise step
            else:
                yield step

    def failure(self, fault: Fault) -> list[bytes]:
        return []

    async def close(self) -> None:
        self.closed += 1


class StandIn:
    """In the place of the runner: each attempt opens the next lane, or raises the next fault."""

    def __init__(self, *lanes: Script | Fault) -> None:
        self.lanes = list(lanes)
        self.asked: list[str] = []

    async def open(self, call: Any, plan: Any, candidate: Any, provider: Any, account: Any, *rest: Any) -> Opened:
        self.asked.append(account.id)
        rest[1]()  # the request leaves
        lane = self.lanes.pop(0)
        if isinstance(lane, Fault):
            raise lane
        return Opened(lane=lane, name="raw")


def world(*lanes: Script | Fault) -> tuple[StandIn, Health, Attempts]:
    clock, runner = FakeClock(), StandIn(*lanes)
    health = Health(clock, random.Random(1))
    made: Any = runner
    patience = Patience()
    affinity, sessions, waits = Affinity(clock), Sessions(clock), crowd(clock, patience)
    return runner, health, Attempts(made, health, affinity, clock, random.Random(1), patience, sessions, waits)


async def begin(attempts: Attempts, record: Record, **limits: Any) -> Begun:
    chosen = plan(table(*PROVIDERS, rules=[("^m$", ("one", "two"))]), "m", needs=CHAT)
    caller = Caller(key_id="k", key_name="k")
    call = Call(id="req_1", dialect="chat", asked="m", stream=True, body=b"{}", caller=caller)
    return await attempts.begin(call, chosen, {each.id: each for each in PROVIDERS}, Limits(**limits), record)


def fresh() -> Record:
    return Record(call_id="req_1", dialect="chat", surface="chat", asked="m")


async def test_what_comes_before_the_first_content_is_held_and_given_with_it() -> None:
    lane = Script(Batch(b"head", False), Batch(b"first", True), Batch(b"second", True))
    _, health, attempts = world(lane)
    record = fresh()
    begun = await begin(attempts, record)
    assert begun.first == b"headfirst"
    assert [batch.data async for batch in begun.rest] == [b"second"]
    await begun.complete()
    assert lane.closed == 1
    assert (record.provider, record.model, record.lane) == ("one", "m", "raw")
    assert not health._open


async def test_not_more_than_64_kib_are_held() -> None:
    lane = Script(*[Batch(b"x" * 10_000, False)] * 20, Batch(b"content", True))
    _, _, attempts = world(lane)
    begun = await begin(attempts, fresh())
    assert HELD < len(begun.first) <= HELD + 10_000
    await begun.abandoned()


async def test_a_lane_that_fails_before_content_is_closed_and_the_next_account_is_asked() -> None:
    bad = Script(Batch(b"head", False), Fault("upstream_broken", "cut"))
    good = Script(Batch(b"hello", True))
    runner, health, attempts = world(bad, good)
    record = fresh()
    begun = await begin(attempts, record)
    assert begun.first == b"hello"  # nothing of the first answer
    assert bad.closed == 1
    assert len(set(runner.asked)) == 2
    assert [attempt.outcome for attempt in record.tries] == ["upstream_broken", "ok"]
    await begun.complete()
    assert not health._open


@pytest.mark.parametrize("held", [False, True])
async def test_a_renewal_is_told_as_the_reason_only_of_the_account_that_was_renewed(held: bool) -> None:
    both = account("one", "a", stored=True), account("one", "b")
    one = replace(provider("one", base_urls=("http://x",)), accounts=both)
    runner, health, attempts = world(Fault("upstream_auth", "no", status=401), Script(Batch(b"hello", True)))

    async def renew(used: Account, fault: Fault) -> bool:
        if held:  # by somebody else, meanwhile
            health.hold(used.id, "disabled", "switched off")
        return True

    runner.renew = renew  # type: ignore[attr-defined]
    chosen, record = plan(table(one, rules=[("^m$", ("one",))]), "m", needs=CHAT), fresh()
    call = Call(id="req_1", dialect="chat", asked="m", stream=True, body=b"{}", caller=Caller(key_id="k", key_name="k"))
    await attempts.begin(call, chosen, {"one": one}, Limits(), record)
    assert runner.asked == ["one/a", "one/b" if held else "one/a"]
    assert record.tries[1].chosen == (ONLY if held else RENEWED)


async def test_an_answer_that_ends_before_it_begins_is_a_failure() -> None:
    empty = Script(Batch(b"head", False))
    _, _, attempts = world(empty, Script(Batch(b"hello", True)))
    assert (await begin(attempts, fresh())).first == b"hello"
    assert empty.closed == 1


async def test_a_break_in_the_middle_is_recorded_and_counts_against_the_account() -> None:
    lane = Script(Batch(b"a", True))
    _, health, attempts = world(lane)
    record = fresh()
    begun = await begin(attempts, record)
    await begun.broken(Fault("upstream_broken", "cut", status=200))
    assert lane.closed == 1
    assert record.tries[-1].outcome == "upstream_broken"
    assert not health._open
    assert health._entries


async def test_a_client_that_leaves_teaches_nothing_about_the_account() -> None:
    lane = Script(None)
    _, health, attempts = world(lane)
    waiting = asyncio.ensure_future(begin(attempts, fresh()))  # noqa: TID251
    while not health._open:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert lane.closed == 1
    assert not health._open
    assert not health._entries


async def test_every_attempt_is_in_the_record_when_all_fail() -> None:
    faults = [Fault("upstream_auth", "key", status=401) for _ in range(4)]
    _, health, attempts = world(*faults)
    record = fresh()
    with pytest.raises(Fault) as raised:
        await begin(attempts, record)
    assert raised.value.kind == "upstream_auth"
    assert {attempt.account for attempt in record.tries} == {"one/a", "one/b", "two/a", "two/b"}
    assert not health._open


async def test_each_attempt_has_its_own_usage_and_a_cancelled_one_is_told() -> None:
    lane = Script(Batch(b"hello", True))
    lane.observed.note([UsageReported(Usage(input=7, output=3)), Ended()])
    _, _, attempts = world(Fault("rate_limited", "slow down"), lane)
    record = fresh()
    await (await begin(attempts, record)).complete()
    assert [attempt.usage for attempt in record.tries] == [None, Usage(input=7, output=3)]
    assert record.usage == Usage(input=7, output=3)
    assert [attempt.outcome for attempt in record.shares()] == ["ok"]


async def test_an_attempt_whose_client_leaves_before_the_first_word_stays_in_the_record() -> None:
    silent = Script(Batch(b"head", False), None)
    runner, health, attempts = world(silent)
    record = fresh()
    task = asyncio.get_running_loop().create_task(begin(attempts, record))
    while not runner.asked:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [attempt.outcome for attempt in record.tries] == ["cancelled"]
    assert not health._open
