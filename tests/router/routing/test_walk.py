"""Which target a call goes to next, and what is told when nothing is left."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec.structs import replace

from router.accounts.health import Cooling, Lease
from router.call import Limits
from router.faults import Fault
from router.routing.choose import Waiting
from router.routing.cooldown import tripped
from router.routing.plan import Candidate, Plan, plan
from router.routing.walk import FIRST_PAUSE, LONGEST_PAUSE, Walk
from tests.router.routing.making import CHAT, account, provider, table

NOW = 1000.0
CHANCE = random.Random(7)


def made(*names: str, windows: tuple[int, ...] = (), **limits: Any) -> tuple[Walk, list[Candidate]]:
    """A walk over these providers of one model, in this order."""
    providers = [provider(name, base_urls=("http://x",), accounts=2) for name in names]
    chosen = plan(table(*providers, rules=[("^m$", names)]), "m", needs=CHAT)
    candidates = list(chosen.candidates)
    for index, window in enumerate(windows):
        facts = replace(candidates[index].capabilities, context_window=window)
        candidates[index] = replace(candidates[index], capabilities=facts)
    return Walk(Plan(asked="m", candidates=tuple(candidates)), Limits(**limits), NOW), candidates


def lease(candidate: Candidate, label: str = "a") -> Lease:
    config = provider(candidate.provider, accounts=2)
    used = account(candidate.provider, label)
    return Lease(number=1, provider=candidate.provider, model="m", account=used, config=config, began=NOW)


def test_another_account_comes_before_another_provider() -> None:
    walk, (one, two) = made("one", "two")
    walk.failed(one, lease(one), Fault("rate_limited", "slow down"))
    assert walk.next(NOW) is one
    assert walk.avoid(one) == {"one/a"}
    walk.cooling(one, Cooling(provider="one", model="m", reasons=(), retry_after=3.0))
    assert walk.next(NOW) is two


def test_a_silent_or_unknowing_target_is_tried_once() -> None:
    for kind in ("timeout", "not_found"):
        walk, (one, two) = made("one", "two")
        walk.failed(one, lease(one), Fault(kind, "no"))
        assert walk.next(NOW) is two
        assert walk.avoid(one) == set()


def test_a_fault_of_the_request_ends_the_walk_and_is_told_whatever_failed_before() -> None:
    walk, (one, two) = made("one", "two")
    walk.failed(one, lease(one), Fault("timeout", "silence"))
    bad = Fault("bad_request", "messages.1.role: no", status=400, passthrough=b"{}")
    walk.failed(two, lease(two), bad)
    assert walk.next(NOW) is None
    assert walk.verdict() is bad
    assert bad.message == "messages.1.role: no"


def test_what_one_target_cannot_express_another_may() -> None:
    walk, (one, two) = made("one", "two")
    walk.failed(one, lease(one), Fault("bad_request", "audio cannot be sent"))
    assert walk.next(NOW) is two


def test_too_long_a_prompt_goes_to_larger_windows_only() -> None:
    walk, (one, _, three) = made("one", "two", "three", windows=(1000, 500, 9000))
    walk.failed(one, lease(one), Fault("too_long", "too long", status=400))
    assert walk.next(NOW) is three
    walk.failed(three, lease(three), Fault("too_long", "too long again", status=400))
    assert walk.next(NOW) is None
    assert walk.verdict().kind == "too_long"


def test_the_budget_and_the_deadline_end_the_walk() -> None:
    walk, (one, _) = made("one", "two", max_attempts=1)
    walk.failed(one, lease(one), Fault("timeout", "no"))
    assert walk.next(NOW) is None
    walk, (one, _) = made("one", "two", deadline=5.0)
    assert walk.next(NOW + 4.9) is one
    assert walk.next(NOW + 5.0) is None


def test_the_last_target_gets_one_more_try_after_a_pause() -> None:
    walk, (one,) = made("one")
    walk.failed(one, lease(one), Fault("upstream_broken", "500"))
    assert FIRST_PAUSE <= walk.pause(NOW, CHANCE) <= FIRST_PAUSE * 1.3
    assert walk.next(NOW) is one
    assert walk.avoid(one) == set()
    walk.failed(one, lease(one), Fault("upstream_broken", "500"))
    assert walk.pause(NOW, CHANCE) == 0.0
    assert walk.avoid(one) == {"one/a"}


def test_a_target_with_others_behind_it_is_not_waited_for() -> None:
    walk, (one, _) = made("one", "two")
    walk.failed(one, lease(one), Fault("overloaded", "busy", retry_after=3.0))
    assert walk.pause(NOW, CHANCE) == 0.0


def test_the_pause_ends_when_what_the_hint_has_closed_is_open_again() -> None:
    fault = Fault("overloaded", "busy", retry_after=2.0)
    for seed in range(200):
        walk, (one,) = made("one")
        walk.failed(one, lease(one), fault)
        closed = tripped(None, fault, NOW, NOW, random.Random(-seed)).until
        assert closed is not None and NOW + walk.pause(NOW, random.Random(seed)) >= closed


def test_a_long_hint_is_told_instead_of_waited_for() -> None:
    walk, (one,) = made("one")
    walk.failed(one, lease(one), Fault("overloaded", "busy", retry_after=LONGEST_PAUSE + 1))
    assert walk.pause(NOW, CHANCE) == 0.0
    assert walk.next(NOW) is None
    assert walk.verdict().retry_after == LONGEST_PAUSE + 1
    walk, (one,) = made("one", deadline=0.1)
    walk.failed(one, lease(one), Fault("upstream_broken", "500"))
    assert walk.pause(NOW, CHANCE) == 0.0
    assert walk.next(NOW) is None


def test_the_verdict_tells_the_recoverable_fault_and_what_else_was_tried() -> None:
    walk, (one, two) = made("one", "two")
    walk.failed(one, lease(one), Fault("rate_limited", "slow down", retry_after=9.0))
    walk.failed(two, lease(two), Fault("not_found", "no such model"))
    told = walk.verdict()
    assert told.kind == "rate_limited"
    assert told.message == "slow down (also tried two: no such model)"
    walk, (one, two) = made("one", "two")
    walk.failed(one, lease(one), Fault("not_found", "no such model"))
    walk.failed(two, lease(two), Fault("not_found", "none here"))
    assert walk.verdict().message == "none here"


def test_of_resting_targets_the_soonest_is_told() -> None:
    walk, candidates = made("one", "two", "three")
    for candidate, wait in zip(candidates, (30.0, 0.0, None), strict=True):
        walk.cooling(candidate, Cooling(provider=candidate.provider, model="m", reasons=(), retry_after=wait))
    assert walk.next(NOW) is None
    assert "two" in walk.verdict().message


def test_without_any_target_the_plans_own_fault_is_told() -> None:
    fault = Fault("not_found", "nobody")
    assert Walk(Plan(asked="m", fault=fault), Limits(), NOW).verdict() is fault
    assert Walk(Plan(asked="m"), Limits(), NOW).verdict().kind == "unavailable"


LIMITED = Fault("rate_limited", "slow down", status=429)
RESTING = (Waiting("one/a", "cooling", "rate_limited (HTTP 429): slow down", NOW + 9),)


def resting(candidate: Candidate, *reasons: Waiting) -> Cooling:
    return Cooling(provider=candidate.provider, model="m", reasons=reasons, retry_after=9.0)


def with_smaller(mode: Any, *names: str) -> tuple[Walk, list[Candidate], Candidate]:
    """A walk over these providers, with a smaller model of the first."""
    _, candidates = made(*names)
    small = replace(candidates[0], model="s", rank=9, stands_in="s")
    chosen = Plan(asked="m", candidates=tuple(candidates), smaller=(small,))
    return Walk(chosen, Limits(quota_exceeded=mode), NOW), candidates, small


@pytest.mark.parametrize("kind", ["rate_limited", "quota_spent"])
def test_a_limit_may_end_the_call_at_once(kind):
    walk, (one, _) = made("one", "two", quota_exceeded="fail")
    fault = Fault(kind, "slow down")
    walk.failed(one, lease(one), fault)
    assert walk.next(NOW) is None
    assert walk.verdict() is fault


def test_where_a_limit_ends_the_call_one_that_is_known_does_so_too():
    walk, (one, _) = made("one", "two", quota_exceeded="fail")
    walk.cooling(one, resting(one, *RESTING))
    assert walk.next(NOW) is None
    assert walk.verdict().kind == "rate_limited"
    assert walk.verdict().retry_after == 9.0


def test_where_a_limit_ends_the_call_other_faults_still_move_on():
    walk, (one, two) = made("one", "two", quota_exceeded="fail")
    walk.failed(one, lease(one), Fault("upstream_broken", "no"))
    walk.cooling(one, resting(one))
    assert walk.next(NOW) is two
    walk.cooling(two, resting(two, Waiting("two/a", "refused", "upstream_auth: no", None)))
    assert walk.verdict().kind == "upstream_broken"


def test_a_limit_may_move_the_call_to_another_provider_past_the_other_accounts():
    walk, (one, two) = made("one", "two", quota_exceeded="next_provider")
    other = replace(one, model="other")
    walk._left.insert(1, other)
    walk.failed(one, lease(one), LIMITED)
    assert walk.next(NOW) is two
    walk.failed(two, lease(two), Fault("upstream_auth", "no"))
    assert walk.next(NOW) is two  # only limits are met so
    assert walk.avoid(two) == {"two/a"}


@pytest.mark.parametrize("mode", ["next_account", "smaller_model"])
def test_a_smaller_model_comes_when_all_accounts_of_all_targets_had_their_turn(mode):
    walk, (one, two), small = with_smaller(mode, "one", "two")
    walk.failed(one, lease(one), LIMITED)
    assert walk.next(NOW) is one
    walk.cooling(one, resting(one))
    assert walk.next(NOW) is two
    walk.cooling(two, resting(two, *RESTING))
    assert walk.next(NOW) is small
    walk.failed(small, lease(small), LIMITED)
    assert walk.next(NOW) is small
    walk.cooling(small, resting(small))
    assert walk.next(NOW) is None
    assert walk.verdict().kind == "rate_limited"


def test_a_smaller_model_comes_also_where_the_limits_were_known_before():
    walk, (one,), small = with_smaller("smaller_model", "one")
    walk.cooling(one, resting(one, *RESTING))
    assert walk.next(NOW) is small


@pytest.mark.parametrize("kind", ["upstream_broken", "timeout", "upstream_auth", "not_found"])
def test_no_smaller_model_answers_for_anything_but_a_limit(kind):
    walk, (one, two), _ = with_smaller("smaller_model", "one", "two")
    for each in (one, two):
        walk.failed(each, lease(each), Fault(kind, "no"))
        if walk.next(NOW) is each:
            walk.cooling(each, resting(each))
    assert walk.next(NOW) is None


def test_no_smaller_model_answers_a_request_that_is_wrong():
    walk, (one, two), _ = with_smaller("smaller_model", "one", "two")
    walk.failed(one, lease(one), LIMITED)
    walk.cooling(one, resting(one))
    walk.failed(two, lease(two), Fault("bad_request", "no", status=400, passthrough=b"{}"))
    assert walk.next(NOW) is None


def test_a_replay_is_an_attempt_and_bars_nothing():
    walk, (one,) = made("one", max_attempts=2)
    walk.replayed(one, Fault("upstream_auth", "no", status=401))
    assert walk.next(NOW) is one
    assert walk.avoid(one) == set()
    walk.failed(one, lease(one), Fault("upstream_auth", "no more", status=401))
    assert walk.next(NOW) is None
    assert walk.verdict().message == "no more"  # told once


def test_a_replay_that_there_is_no_budget_for_tells_what_was_met():
    walk, (one,) = made("one", max_attempts=1)
    fault = Fault("upstream_auth", "no", status=401)
    walk.replayed(one, fault)
    assert walk.next(NOW) is None
    assert walk.verdict() is fault


def test_a_full_target_comes_after_those_that_can_serve_now():
    walk, (one, two, three) = made("one", "two", "three")
    walk.crowded(one)
    assert walk.next(NOW) is two
    assert walk.full(NOW) == []
    walk.cooling(two, resting(two))
    walk.crowded(three)
    assert walk.next(NOW) is None
    assert walk.full(NOW) == [one, three]
    assert walk.full(NOW + Limits().deadline) == []
    assert walk.freed("three") is three
    walk.cooling(three, resting(three))
    assert walk.next(NOW) is one  # which may be free by now


def test_there_is_no_wait_where_the_budget_is_used_up():
    walk, (one, two) = made("one", "two", max_attempts=1)
    walk.crowded(one)
    walk.failed(two, lease(two), Fault("upstream_broken", "no"))
    assert walk.full(NOW) == []
    assert walk.verdict().message == "no"


def test_a_target_that_fails_is_not_tried_again_while_another_is_full():
    walk, (one, two) = made("one", "two")
    walk.crowded(one)
    walk.failed(two, lease(two), Fault("upstream_broken", "no"))
    assert walk.pause(NOW, CHANCE) == 0.0
    assert walk.avoid(two) == {"two/a"}


def test_what_ends_a_walk_ends_the_wait_too():
    walk, (one, two) = made("one", "two")
    walk.crowded(one)
    walk.failed(two, lease(two), Fault("bad_request", "no", status=400, passthrough=b"{}"))
    assert walk.full(NOW) == []
    walk, (one, two) = made("one", "two", windows=(1000, 2000))
    walk.crowded(one)
    walk.failed(two, lease(two), Fault("too_long", "no", status=400))
    assert walk.full(NOW) == []


def test_a_full_target_is_waited_for_before_a_smaller_model_answers():
    walk, (one, two), smaller = with_smaller("smaller_model", "one", "two")
    walk.crowded(one)
    walk.failed(two, lease(two), LIMITED)
    walk.cooling(two, resting(two))
    assert walk.next(NOW) is None
    assert walk.full(NOW) == [one]
    walk.unserved(Fault("overloaded", "full", retry_after=3.0))
    assert walk.next(NOW) is smaller


def test_where_there_was_no_place_that_is_told_with_its_time():
    walk, (one, two) = made("one", "two")
    walk.crowded(one)
    walk.failed(two, lease(two), Fault("bad_request", "not for this target"))
    walk.unserved(Fault("overloaded", "full", retry_after=3.0))
    assert walk.next(NOW) is None
    told = walk.verdict()
    assert (told.kind, told.retry_after) == ("overloaded", 3.0)
    assert "two: not for this target" in told.message


def test_a_target_that_fails_whenever_it_is_asked_is_asked_once_and_the_next_has_its_turn() -> None:
    for kind in ("upstream_broken", "overloaded", "timeout", "upstream_auth", "rate_limited"):
        walk, (one, two) = made("one", "two")
        walk.failed(one, lease(one), Fault(kind, "as asked"), final=True)
        if kind == "rate_limited":  # its account is passed over, and it has no other
            walk.cooling(one, Cooling(provider="one", model="m", reasons=(), retry_after=None))
        assert walk.next(NOW) is two, kind
        assert walk.pause(NOW, CHANCE) == 0
    walk, (one, _) = made("one", "two")
    walk.failed(one, lease(one), Fault("bad_request", "as asked", status=400), final=True)
    assert walk.next(NOW) is None
