"""What an attempt has used: the provider's own word where it is final, else an estimate that says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.call import Call, Caller
from router.providers.observed import Observed
from router.routing.spent import Progress, spent, used
from router.wire.events import (
    Ended,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    ToolArguments,
    Usage,
    UsageReported,
)

BODY = b'{"model":"m","messages":[{"role":"user","content":"seven letters and more"}]}'
CALL = Call(
    id="r", dialect="chat", asked="m", stream=True, body=BODY, caller=Caller(key_id="k", key_name="k"), response_id="x"
)
REPORTED = Usage(input=50, output=9, cache_read=10)


def seen(*events: Event) -> Observed:
    observed = Observed()
    observed.note(list(events))
    return observed


def test_the_last_word_of_a_whole_answer_is_taken_as_it_is() -> None:
    text = TextDelta("x" * 700)
    assert spent(CALL, seen(text, UsageReported(REPORTED), Ended())) == REPORTED
    assert spent(CALL, seen(text, Finished("end"), UsageReported(REPORTED))) == REPORTED


def test_the_word_of_an_answer_that_was_cut_is_a_beginning() -> None:
    cut = spent(CALL, seen(UsageReported(REPORTED), TextDelta("x" * 700)))
    assert cut == Usage(input=50, output=200, cache_read=10, estimated=True)
    assert spent(CALL, seen(UsageReported(REPORTED), TextDelta("x"))).output == 9


def test_without_a_word_the_prompt_and_everything_that_came_are_estimated() -> None:
    found = spent(CALL, seen(TextDelta("x" * 70), ThinkingDelta("y" * 70), ToolArguments("c", "z" * 70)))
    assert found.estimated
    assert found.output == 60
    assert 5 <= found.input <= 20


def test_an_ended_answer_without_a_word_or_with_zeros_is_estimated_and_never_nothing() -> None:
    for events in ([], [UsageReported(Usage())]):
        found = spent(CALL, seen(TextDelta("hello"), *events, Ended()))
        assert found.estimated
        assert min(found.input, found.output) > 0


def test_a_body_that_nobody_can_read_is_estimated_by_its_length() -> None:
    from msgspec.structs import replace

    assert spent(replace(CALL, body=b"x" * 350), seen(TextDelta("a"))).input == 100


@pytest.mark.parametrize(
    ("sent", "outcome", "counted"),
    [
        (True, "cancelled", True),
        (True, "timeout", True),
        (False, "timeout", False),  # nobody could be connected to
        (True, "rate_limited", False),
        (True, "upstream_broken", False),
    ],
)
def test_an_attempt_without_content_costs_its_prompt_only_where_nobody_knows_what_became_of_it(
    sent: bool, outcome: str, counted: bool
) -> None:
    progress = Progress()
    progress.sent = sent
    found = progress.spent(CALL, outcome)
    assert (found is not None) == counted
    if found is not None:
        assert found.estimated
        assert (found.output, found.input > 0) == (0, True)


def test_what_a_failed_attempt_had_reported_counts() -> None:
    progress = Progress()
    progress.sent, progress.observed = True, seen(UsageReported(REPORTED))
    assert progress.spent(CALL, "overloaded") == Usage(input=50, output=9, cache_read=10, estimated=True)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_an_estimate_is_never_below_what_was_reported(given: int, out: int, characters: int, whole: bool) -> None:
    found = used(Usage(input=given, output=out), whole=whole, characters=characters, prompt=lambda: 1)
    assert found.input >= min(given, 1)
    assert found.output >= out
    assert found.estimated == (not whole or given + out == 0)
