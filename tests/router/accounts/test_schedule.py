"""When tokens are renewed: examples, properties, and a machine that lives with a token for days."""

from __future__ import annotations

from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.accounts import schedule
from router.settings.sign_ins import shipped_sign_ins

NOW = 1_800_000_000.0
LIVES = st.floats(1, 40 * 86_400)
WANTED = st.none() | st.floats(0, 10 * 86_400)
SPREADS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("life", "wanted", "seconds"),
    [
        (3600, None, 300),  # at most five minutes
        (1800, None, 180),  # a tenth
        (600, None, 60),  # at least one minute
        (60, None, 15),  # but never most of a life
        (28_800, 14_400, 14_400),  # the provider's own
        (3600, 14_400, 1800),  # bounded by the real life
        (None, 14_400, 14_400),
        (None, None, 300),
        (0, None, 0),
    ],
)
def test_the_lead_is_a_tenth_of_the_life_within_limits(
    life: float | None, wanted: float | None, seconds: float
) -> None:
    assert schedule.lead(life, wanted) == seconds


def test_no_lead_of_the_shipped_facts_is_longer_than_half_of_the_usual_life() -> None:
    usual = {"claude-oauth": 28_800, "qwen-oauth": 21_600, "kimi-oauth": 900, "xai-oauth": 21_600, "iflow": 172_800}
    leads = {name: facts.refresh_lead for name, facts in shipped_sign_ins().items() if facts.refresh_lead}
    assert leads.keys() == usual.keys()
    assert all(leads[name] <= usual[name] / 2 for name in leads)


@given(LIVES, WANTED, SPREADS)
def test_a_new_token_is_never_due_at_once(life: float, wanted: float | None, spread: float) -> None:
    due = schedule.due_at(expires_at=NOW + life, issued_at=NOW, wanted=wanted, spread=spread)
    assert due is not None
    assert NOW + life * 0.39 <= due <= NOW + life


@given(st.none() | LIVES, WANTED, SPREADS, SPREADS)
def test_more_spread_is_earlier_by_a_fifth_of_the_lead_at_most(
    life: float | None, wanted: float | None, one: float, other: float
) -> None:
    end = NOW + (life or 3600)
    issued = None if life is None else NOW
    low, high = sorted((one, other))
    late = schedule.due_at(expires_at=end, issued_at=issued, wanted=wanted, spread=low)
    early = schedule.due_at(expires_at=end, issued_at=issued, wanted=wanted, spread=high)
    assert late is not None
    assert early is not None
    assert early <= late
    assert late - early <= 0.2 * schedule.lead(life, wanted) + 0.001


def test_a_token_that_does_not_end_is_never_due() -> None:
    assert schedule.due_at(expires_at=None, issued_at=NOW, wanted=300, spread=0.5) is None


def test_the_spread_is_of_the_account_and_differs() -> None:
    spreads = [schedule.spread_of(f"claude-oauth/{number}") for number in range(200)]
    assert spreads == [schedule.spread_of(f"claude-oauth/{number}") for number in range(200)]
    assert all(0 <= spread < 1 for spread in spreads)
    assert len({round(spread, 1) for spread in spreads}) == 11


@pytest.mark.parametrize(
    ("failures", "chance", "told", "seconds"),
    [
        (1, 0, None, 2),
        (2, 0, None, 4),
        (5, 0, None, 32),
        (20, 0, None, 300),
        (10_000, 0, None, 300),
        (1, 0.999, None, pytest.approx(1.5, abs=0.01)),
        (1, 0, 0, 5),
        (9, 0.5, 30, 30),
        (1, 0, 86_400, 300),
    ],
)
def test_pauses_double_and_a_hint_is_obeyed_within_limits(
    failures: int, chance: float, told: float | None, seconds: float
) -> None:
    assert schedule.pause(failures, chance, told) == seconds


@pytest.mark.parametrize(("life", "seconds"), [(3600, 60), (60, 6), (None, 60), (-5, 0)])
def test_a_rejected_token_is_replaced_once_in_a_while(life: float | None, seconds: float) -> None:
    assert schedule.forced_pause(None if life is None else NOW + life, NOW) == seconds


@pytest.mark.parametrize(("next_at", "seconds"), [(None, 30), (NOW - 5, 0), (NOW + 10, 10), (NOW + 86_400, 30)])
def test_nobody_sleeps_through_a_suspended_machine(next_at: float | None, seconds: float) -> None:
    assert schedule.nap(next_at, NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (None, 0),
        ("yesterday", 0),
        (formatdate(NOW, usegmt=True), 0),
        (formatdate(NOW + 2, usegmt=True), 0),
        (formatdate(NOW + 1003, usegmt=True), 1000),
        (formatdate(NOW - 1000, usegmt=True), -1000),
        (formatdate(NOW - 1, usegmt=True), 0),
    ],
)
def test_clocks_are_compared_with_the_whole_time_of_the_request(date: str | None, seconds: float) -> None:
    assert schedule.skew(date, NOW, NOW + 3) == seconds


class Days(RuleBasedStateMachine):
    """An account whose background follows the schedule, a provider that fails and lies, and a machine that sleeps.

    The model renews whenever the schedule says so and never otherwise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.wanted: float | None = None
        self.spread = 0.0
        self.life: float = 3600.0
        self.issued: float | None = None
        self.ends = NOW
        self.failures = 0
        self.until = 0.0
        self.renewals: list[float] = []

    @rule(life=LIVES, wanted=WANTED, spread=SPREADS)
    def provider_changes(self, life: float, wanted: float | None, spread: float) -> None:
        self.life, self.wanted, self.spread = life, wanted, spread

    def due(self) -> float:
        due = schedule.due_at(expires_at=self.ends, issued_at=self.issued, wanted=self.wanted, spread=self.spread)
        due = schedule.in_background(due, self.issued)
        assert due is not None
        return max(due, self.until)

    @rule(chance=SPREADS, told=st.none() | st.floats(0, 1e6))
    def tick_and_fail(self, chance: float, told: float | None) -> None:
        """The background looks, and the provider does not answer."""
        if self.now >= self.due():
            self.failures += 1
            wait = schedule.pause(self.failures, chance, told)
            assert 1.5 <= wait <= 300
            self.until = self.now + wait

    @rule()
    def tick(self) -> None:
        """The background looks, and the provider answers."""
        if self.now >= self.due():
            self.renewals.append(self.now)
            self.issued, self.ends = self.now, self.now + self.life
            self.failures, self.until = 0, 0.0

    @precondition(lambda self: self.issued is not None)
    @rule()
    def sleep_till_due(self) -> None:
        """In naps; each ends no later than thirty seconds on, by the monotonic clock."""
        due = self.due()
        nap = schedule.nap(due, self.now)
        assert 0 <= nap <= schedule.LONGEST_SLEEP
        self.now = max(self.now, due) if due - self.now < 3600 else self.now + nap

    @rule(hours=st.floats(0, 72))
    def machine_is_suspended(self, hours: float) -> None:
        self.now += hours * 3600

    @invariant()
    def renewals_keep_their_distance(self) -> None:
        gaps = [later - earlier for earlier, later in pairwise(self.renewals)]
        assert all(gap >= schedule.SHORTEST_PERIOD for gap in gaps)

    @invariant()
    def a_renewal_is_always_ahead(self) -> None:
        """However it went before, a try is due within the token's life, or five minutes after trouble."""
        latest = max(self.ends, self.until, (self.issued or 0.0) + schedule.SHORTEST_PERIOD)
        assert self.due() <= latest


Days.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDays = Days.TestCase
