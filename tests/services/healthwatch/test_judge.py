"""What is done about a program: nothing too early, nothing too often, nothing to who is busy or merely not ready."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.settings.processes import Supervision
from services.healthwatch import asking, watch
from services.healthwatch.judge import HOUR, SPARED, Action, Judge, Seen
from services.healthwatch.settings import Rules
from services.healthwatch.starts import LOOP, WINDOW

RULES = Rules()


def seen(**facts: Any) -> Seen:
    return Seen(**{"name": "p", "state": "RUNNING", "up": 1000.0, "alive": True, "ready": True, **facts})


WEDGED, HELPS, FATAL = seen(alive=False), seen(ready=False, cause="it says so"), seen(state="FATAL")


def kinds(judge: Judge, looks: list[tuple[float, Seen]]) -> list[tuple[float, str]]:
    found = [(now, judge.judge(each, now)) for now, each in looks]
    return [(now, action.kind) for now, action in found if action is not None]


def test_the_settings_of_the_router_are_those_of_the_program() -> None:
    assert Supervision().model_dump() == {name: getattr(RULES, name) for name in RULES.__struct_fields__}


@pytest.mark.parametrize(("wrong", "kind"), [(WEDGED, "kill"), (HELPS, "restart")])
def test_two_failures_in_a_row_and_not_one(wrong: Seen, kind: str) -> None:
    judge = Judge(RULES)
    assert judge.pause("p") == 20
    assert judge.judge(wrong, 0) is None
    assert judge.pause("p") == 5  # soon looked at again
    assert judge.judge(seen(), 5) is None
    assert judge.judge(wrong, 35) is None
    action = judge.judge(wrong, 40)
    assert action is not None and (action.kind, action.name) == (kind, "p") and action.why


@pytest.mark.parametrize(
    "fine",
    [
        seen(ready=False),
        seen(alive=None, ready=None),
        seen(alive=False, up=19.0),
        seen(ready=False, cause="x", busy=True),
        seen(state="STOPPED"),
        seen(state="STARTING", alive=False),
        seen(state="STOPPING", alive=False),
        seen(state="BACKOFF"),
    ],
)
def test_what_is_left_alone(fine: Seen) -> None:
    assert kinds(Judge(RULES), [(now, fine) for now in range(0, 600, 5)]) == []


SIGNS_IN = seen(busy=True, busy_for=600.0)
SILENT_AT = 20
"""Seconds of the first look that is not answered, after one at 0 that was."""


def killed_at(first: Seen, silent: Seen, rules: Rules = RULES) -> int | None:
    """When one that answered once and never again is killed, by looks five seconds apart."""
    judge = Judge(rules)
    judge.judge(replace(first, up=1000.0), 0)
    looks = [(now, replace(silent, up=1000.0 + now)) for now in range(SILENT_AT, 2000, 5)]
    return next((int(now) for now, kind in kinds(judge, looks) if kind == "kill"), None)


def test_who_was_busy_when_it_last_answered_gets_longer_and_is_killed_all_the_same() -> None:
    assert killed_at(seen(), WEDGED) == SILENT_AT + 5
    assert killed_at(SIGNS_IN, WEDGED) == SILENT_AT + 5 * (RULES.failures * SPARED - 1)
    short = replace(SIGNS_IN, busy_for=40.0)  # by then no sign-in, and no drain, is left
    assert killed_at(short, WEDGED) == 40
    assert killed_at(replace(SIGNS_IN, busy_for=0.0), WEDGED) == SILENT_AT + 5


def test_two_stalls_in_a_sign_in_end_nothing() -> None:
    judge = Judge(RULES)
    for start in range(0, 600, 40):
        assert kinds(judge, [(start, SIGNS_IN), (start + 20, WEDGED), (start + 25, WEDGED)]) == []


def test_what_was_busy_and_is_no_more_is_as_any_other() -> None:
    judge = Judge(RULES)
    looks = [(0, SIGNS_IN), (20, seen()), (40, WEDGED), (45, WEDGED)]
    assert kinds(judge, [(now, each) for now, each in looks]) == [(45, "kill")]


def test_the_successor_of_one_that_was_busy_is_as_any_other() -> None:
    judge = Judge(RULES)
    judge.judge(SIGNS_IN, 0)
    looks = [(now, seen(alive=False, up=now - 10.0)) for now in (40, 45)]  # it has begun at 10
    assert kinds(judge, [(now, each) for now, each in looks]) == [(45, "kill")]


def test_who_takes_no_connection_any_more_may_end_in_order() -> None:
    leaving = seen(alive=False, leaves=55.0)
    assert killed_at(seen(), leaving) == SILENT_AT + 55
    assert killed_at(seen(), seen(alive=False, leaves=0.0)) == SILENT_AT + 5
    judge = Judge(RULES)  # what it did once does not count for the next time
    looks = [(0, leaving), (50, seen()), (100, leaving), (105, leaving), (150, leaving), (155, leaving)]
    assert kinds(judge, [(now, each) for now, each in looks]) == [(155, "kill")]


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([SIGNS_IN, WEDGED, seen()])), max_size=60))
def test_whatever_was_said_one_that_stays_silent_is_killed(looks: list[tuple[int, Seen]]) -> None:
    judge, now = Judge(Rules(most_per_hour=1000)), 0
    for pause, each in looks:
        now += pause
        judge.judge(each, now)
    known = judge.of("p")
    end = max(now, int(known.not_before)) + 5 * RULES.failures * SPARED
    assert any(kind == "kill" for _, kind in kinds(judge, [(at, WEDGED) for at in range(now + 5, end + 6, 5)]))


def test_what_supervisord_has_given_up_is_started_with_longer_and_longer_pauses() -> None:
    acted = [now for now, kind in kinds(Judge(RULES), [(now, FATAL) for now in range(0, 3000, 1)]) if kind == "start"]
    assert acted == [0, 10, 30, 70, 150, 310]


@pytest.mark.parametrize("wrong", [WEDGED, HELPS])
def test_what_is_wrong_again_after_each_start_is_started_with_longer_and_longer_pauses(wrong: Seen) -> None:
    judge, started, acted = Judge(Rules(most_per_hour=20)), -1000.0, []
    for now in range(0, 1500, 5):
        action = judge.judge(replace(wrong, up=now - started), now)
        if action is not None:
            acted.append(now)
            started = now
        assert not (acted and judge.of("p").well)
    pauses = [after - before for before, after in itertools.pairwise(acted)]
    assert pauses == sorted(pauses) and pauses[-1] >= 300
    judge.judge(seen(up=5.0), 1500)
    assert judge.of("p").in_row and not judge.of("p").well  # it has only just been started
    judge.judge(seen(up=RULES.grace), 1515)
    assert not judge.of("p").in_row and judge.of("p").well


def test_after_so_many_in_an_hour_it_is_only_told_and_once() -> None:
    judge = Judge(Rules(most_per_hour=2))
    found = kinds(judge, [(now, FATAL) for now in range(0, 3500, 10)])
    assert [kind for _, kind in found] == ["start", "start", "tell"]
    later = judge.judge(FATAL, HOUR + 1)
    assert later == Action("start", "p", "it is fatal")


def test_what_works_again_begins_anew() -> None:
    judge = Judge(RULES)
    kinds(judge, [(now, FATAL) for now in range(0, 40, 10)])
    judge.judge(seen(), 50)
    assert judge.of("p").in_row == 0
    assert kinds(judge, [(400, FATAL), (410, FATAL)]) == [(400, "start"), (410, "start")]


LOOKS = st.lists(
    st.tuples(st.floats(0.1, 60), st.sampled_from([WEDGED, HELPS, FATAL, seen(), seen(ready=False), seen(busy=True)])),
    max_size=200,
)


@given(LOOKS, st.integers(1, 4), st.integers(0, 6))
def test_never_more_than_the_cap_in_any_hour_and_never_without_a_reason(
    looks: list[tuple[float, Seen]], failures: int, most: int
) -> None:
    judge, now, acted = Judge(Rules(failures=failures, most_per_hour=most)), 0.0, []
    for pause, each in looks:
        now += pause
        action = judge.judge(each, now)
        if action is not None and action.kind != "tell":
            assert each in (WEDGED, HELPS, FATAL) and action.why
            acted.append(now)
    assert all(sum(start <= at < start + HOUR for at in acted) <= most for start in acted)


WITHIN = 45.0
START = 4.0
"""Seconds until supervisord has taken leave of what was killed (a second at most) and its successor answers."""
BESIDE = watch.LONGEST + watch.PATIENCE
"""Seconds by which a look may come late: the rounds' pause, and a round that waits for others."""


