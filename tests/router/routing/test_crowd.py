"""The waiting itself: who wakes, who gives up, and that a place is never lost or given twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from router.clock import FakeClock
from router.faults import Fault
from router.patience import Patience
from router.routing.crowd import Crowd
from router.routing.gate import LATEST, SOONEST, UNMEASURED, Gate, Owner
from router.routing.line import Bounds
from router.tasks import Tasks
from tests.router.routing.making import Counts


class World:
    """Gates with all places taken, and who waits for them."""

    def __init__(self, *bounds: Bounds) -> None:
        self.clock, self.counts, self.patience = FakeClock(), Counts(), Patience()
        self.crowd = Crowd(self.clock, self.patience, self.counts)
        self.gates = [Gate(owner(chr(ord("a") + at)), each, self.clock) for at, each in enumerate(bounds)]
        for gate, each in zip(self.gates, bounds, strict=True):
            assert all(gate.take() for _ in range(each.most or 0))
        self.tasks = Tasks("test")

    def come(self, *gates: Gate, batch: bool = False) -> asyncio.Task[Gate]:
        priority = "batch" if batch else "interactive"
        return self.tasks.spawn(self.crowd.place(gates or self.gates, priority), "call")


def owner(name: str) -> Owner:
    return Owner(
        scope="provider", name=f"The provider {name}", kind="overloaded", setting="its most", queue="its queue"
    )


async def turn() -> None:
    """Let everybody who can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_place_that_is_free_is_taken_without_waiting() -> None:
    it = World(Bounds(1, 1))
    it.gates[0].release()
    assert await it.crowd.place(it.gates, "interactive") is it.gates[0]
    assert it.counts.waits == []


async def test_who_waits_gets_the_place_that_is_given_back() -> None:
    it = World(Bounds(1, 2))
    first, second = it.come(), it.come()
    await turn()
    assert it.crowd.waiting["provider"] == 2
    it.gates[0].release()
    await turn()
    assert first.done()
    assert not second.done()
    assert (it.gates[0].running, it.gates[0].waiting) == (1, 1)
    it.gates[0].release()
    assert await second is it.gates[0]
    assert it.crowd.waiting["provider"] == 0
    assert len(it.counts.waits) == 2


async def test_whichever_gate_is_first_serves_and_the_other_forgets() -> None:
    it = World(Bounds(1, 1), Bounds(1, 1))
    call = it.come()
    await turn()
    it.gates[1].release()
    assert it.gates[0].waiting == 0
    it.gates[0].release()
    assert await call is it.gates[1]
    assert [(gate.running, gate.waiting) for gate in it.gates] == [(0, 0), (1, 0)]


async def test_a_full_line_refuses_and_says_whose_limit_it_is() -> None:
    it = World(Bounds(2, 1))
    waits = it.come()
    await turn()
    with pytest.raises(Fault) as caught:
        await it.crowd.place(it.gates, "interactive")
    assert caught.value.kind == "overloaded"
    assert caught.value.message == (
        "The provider a has 2 calls in progress, and its most allows 2; 1 wait, and 1 may (its queue)."
    )
    assert it.counts.turned_away == ["full"]
    waits.cancel()
    await turn()


async def test_who_goes_frees_a_place_in_the_line_and_no_other() -> None:
    it = World(Bounds(1, 1))
    gone = it.come()
    await turn()
    gone.cancel()
    await turn()
    assert (it.gates[0].running, it.gates[0].waiting, it.crowd.waiting["provider"]) == (1, 0, 0)
    stays = it.come()
    await turn()
    it.gates[0].release()
    assert await stays is it.gates[0]


async def test_who_goes_in_the_moment_in_which_the_place_comes_gives_it_to_the_next() -> None:
    for cancel_first in (True, False):
        it = World(Bounds(1, 2))
        gone, stays = it.come(), it.come()
        await turn()
        if cancel_first:
            gone.cancel()
        it.gates[0].release()
        if not cancel_first:
            gone.cancel()
        await turn()
        assert gone.cancelled()
        assert await stays is it.gates[0]
        assert (it.gates[0].running, it.gates[0].waiting) == (1, 0)


