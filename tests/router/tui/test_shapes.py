"""Rows of the terminal's tables."""

from __future__ import annotations

from router.tui import shapes
from tests.tui.answers import ANSWERS

OVERVIEW, USAGE = ANSWERS["/overview"], ANSWERS["/usage?by=model"]


def test_the_first_line_says_whether_it_works_and_what_it_cost() -> None:
    assert shapes.head(OVERVIEW, USAGE) == (
        "Switchyard 1.2.3: 1 of 2 providers work, 2 calls now, $0.0125 + 1 calls of unknown price today"
    )
    assert "today" not in shapes.head(OVERVIEW, None)
    assert "the demo answers" in shapes.head({**OVERVIEW, "providers": []}, None)


def test_providers_and_windows_say_when_they_come_back() -> None:
    rows = list(shapes.provider_rows(OVERVIEW))
    assert rows[0] == ("openai", "● works", "2/2", "-", "")
    assert rows[1] == ("anthropic", "■ down", "0/1", "in 5 min", "anthropic/1: [429] rests")
    assert list(shapes.window_rows(OVERVIEW)) == [("anthropic/1", "5h", "29%", "in 2 h")]


def test_an_unknown_price_is_not_nothing() -> None:
    assert [row[-1] for row in shapes.cost_rows(USAGE)] == ["$0.0125", "unknown"]
    assert next(shapes.cost_rows(USAGE))[2] == "1,234"
    partly = {**USAGE["lines"][0], "unknown": 1}
    assert next(shapes.cost_rows({"lines": [partly]}))[-1] == "$0.0125 + ?"


def test_calls_and_their_story() -> None:
    (first, row), (second, failed) = shapes.call_rows(ANSWERS["/calls?limit=200"])
    assert (first, second) == ("req_2", "req_1")
    assert row == ("01:01:01", "200", "gpt-4.1", "openai/gpt-4.1", "2", "0.50 s", "1.25 s", "10>20", "laptop")
    assert failed[3] == "not_found" and failed[7] == "-"
    told = list(shapes.story(ANSWERS["/calls?limit=200"]["calls"][0]))
    assert [(each[0], each[3], each[4]) for each in told] == [("1", "upstream_broken", "500"), ("2", "ok", "-")]
    assert list(shapes.reasons(ANSWERS["/calls?limit=200"]["calls"][0])) == ["1: [red]simulated[/red]"]


def test_accounts_and_log() -> None:
    assert list(shapes.account_rows(ANSWERS["/accounts"])) == [("openai/1", "ready", "-", "4", "")]
    assert list(shapes.log_lines(ANSWERS["/logs?limit=200"])) == ["first [line]"]