def healed_after(rules: Rules, wedged: float, started: float = -1000.0) -> float:
    """Seconds from the wedging of a program to an answer of its successor, with every wait as long as it may be."""
    judge, now = Judge(rules), 0.0
    for _ in range(1000):
        look, wrong = now, now >= wedged
        now += asking.LIMIT if wrong else 0.0
        action = judge.judge(seen(alive=not wrong, up=look - started), now)
        if action is not None:
            assert action.kind == "kill"
            return now + START - wedged
        now += judge.pause("p") + BESIDE
    raise AssertionError("it was never found")


@pytest.mark.parametrize("phase", range(0, 60, 1))
def test_with_the_settings_as_they_come_what_hangs_is_healed_in_time(phase: int) -> None:
    assert healed_after(RULES, phase + 0.001) <= WITHIN


def test_a_longer_pause_between_looks_would_be_too_long() -> None:
    assert max(healed_after(Rules(every=30), phase + 0.001) for phase in range(60)) > WITHIN


@pytest.mark.parametrize("up", range(0, 20, 1))
def test_what_hangs_within_its_grace_is_looked_at_often_and_healed_soon_after_it(up: int) -> None:
    assert healed_after(RULES, 0.0, started=-up) <= RULES.grace - up + 27.0


def test_starts_that_come_again_and_again_are_a_crash_loop_until_they_end() -> None:
    judge = Judge(RULES)
    for at in range(LOOP - 1):
        judge.saw("p", 100 + at, 0.0, at * 10.0)
        judge.saw("p", 100 + at, 5.0, at * 10.0 + 5.0)  # the same process is one start
    judge.judge(seen(up=6.0), 26.0)
    assert judge.of("p").starts.loops(26.0) == "" and judge.of("p").well
    judge.saw("p", 200, 0.0, 30.0)
    judge.judge(seen(up=0.0), 30.0)
    assert judge.of("p").starts.loops(30.0) == f"crash loop: {LOOP} starts in 30 s"
    assert not judge.of("p").well
    calm = 30.0 + WINDOW
    judge.judge(seen(up=calm - 30.0), calm)
    assert judge.of("p").starts.loops(calm) == "" and judge.of("p").well and judge.of("p").in_row == 0