async def test_a_batch_call_leaves_a_full_line_for_an_interactive_one() -> None:
    it = World(Bounds(1, 1))
    batch = it.come(batch=True)
    await turn()
    person = it.come()
    await turn()
    with pytest.raises(Fault, match="left the full line"):
        await batch
    assert it.counts.turned_away == ["displaced"]
    it.gates[0].release()
    assert await person is it.gates[0]


async def test_a_call_that_must_leave_one_line_still_stands_in_the_other() -> None:
    it = World(Bounds(1, 1), Bounds(1, 1))
    batch = it.come(batch=True)
    await turn()
    person = it.come(it.gates[0])
    await turn()
    assert not batch.done()
    it.gates[1].release()
    assert await batch is it.gates[1]
    it.gates[0].release()
    assert await person is it.gates[0]


async def test_every_wait_has_a_limit() -> None:
    it = World(Bounds(1, 1))
    it.patience.start()
    it.crowd.seconds = 0.0
    with pytest.raises(Fault, match="queue_timeout") as caught:
        await it.crowd.place(it.gates, "interactive")
    assert caught.value.retry_after == UNMEASURED
    assert it.counts.turned_away == ["timeout"]
    assert (it.gates[0].running, it.gates[0].waiting) == (1, 0)
    it.crowd.seconds = 1000.0
    with pytest.raises(Fault, match="queue_timeout"):
        await it.crowd.place(it.gates, "interactive", 0.0)
    await it.patience.close()


async def test_more_places_are_given_at_once() -> None:
    it = World(Bounds(1, 3))
    calls = [it.come() for _ in range(3)]
    await turn()
    it.gates[0].follow(Bounds(3, 3))
    await turn()
    assert [call.done() for call in calls] == [True, True, False]
    it.gates[0].follow(Bounds(None))
    await turn()
    assert calls[2].done()


def test_the_time_to_come_back_is_measured_and_bounded() -> None:
    gate = Gate(owner("a"), Bounds(2, 5), FakeClock())
    assert gate.retry_after() == UNMEASURED
    for held, told in ((12.0, 6.0), (12.0, 6.0), (0.0, 5.4)):
        assert gate.take()
        gate.release(held)
        assert gate.retry_after() == pytest.approx(told)
    for held, told in ((0.0, SOONEST), (1e6, LATEST)):
        for _ in range(60):
            assert gate.take()
            gate.release(held)
        assert gate.retry_after() == told


@pytest.mark.parametrize("seed", range(20))
async def test_never_more_than_allowed_and_nobody_forgotten_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    it = World(Bounds(2, 4), Bounds(1, 4))
    for gate in it.gates:
        while gate.running:
            gate.release()
    calls: list[asyncio.Task[Gate]] = []
    held: list[Gate] = []
    for _ in range(300):
        what = chance.random()
        if what < 0.45:
            calls.append(it.come(*chance.choice([it.gates, it.gates[:1], it.gates[1:]]), batch=chance.random() < 0.5))
        elif what < 0.6 and calls:
            chance.choice(calls).cancel()
        elif held:
            held.pop(chance.randrange(len(held))).release(1.0)
        if chance.random() < 0.7:
            await turn()
            for call in [call for call in calls if call.done()]:
                calls.remove(call)
                if not call.cancelled() and call.exception() is None:
                    held.append(call.result())
            assert [gate.running for gate in it.gates] == [held.count(gate) for gate in it.gates]
            assert it.gates[0].running <= 2
            assert it.gates[1].running <= 1
        it.clock.advance(chance.random() * 3)
    while calls or held:
        while held:
            held.pop().release()
        await turn()
        for call in [call for call in calls if call.done()]:
            calls.remove(call)
            if not call.cancelled() and call.exception() is None:
                held.append(call.result())
    assert [(gate.running, gate.waiting) for gate in it.gates] == [(0, 0), (0, 0)]
    assert it.crowd.waiting["provider"] == 0
