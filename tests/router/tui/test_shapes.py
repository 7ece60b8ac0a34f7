"""Rows of the terminal's tables."""

from __future__ import annotations

import re

import pytest

from router import places
from router.faults import KINDS
from router.tui import first, shapes, words
from router.tui.forecast import APART, Looks, expected, length_of
from router.tui.telling import money
from tests.tui.answers import ANSWERS, FAILED

OVERVIEW, USAGE = ANSWERS["/overview"], ANSWERS["/usage?by=model"]
CALLS = ANSWERS["/calls?limit=200"]


def test_the_first_line_says_whether_it_works_and_what_it_cost() -> None:
    assert first.head(OVERVIEW, USAGE) == (
        "Switchyard 1.2.3: 1 of 2 providers work, 2 calls now, $0.0125 + 1 calls of unknown price today"
    )
    assert "today" not in first.head(OVERVIEW, None)
    assert "the demo answers" in first.head({**OVERVIEW, "providers": []}, None)


def test_the_strip_has_every_provider_what_rests_of_it_and_every_service() -> None:
    rows = list(first.health_rows(OVERVIEW, ANSWERS["/relay"], ANSWERS["/accounts"]))
    assert rows == [
        ("openai", "▲ works in part", "2/2", "-", "1 of 4 tries failed in 15 min."),
        ("  o3 (openai/1)", "▲ rests", "", "in 1 min", "busy"),
        ("anthropic", "■ down", "0/1", "in 5 min", "anthropic/1: [429] rests. 1 of 1 tries failed in 15 min."),
        ("studio (aistudio)", "● ready", "1/4 busy", "-", ""),
        ("webai-1 (webai)", "■ down", "", "-", "no cookies"),
        ("den (aistudio)", "○ gone", "", "-", "It has gone. Start it where it runs."),
        ("aistudio", "■ down", "", "-", "None has come. Run make up."),
    ]
    assert list(first.problem_lines(OVERVIEW)) == ["webai does not run [exit 1]"]


def test_accounts_that_are_ready_prove_little_where_every_try_fails() -> None:
    failing = {**OVERVIEW["providers"][0], "tries": 3, "failed": 3}
    overview = {**OVERVIEW, "providers": [failing], "missing": []}
    (row,) = first.health_rows(overview, {"sessions": [], "services": []}, {"accounts": []})
    assert row[1] == "■ fails" and "0 of 1 providers work" in first.head(overview, None)


def test_an_unknown_price_is_not_nothing() -> None:
    assert [row[-1] for row in first.cost_rows(USAGE)] == ["$0.0125", "unknown"]
    assert next(first.cost_rows(USAGE))[2] == "1,234"
    partly = {**USAGE["lines"][0], "unknown": 1}
    assert next(first.cost_rows({"lines": [partly]}))[-1] == "$0.0125 + ?"
    assert [money(*each) for each in ((0,), (49,), (1_234_500_000,), (None,))] == [
        "$0.00", "<$0.0001", "$1,234.50", "unknown",
    ]  # fmt: skip
    told = list(first.cost_notes(USAGE))
    assert "1 calls is unknown" in told[0] and told[1] == "At list prices it would be $0.0200."
    assert "usage.enabled" in next(first.cost_notes({**USAGE, "kept": False}))


def test_many_lines_of_a_report_are_added_up() -> None:
    lines = [{**USAGE["lines"][0], "name": f"key-{number}", "cost": number} for number in range(9)]
    rows = list(first.cost_rows({"lines": lines}))
    assert [row[0] for row in rows] == [*(f"key-{number}" for number in (8, 7, 6, 5, 4, 3)), "3 more"]
    assert rows[-1][1:3] == ("9", "3,702")


def test_budgets_say_what_is_used_and_when_they_begin_anew() -> None:
    assert list(first.budget_rows(ANSWERS["/budgets"], 1000.0)) == [
        ("laptop", "usd_per_day", "$1.50", "$2.00", "75%", "in 2 h")
    ]
    spent = {**ANSWERS["/budgets"]["budgets"][0], "unit": "tokens", "used": 5000.0, "most": 5000.0}
    assert next(first.budget_rows({"budgets": [spent]}, 1000.0))[2:5] == ("5,000", "5,000", "used up")


def test_failures_tell_the_cause_in_words_and_what_to_do() -> None:
    ((call_id, row),) = first.failure_rows(OVERVIEW)
    assert call_id == "req_0" and row[:3] == ("00:00:30", "claude-sonnet-4-5", "laptop")
    assert row[3] == (
        "The plan or the credit is used up. anthropic/1 has used up its plan [5h]. "
        "Wait for the reset, top up, or add another account."
    )
    own = {**FAILED, "attempts": [], "reason": "The key laptop has used its budget."}
    assert words.cause(own)[0] == "A limit of the key was reached"