def test_starts_that_are_far_apart_are_no_crash_loop() -> None:
    judge = Judge(RULES)
    for at in range(20):
        judge.saw("p", 100 + at, 0.0, at * WINDOW / (LOOP - 1.5))
        assert judge.of("p").starts.loops(at * WINDOW / (LOOP - 1.5)) == ""


@pytest.mark.parametrize("wrong", [FATAL, HELPS])
def test_a_crash_loop_is_not_made_quicker(wrong: Seen) -> None:
    judge = Judge(RULES)
    for at in range(LOOP):
        judge.saw("p", 100 + at, 0.0, at * 10.0)
    looks = [(30.0 + at, replace(wrong, up=1000.0)) for at in range(1, 200)]
    assert kinds(judge, looks)[0][0] >= 30.0 + 80.0


def test_a_start_that_is_tried_again_is_told_and_nothing_is_done() -> None:
    judge = Judge(RULES)
    assert judge.judge(seen(state="BACKOFF"), 0) is None
    assert not judge.of("p").well and judge.pause("p") == RULES.again
    judge.judge(seen(), 10)
    assert judge.of("p").well


def test_what_an_earlier_run_has_done_counts() -> None:
    first = Judge(Rules(most_per_hour=2))
    kinds(first, [(now, FATAL) for now in range(0, 100, 10)])
    second = Judge(Rules(most_per_hour=2))
    second.remember(first.acted(100))
    assert [kind for _, kind in kinds(second, [(now, FATAL) for now in range(100, 200, 10)])] == ["tell"]
    assert first.acted(HOUR + 200) == {"p": []}
