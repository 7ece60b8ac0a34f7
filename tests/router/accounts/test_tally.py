"""What each account has done."""

from __future__ import annotations

from router.accounts.tally import Tallies, Tally
from router.call import Record, Try
from router.clock import FakeClock
from router.wire.events import Usage


def record(*tries: Try, account: str = "", usage: Usage | None = None) -> Record:
    return Record(
        call_id="c", dialect="chat", surface="chat", asked="m", tries=list(tries), account=account, usage=usage
    )


def attempt(account: str, outcome: str = "ok", **facts: object) -> Try:
    return Try(provider="p", model="m", account=account, outcome=outcome, **facts)  # type: ignore[arg-type]


def test_each_attempt_counts_for_its_own_account_and_usage_for_the_one_that_served() -> None:
    clock = FakeClock(1000.0)
    tallies = Tallies(clock)
    usage = Usage(input=15, cache_read=5, output=7)
    tallies.settle(
        record(
            attempt("p/a", "rate_limited", status=429, reason="slow down"), attempt("p/b"), account="p/b", usage=usage
        )
    )
    assert tallies.of("p/a") == Tally(
        account="p/a",
        calls=1,
        failures=1,
        last_used_at=1000.0,
        last_error="rate_limited (HTTP 429): slow down",
        last_error_at=1000.0,
    )
    assert tallies.of("p/b") == Tally(account="p/b", calls=1, input_tokens=15, output_tokens=7, last_used_at=1000.0)
    assert tallies.of("p/c") == Tally(account="p/c")


def test_what_is_fresh_is_given_once_and_comes_on_top_of_what_is_stored() -> None:
    tallies = Tallies(FakeClock(5.0))
    tallies.settle(record(attempt("p/a")))
    assert [row.calls for row in tallies.fresh()] == [1]
    assert tallies.fresh() == []
    tallies.settle(record(attempt("p/a", "timeout", reason="silence")))
    tallies.load([Tally(account="p/a", calls=40, failures=3, last_error="older")])
    assert (tallies.of("p/a").calls, tallies.of("p/a").failures) == (41, 4)
    assert tallies.of("p/a").last_error == "timeout: silence"


def test_the_last_error_stays_after_a_success() -> None:
    tallies = Tallies(FakeClock())
    tallies.settle(record(attempt("p/a", "timeout", reason="silence")))
    tallies.settle(record(attempt("p/a")))
    assert tallies.of("p/a").last_error == "timeout: silence"
    assert tallies.of("p/a").failures == 1