def test_every_fault_has_words_and_they_are_those_of_the_dashboard() -> None:
    assert words.OUTCOMES.keys() == {*KINDS, "lost"}
    text = (places.ROOT / "router/dashboard/static/words.js").read_text()
    told = dict(re.findall(r'^  (\w+): \["([^"]+)", "', text.partition("const STATES")[0], re.MULTILINE))
    assert told == {kind: what for kind, (what, _) in words.OUTCOMES.items()}


@pytest.mark.parametrize(
    ("window", "used", "resets_at", "seen", "told"),
    [
        ("5h", 0.5, 9000, [], "used up in 2 h"),  # half of it in half of the time: just enough
        ("5h", 0.75, 9000, [], "used up in 50 min"),
        ("7d_opus", 0.1, 302_400, [], "80% will be left"),
        ("primary", 0.4, 4000, [(-600.0, 0.1)], "used up in 20 min"),
        ("primary", 0.4, 400, [(-600.0, 0.1)], "40% will be left"),
        ("primary", 0.4, 1000, [(1 - APART, 0.1)], "-"),
        ("5h", 1, 9000, [], "used up"),
        ("5h", 0.5, None, [], "-"),
        ("5h", 0.01, 17_990, [], "-"),
    ],
)
def test_forecasts(
    window: str, used: float, resets_at: float | None, seen: list[tuple[float, float]], told: str
) -> None:
    each = {"account": "a/1", "window": window, "used": used, "resets_at": resets_at}
    assert expected(each, 0.0, seen) == told


def test_a_pace_is_watched_until_a_window_begins_anew() -> None:
    looks = Looks()
    each = {"account": "a/1", "window": "primary", "used": 0.1, "resets_at": 4000.0}
    for at, used in ((0.0, 0.1), (30.0, 0.15), (600.0, 0.4)):
        looks.remember([{**each, "used": used}], at)
    assert list(looks.of(each)) == [(0.0, 0.1), (600.0, 0.4)]
    overview = {"now": 600.0, "windows": [{**each, "used": 0.4}]}
    assert list(first.window_rows(overview, looks)) == [("a/1", "primary", "60%", "in 56 min", "used up in 20 min")]
    looks.remember([{**each, "used": 0.0}], 700.0)
    assert list(looks.of(each)) == [(700.0, 0.0)]
    assert (length_of("requests"), length_of("30m")) == (None, 1800.0)


def test_calls_and_their_story() -> None:
    (first_id, row), (second, failed) = shapes.call_rows(CALLS)
    assert (first_id, second) == ("req_2", "req_1")
    assert row == (
        "01:01:01", "200 ok", "gpt-4.1", "openai/gpt-4.1", "2", "0.50 s", "1.25 s", "10>20", "$0.0125", "laptop",
    )  # fmt: skip
    assert failed[1] == "404 No provider has this model" and failed[3] == "nobody" and failed[7:9] == ("-", "-")
    call = CALLS["calls"][0]
    told = list(shapes.story(call))
    assert [(each[0], each[3], each[4], each[6]) for each in told] == [
        ("1", "upstream_broken", "500", "-"), ("2", "ok", "-", "$0.0125"),
    ]  # fmt: skip
    assert list(shapes.reasons(call)) == [
        "1: [red]simulated[/red]",
        "2: asked because: another account of the same provider",
        "2: openai/2: most of its quota is left",
    ]
    assert shapes.verdict(call) == "It was answered."
    assert shapes.verdict(CALLS["calls"][1]) == (
        "No provider has this model. No model. Look for its name: switchyard models."
    )
    assert list(shapes.facts({**call, "cached": 4, "notes": "dropped seed"})) == [
        "key laptop, client curl, chat, in one piece, lane raw",
        "status 200, first byte 0.50 s, whole time 1.25 s",
        "tokens 10 (4 cached) in, 20 out",
        "cost $0.0125",
        "changed on the way: dropped seed",
    ]
    assert "cost nothing was used" in list(shapes.facts(FAILED))
    guessed = {**call, "estimated": True}
    assert "tokens 10 in, 20 out, estimated: no count was told for all of it" in list(shapes.facts(guessed))
    (_, row), *_ = shapes.call_rows({"calls": [guessed]})
    assert "10>20~" in row


def test_accounts_and_log() -> None:
    assert list(shapes.account_rows(ANSWERS["/accounts"])) == [
        ("openai/1", "ready", "-", "4", "29% of 5h", "o3 cooling: busy.")
    ]
    damaged = {"accounts": [], "files": [{"file": "x.json", "state": "locked", "reason": "another key"}]}
    assert next(shapes.account_rows(damaged))[:2] == ("x.json", "locked")
    assert list(shapes.log_lines(ANSWERS["/logs?limit=200"])) == ["first [line]"]
