"""Limits of keys: never passed by more than what was in progress, never a refusal below, rows add up to counters."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.access.keys import ClientKey
from router.access.limits import KeyLimits
from router.call import Record
from router.clock import FakeClock
from router.faults import Fault
from router.usage.budgets import Budgets, Estimate
from router.usage.entries import closed
from router.usage.key_use import Past, Reading, Sums
from router.usage.periods import starts
from router.wire.events import Usage

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
FREE = Estimate("m", 0, None)


def key(**limits: int) -> ClientKey:
    return ClientKey(id="key_a", name="laptop", digest="d", limits=KeyLimits(**limits))


def of_ledger(clock: FakeClock, sums: Sums) -> Reading:
    return Reading(clock.wall(), {"key_a": sums})


def record(call_id: str, clock: FakeClock, tokens: int = 0, cost: int | None = None) -> Record:
    made = Record(call_id=call_id, dialect="chat", surface="chat", asked="m", began=clock.wall())
    made.usage, made.cost = Usage(input=tokens), cost
    return made


def test_without_limits_nothing_is_kept() -> None:
    budgets = Budgets(FakeClock())
    assert budgets.reserve("a", ClientKey(id="k", name="n", digest="d"), FREE) == ""
    assert budgets._keys == {} and budgets._open == {}


def test_calls_of_a_minute() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(requests_per_minute=3)
    for number in range(3):
        budgets.reserve(str(number), mine, FREE)
        clock.advance(10)
    with pytest.raises(Fault) as caught:
        budgets.reserve("x", mine, FREE)
    assert caught.value.kind == "rate_limited" and caught.value.retry_after == 30
    assert (
        "'laptop' has used 3 requests" in caught.value.message and "3 requests that it may use" in caught.value.message
    )
    clock.advance(30)
    budgets.reserve("y", mine, FREE)


def test_every_limit_tells_when_it_has_room_again() -> None:
    clock = FakeClock(NOON)
    mine = key(requests_per_minute=2, tokens_per_minute=1000, usd_per_day=5, tokens_per_month=9000)
    budgets = Budgets(clock)
    day, month = (datetime(2026, 12, 1, tzinfo=UTC).timestamp(),) * 2
    assert budgets.resets(mine) == {"usd_per_day": day, "tokens_per_month": month}
    budgets.reserve("a", mine, FREE)
    clock.advance(10)
    budgets.settle(record("a", clock, tokens=100))
    assert budgets.resets(mine) | {"usd_per_day": 0, "tokens_per_month": 0} == {
        "requests_per_minute": NOON + 60, "tokens_per_minute": NOON + 70, "usd_per_day": 0, "tokens_per_month": 0,
    }  # fmt: skip
    budgets.reserve("b", mine, FREE)
    assert budgets.resets(mine)["requests_per_minute"] == NOON + 60  # full: when one is let in
    clock.advance(61)
    assert "requests_per_minute" not in budgets.resets(mine)


def test_tokens_of_a_minute_count_running_calls_by_estimate() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_minute=1000)
    budgets.reserve("a", mine, Estimate("m", 700))  # and 400 of output
    with pytest.raises(Fault):
        budgets.reserve("b", mine, FREE)
    budgets.settle(record("a", clock, 100))
    budgets.reserve("b", mine, Estimate("m", 10))
    budgets.settle(record("b", clock, 950))
    clock.advance(59)
    with pytest.raises(Fault) as caught:
        budgets.reserve("c", mine, FREE)
    assert caught.value.retry_after == 1
    clock.advance(1)
    budgets.reserve("c", mine, FREE)


def test_money_that_cannot_be_counted_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "switchyard.usage")
    budgets, mine = Budgets(FakeClock(NOON)), key(usd_per_day=2_000_000)
    unpriced = Estimate("office/own\n", 10, None, unpriced=True)
    told = [budgets.reserve(str(number), mine, unpriced) for number in range(3)]
    assert all("usd limits do not count" in each for each in told)
    assert len(caplog.records) == 1 and "nobody knows the price" in caplog.text
    assert budgets.reserve("free", mine, FREE) == ""
    assert budgets.reserve("tokens", key(tokens_per_day=10**6), unpriced) == ""


def test_calls_of_the_process_before_count_for_their_minute() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(requests_per_minute=3, tokens_per_minute=1000)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 10))
    before = (
        Past("x", NOON - 50, NOON - 20, 300),
        Past("y", NOON - 10, NOON - 1, 200),
        Past("a", NOON, NOON, 10),
    )
    for _ in range(2):  # again and again, and the third one is this process's own
        budgets.load(of_ledger(clock, Sums(minute=before)), {"a"})
    assert budgets.used(mine) == {"requests_per_minute": 3, "tokens_per_minute": 510}
    with pytest.raises(Fault) as caught:
        budgets.reserve("b", mine, FREE)
    assert caught.value.retry_after == 10
    clock.advance(10)
    assert budgets.used(mine) == {"requests_per_minute": 2, "tokens_per_minute": 510}
    clock.advance(30)
    assert budgets.used(mine) == {"requests_per_minute": 2, "tokens_per_minute": 210}
    assert budgets.young
    clock.advance(20)
    assert budgets.used(mine) == {"requests_per_minute": 0, "tokens_per_minute": 0}
    assert not budgets.young


@pytest.mark.parametrize(
    ("name", "resets"), [("usd_per_day", "2026-12-01T00:00:00Z"), ("usd_per_month", "2026-12-01T00:00:00Z")]
)
def test_money_says_whose_how_much_and_until_when(name: str, resets: str) -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(**{name: 2_000_000})
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 5, 2_500_000))
    with pytest.raises(Fault) as caught:
        budgets.reserve("b", mine, FREE)
    fault = caught.value
    assert fault.kind == "quota_spent" and fault.code == "budget_exceeded"
    assert "2.50 USD" in fault.message and "2.00 USD" in fault.message and resets in fault.message
    clock.advance(fault.retry_after or 0)
    budgets.reserve("b", mine, FREE)


def test_nearly_reached_limits_are_told() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(usd_per_day=1_000_000, usd_per_month=100_000_000)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 5, 850_000))
    assert budgets.reserve("b", mine, FREE) == "usd_per_day 85% of 1.00 USD"


def test_what_the_ledger_says_counts_and_nothing_twice() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=1000, tokens_per_month=5000)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 300))
    budgets.reserve("b", mine, FREE)
    budgets.settle(record("b", clock, 50))
    budgets.load(of_ledger(clock, Sums((300, 0), (4000, 0))), {"a"})
    assert budgets.used(mine) == {"tokens_per_day": 350, "tokens_per_month": 4050}
    assert budgets.waiting() == ["b"]
    budgets.load(of_ledger(clock, Sums((350, 0), (4050, 0))), {"b"})
    assert budgets.used(mine) == {"tokens_per_day": 350, "tokens_per_month": 4050}


def test_a_call_that_the_ledger_could_not_take_still_counts() -> None:
    """A full disk, a row that the database refuses, a ledger that was turned off meanwhile."""
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=1000)
    for name in ("a", "b", "c"):
        budgets.reserve(name, mine, FREE)
        budgets.settle(record(name, clock, 300))
    for _ in range(2):
        budgets.load(of_ledger(clock, Sums((600, 0), (600, 0))), {"a", "c"})
        assert budgets.used(mine) == {"tokens_per_day": 900} and budgets.waiting() == ["b"]


def test_more_calls_than_are_remembered_count_once_when_the_ledger_has_them() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=10**9)
    for number in range(10_500):
        budgets.reserve(str(number), mine, FREE)
        budgets.settle(record(str(number), clock, 1))
    budgets.load(of_ledger(clock, Sums()), set())
    assert budgets.used(mine) == {"tokens_per_day": 10_500}
    budgets.load(of_ledger(clock, Sums((10_400, 0), (10_400, 0))), set(budgets.waiting()[:9_900]))
    assert budgets.used(mine) == {"tokens_per_day": 10_500}


def test_sums_that_were_read_before_midnight_are_no_sums_of_the_new_day() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=100, tokens_per_month=100)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 0))
    reading = of_ledger(clock, Sums((100, 0), (100, 0)))
    clock.advance(12 * 3600)  # while the database was asked
    budgets.load(reading, {"a"})
    assert budgets.used(mine) == {"tokens_per_day": 0, "tokens_per_month": 0}
    budgets.reserve("b", mine, FREE)


def test_of_several_limits_the_one_that_lasts_longest_is_told() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(requests_per_minute=1, tokens_per_day=10)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 20))
    with pytest.raises(Fault) as caught:
        budgets.reserve("b", mine, FREE)
    assert caught.value.kind == "quota_spent" and caught.value.retry_after == 12 * 3600
    assert "(tokens_per_day)" in caught.value.message


def test_what_a_provider_counts_oddly_is_counted_as_in_the_ledger() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=1000)
    budgets.reserve("a", mine, FREE)
    odd = record("a", clock)
    odd.usage = Usage(input=10, cache_read=30, output=5)
    budgets.settle(odd)
    row = closed(odd).tokens
    assert (
        budgets.used(mine)
        == {"tokens_per_day": row.fresh_input + row.cache_read + row.output}
        == {"tokens_per_day": 35}
    )


def test_calls_of_a_process_beside_this_one_count_while_they_run_and_for_a_minute_after() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(requests_per_minute=3, tokens_per_minute=1000)
    budgets.reserve("a", mine, FREE)
    budgets.settle(record("a", clock, 10))
    clock.advance(50)
    budgets.load(Reading(clock.wall()), {"a"}, {"key_a": (Past("x", NOON + 45, None, 0),)})
    assert budgets.used(mine)["requests_per_minute"] == 2
    clock.advance(20)
    budgets.load(of_ledger(clock, Sums(minute=(Past("x", NOON + 45, NOON + 60, 70),))), set(), {})
    assert budgets.used(mine) == {"requests_per_minute": 1, "tokens_per_minute": 70}
    clock.advance(45)
    budgets.load(Reading(clock.wall()), set())  # alone
    assert budgets.used(mine) == {"requests_per_minute": 0, "tokens_per_minute": 70} and budgets.young
    clock.advance(15)
    assert budgets.used(mine)["tokens_per_minute"] == 0 and not budgets.young


def test_a_new_day_and_a_new_month_begin_at_nothing() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=100, tokens_per_month=100)
    budgets.reserve("a", mine, FREE)
    began = clock.wall()
    budgets.load(of_ledger(clock, Sums((100, 0), (100, 0))), set())
    clock.advance(12 * 3600)
    assert budgets.used(mine) == {"tokens_per_day": 0, "tokens_per_month": 0}  # the running call is yesterday's
    over = record("a", clock, 500)
    over.began = began
    budgets.settle(over)
    assert budgets.used(mine) == {"tokens_per_day": 0, "tokens_per_month": 0}
    assert starts(clock.wall()) == (clock.wall(), clock.wall())


def test_a_call_without_usage_or_price_holds_nothing_for_ever() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(usd_per_day=10, tokens_per_day=10_000)
    budgets.reserve("a", mine, Estimate("m", 5, (1.0, 1.0)))
    gone = record("a", clock)
    gone.usage = None
    budgets.settle(gone)
    budgets.settle(gone)  # twice is once
    assert budgets.used(mine) == {"tokens_per_day": 0, "usd_per_day": 0}


def test_memory_is_bounded_where_no_ledger_is_kept() -> None:
    clock = FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_month=10**12)
    for number in range(12_000):
        budgets.reserve(str(number), mine, FREE)
        budgets.settle(record(str(number), clock, 1))
        clock.advance(1)
    state = budgets._keys["key_a"]
    assert len(state.waiting()) == 10_000 and len(state.recent) <= 61 and len(state.requests) <= 61
    assert budgets.used(mine)["tokens_per_month"] == 12_000


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(100, 5000), st.integers(1, 40))
def test_the_promise(seed: int, cap: int, most_at_once: int) -> None:
    """Random calls at once: the limit is passed by what was in progress alone, and nobody is refused below it."""
    chance, clock = random.Random(seed), FakeClock(NOON)
    budgets, mine = Budgets(clock), key(tokens_per_day=cap)
    running: dict[str, int] = {}
    settled = refused = 0
    for number in range(300):
        if running and (len(running) >= most_at_once or chance.random() < 0.5):
            name = chance.choice(list(running))
            used = running.pop(name)
            budgets.settle(record(name, clock, used))
            settled += used
            if chance.random() < 0.2:
                budgets.load(of_ledger(clock, Sums((settled, 0), (settled, 0))), set(budgets.waiting()))
            continue
        estimates = sum(each.tokens for each in budgets._open.values())
        below = settled + estimates < cap
        try:
            budgets.reserve(str(number), mine, Estimate("m", chance.randrange(200)))
        except Fault:
            refused += 1
            assert not below
        else:
            assert below
            running[str(number)] = chance.randrange(400)
    for name, used in running.items():
        budgets.settle(record(name, clock, used))
        settled += used
    assert settled < cap + most_at_once * 400
    assert budgets.used(mine)["tokens_per_day"] == settled and budgets._open == {}
