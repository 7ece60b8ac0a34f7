"""The state machines of accounts and targets: who cools, for how long, and how it comes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.routing import cooldown
from router.routing.cooldown import Entry, admit, cooled, recovered, tripped

NOW = 1_800_000_000.0


class Steady(random.Random):
    """Chance that always gives the same."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self._value = value

    def random(self) -> float:
        return self._value


STEADY = Steady()


def limited(retry_after: float | None = None) -> Fault:
    return Fault("rate_limited", "Slow down.", retry_after=retry_after, status=429)


def broken(retry_after: float | None = None) -> Fault:
    return Fault("upstream_broken", "It fell over.", retry_after=retry_after, status=500)


def lengths_of(times: int) -> list[float]:
    entry, now, found = None, NOW, []
    for _ in range(times):
        entry = cooled(entry, limited(), now, now, STEADY)
        assert entry.until is not None
        found.append(entry.until - now)
        now = entry.until
    return found


def test_an_account_without_hint_cools_one_second_doubling_to_two_minutes():
    assert lengths_of(10) == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]


def test_a_guess_is_jittered_but_never_longer_than_the_full_time():
    times = {cooldown.guess(5, random.Random(seed)) for seed in range(50)}
    assert len(times) > 40
    assert all(12.8 <= seconds <= 16 for seconds in times)


def test_a_success_resets_the_strikes():
    entry = cooled(cooled(None, limited(), NOW, NOW, STEADY), limited(), NOW + 5, NOW + 5, STEADY)
    assert recovered(("a", "account", ""), entry, NOW + 10, probe=True) is None
    assert cooled(None, limited(), NOW + 20, NOW + 20, STEADY).strikes == 1


def test_spent_money_starts_at_two_minutes():
    entry = cooled(None, Fault("quota_spent", "Pay."), NOW, NOW, STEADY)
    assert entry.until == NOW + 120


def test_a_hint_is_obeyed_in_full_without_half_way_probes():
    entry = cooled(None, limited(600), NOW, NOW, STEADY)
    assert entry.until == NOW + 600
    assert admit(entry, NOW + 599).verdict == "wait"
    assert admit(entry, NOW + 600).verdict == "open"


def test_a_hint_beyond_the_cap_waits_thirty_minutes_and_then_probes():
    entry = cooled(None, limited(86_400), NOW, NOW, STEADY)
    assert entry.until == NOW + 1800
    assert admit(entry, NOW + 1799) == cooldown.Admission("wait", NOW + 1800)
    assert admit(entry, NOW + 1800).verdict == "due"


def test_a_hint_is_never_shortened_by_chance():
    entry = cooled(None, limited(10), NOW, NOW, Steady(0.999))
    assert entry.until is not None and NOW + 10 <= entry.until <= NOW + 11


def test_our_own_guess_lets_one_probe_through_half_way():
    entry = Entry(state="cooling", at=NOW, until=NOW + 100, strikes=7)
    assert admit(entry, NOW + 49) == cooldown.Admission("wait", NOW + 50)
    assert admit(entry, NOW + 50).verdict == "early"
    probing = cooldown.probing(entry, NOW + 50)
    assert probing.state == "probing"
    assert admit(probing, NOW + 51).verdict == "wait"
    assert admit(cooldown.unprobed(probing), NOW + 51).verdict == "early"


def test_a_probe_that_nobody_reports_on_blocks_for_a_limited_time():
    probing = cooldown.probing(Entry(state="cooling", at=NOW, until=NOW + 10), NOW + 10)
    assert admit(probing, NOW + 11).verdict == "wait"
    assert admit(probing, NOW + 10 + cooldown.PROBE_LIMIT).verdict == "due"


def test_a_failed_probe_doubles_the_time():
    entry = cooled(None, limited(), NOW, NOW, STEADY)
    probing = cooldown.probing(entry, NOW + 1)
    again = cooled(probing, limited(), NOW + 2, NOW + 1, STEADY, probe=True)
    assert (again.strikes, again.until, again.probe) == (2, NOW + 4, None)


def test_parallel_calls_that_meet_one_limit_are_one_strike():
    entry = cooled(None, limited(), NOW + 1, NOW, STEADY)
    for _ in range(9):
        entry = cooled(entry, limited(), NOW + 1.2, NOW + 0.5, STEADY)
    assert (entry.strikes, entry.until) == (1, NOW + 2)


def test_a_later_hint_of_the_same_event_extends_the_time():
    entry = cooled(None, limited(5), NOW + 1, NOW, STEADY)
    entry = cooled(entry, limited(60), NOW + 2, NOW, STEADY)
    assert (entry.strikes, entry.until) == (1, NOW + 62)


def test_a_circuit_opens_after_failures_in_a_row_for_1_2_4_8_then_10_seconds():
    entry, now, lengths = None, NOW, []
    for _ in range(cooldown.OPEN_AFTER - 1):
        entry = tripped(entry, broken(), now, now, STEADY)
        assert admit(entry, now).verdict == "open"
    for _ in range(7):
        entry = tripped(entry, broken(), now, now, STEADY, probe=True)
        assert entry.until is not None
        lengths.append(entry.until - now)
        now = entry.until
    assert lengths == [1, 2, 4, 8, 10, 10, 10]


def test_one_success_between_failures_keeps_the_circuit_closed():
    entry = None
    for _ in range(20):
        entry = tripped(entry, broken(), NOW, NOW, STEADY)
        assert admit(entry, NOW).verdict == "open"
        entry = recovered(("", "target", "p/m"), entry, NOW, probe=False)
    assert entry is None


def test_a_hint_of_the_target_opens_its_circuit_at_once():
    entry = tripped(None, broken(7), NOW, NOW, STEADY)
    assert admit(entry, NOW + 6) == cooldown.Admission("wait", NOW + 7)


@pytest.mark.parametrize("state", ["expired", "needs_login", "disabled"])
def test_what_needs_a_person_waits_without_end_and_survives_successes(state):
    entry = Entry(state=state, at=NOW, until=None)
    assert admit(entry, NOW + 1e9) == cooldown.Admission("wait", None)
    assert recovered(("a", "account", ""), entry, NOW, probe=False) == entry


def test_an_answer_begun_before_a_limit_says_nothing_about_it():
    entry = cooled(None, limited(60), NOW, NOW, STEADY)
    assert recovered(("a", "account", ""), entry, NOW - 10, probe=False) == entry
    assert recovered(("a", "account", ""), entry, NOW + 1, probe=False) is None


def test_an_answer_of_any_age_closes_a_circuit():
    entry = tripped(None, broken(60), NOW, NOW, STEADY)
    assert recovered(("", "target", "p/m"), entry, NOW - 10, probe=False) is None


@given(hint=st.floats(-10, 1e7), strikes=st.integers(0, 10_000), seed=st.integers(0, 99))
def test_no_history_cools_longer_than_the_caps(hint, strikes, seed):
    entry = Entry(state="cooling", at=NOW - 1, until=NOW, strikes=strikes)
    found = cooled(entry, limited(hint), NOW, NOW, random.Random(seed))
    assert found.until is not None
    assert 0 <= found.until - NOW <= (cooldown.LONGEST_HINT if hint > 0 else cooldown.LONGEST_GUESS)
