"""Who gets a place, who waits and who is refused: by cases, and by anything that may happen in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.call import PRIORITIES, Priority
from router.routing.line import AGING, Bounds, Line


def full(most: int = 1, queue: int = 3) -> Line:
    line = Line(Bounds(most, queue))
    for _ in range(most):
        assert line.take()
    return line


def order(line: Line) -> list[int]:
    """The tickets in the order in which they get places."""
    called = []
    while line.waiting:
        line.release()
        ticket = line.call()
        assert ticket is not None
        called.append(ticket)
    return called


def joined(line: Line, priority: Priority, now: float) -> int:
    ticket = line.join(priority, now).ticket
    assert ticket is not None
    return ticket


def test_so_many_have_a_place_and_no_more() -> None:
    line = full(2, queue=0)
    assert not line.take()
    assert line.join("interactive", 0.0).ticket is None
    line.release()
    assert line.take()
    assert line.running == 2


def test_without_a_limit_everybody_has_a_place() -> None:
    line = Line(Bounds(None))
    assert all(line.take() for _ in range(10_000))


def test_equal_ones_go_in_the_order_in_which_they_came() -> None:
    line = full()
    tickets = [joined(line, "interactive", 1.0) for _ in range(3)]
    assert order(line) == tickets


def test_interactive_calls_go_before_batch() -> None:
    line = full()
    batch = joined(line, "batch", 0.0)
    first, second = joined(line, "interactive", 1.0), joined(line, "interactive", 2.0)
    assert order(line) == [first, second, batch]


def test_a_batch_call_is_passed_only_by_those_that_come_soon_after_it() -> None:
    line = full(queue=9)
    batch = joined(line, "batch", 0.0)
    soon = joined(line, "interactive", AGING - 0.1)
    late = joined(line, "interactive", AGING + 0.1)
    assert order(line) == [soon, batch, late]


def test_nobody_takes_a_place_before_those_who_wait() -> None:
    line = full(queue=1)
    ticket = joined(line, "batch", 0.0)
    line.release()
    assert not line.take()
    assert line.call() == ticket


def test_a_full_line_makes_room_for_an_interactive_call_and_for_no_other() -> None:
    line = full(queue=2)
    kept, gone = joined(line, "batch", 0.0), joined(line, "batch", 1.0)
    assert line.join("batch", 2.0).ticket is None
    came = line.join("interactive", 2.0)
    assert came.displaced == gone
    assert order(line) == [came.ticket, kept]


def test_who_has_waited_long_is_not_displaced() -> None:
    line = full(queue=1)
    joined(line, "batch", 0.0)
    assert line.join("interactive", AGING + 1).ticket is None
    equal = full(queue=1)
    joined(equal, "interactive", 0.0)
    assert equal.join("interactive", 0.0).ticket is None


def test_who_leaves_has_left_and_frees_nothing() -> None:
    line = full(queue=2)
    gone, stays = joined(line, "interactive", 0.0), joined(line, "interactive", 0.0)
    assert line.leave(gone)
    assert not line.leave(gone)
    assert line.running == 1
    assert order(line) == [stays]
    assert not line.leave(stays)


def test_a_place_is_given_back_once() -> None:
    line = full()
    line.release()
    with pytest.raises(ValueError, match="nobody had"):
        line.release()


class Anything(RuleBasedStateMachine):
    """A line beside a plain list of who should stand where."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line(Bounds(2, 3))
        self.now = 0.0
        self.waiting: dict[int, tuple[Priority, float]] = {}
        self.running = 0
        self.ended: set[int] = set()

    @rule(seconds=st.floats(0.0, AGING))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(priority=st.sampled_from(PRIORITIES))
    def a_call_comes(self, priority: Priority) -> None:
        if self.line.take():
            assert not self.waiting
            self.running += 1
            return
        joined = self.line.join(priority, self.now)
        if joined.displaced is not None:
            kind, since = self.waiting.pop(joined.displaced)
            assert (kind, priority) == ("batch", "interactive")
            assert self.now < since + AGING
            self.ended.add(joined.displaced)
        if joined.ticket is None:
            assert len(self.waiting) >= self.line.bounds.queue
        else:
            self.waiting[joined.ticket] = (priority, self.now)

    @precondition(lambda self: self.running)
    @rule()
    def a_call_ends(self) -> None:
        self.line.release()
        self.running -= 1
        self.called()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_client_goes(self, data: Any) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.line.leave(ticket)
        del self.waiting[ticket]
        self.ended.add(ticket)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def a_client_goes_twice(self, data: Any) -> None:
        assert not self.line.leave(data.draw(st.sampled_from(sorted(self.ended))))

    @rule(most=st.integers(1, 4), queue=st.integers(0, 4))
    def the_settings_change(self, most: int, queue: int) -> None:
        self.line.bounds = Bounds(most, queue)
        self.called()

    def called(self) -> None:
        while (ticket := self.line.call()) is not None:
            assert self.running < (self.line.bounds.most or 0)
            self.running += 1
            kind, since = self.waiting.pop(ticket)
            self.ended.add(ticket)
            for other, (priority, came) in self.waiting.items():
                if priority == kind:
                    assert (came, other) > (since, ticket), "equal ones go in their order"
                elif priority == "interactive":
                    assert came >= since + AGING, "a batch call has gone before an interactive one"
                else:
                    assert since <= came + AGING, "a batch call was passed after its time"

    @invariant()
    def nobody_is_lost(self) -> None:
        assert self.line.running == self.running
        assert self.line.waiting == len(self.waiting)
        assert not self.waiting or self.running >= (self.line.bounds.most or 0)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
