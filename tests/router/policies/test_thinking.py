"""Whose word counts about thinking."""

from __future__ import annotations

from typing import Any

import pytest

from router.policies.thinking import AS_IT_LIKES, OFF, Amount, ThinkingRule
from router.wire.conversation import Reasoning

NOTHING = Reasoning(show=True)


def effort(name: Any, *, adaptive: bool = True) -> Reasoning:
    return Reasoning(effort=name, adaptive=adaptive)


@pytest.mark.parametrize("asked", [NOTHING, effort("high"), Reasoning(budget=99)])
def test_off_fixed_and_adaptive_do_not_ask(asked: Reasoning) -> None:
    assert ThinkingRule("off").decide(asked) == OFF
    assert ThinkingRule("adaptive").decide(asked) == AS_IT_LIKES
    assert ThinkingRule("fixed", 2048).decide(asked) == Reasoning(budget=2048)
    assert ThinkingRule("fixed", "low").decide(asked) == effort("low")


@pytest.mark.parametrize(
    "asked", [Reasoning(budget=0), effort("none", adaptive=False), Reasoning(effort="high", budget=0)]
)
def test_who_does_not_want_to_think_is_left_alone(asked: Reasoning) -> None:
    assert ThinkingRule("off").decide(asked) is None
    assert ThinkingRule(most="low").decide(asked) is None


def test_the_default_is_for_those_who_say_nothing() -> None:
    rule = ThinkingRule(default="medium", most="medium")
    assert rule.decide(NOTHING) == effort("medium")
    assert rule.decide(effort("low")) is None
    assert ThinkingRule(most="low").decide(NOTHING) is None
    assert ThinkingRule("fixed", "low").decide(effort("low")) is None


@pytest.mark.parametrize(
    ("asked", "most", "given"),
    [
        (effort("high"), "low", effort("low")),
        (effort("high", adaptive=False), "low", effort("low", adaptive=False)),
        (effort("low"), "high", None),
        (effort("max"), 8000, Reasoning(budget=8000)),
        (effort("low"), 8000, None),
        (Reasoning(budget=9000), 8000, Reasoning(budget=8000)),
        (Reasoning(budget=9000), "low", effort("low")),
        (Reasoning(budget=1500), "low", None),
        (Reasoning(budget=-1), "low", effort("low")),
        (Reasoning(adaptive=True), 8000, Reasoning(budget=8000)),
        (Reasoning(effort="low", budget=9000), 4000, Reasoning(effort="low", budget=4000)),
        (effort("high"), "none", effort("none")),
        (Reasoning(budget=10**9), "max", None),
    ],
)
def test_a_wish_is_cut_to_the_most(asked: Reasoning, most: Amount, given: Reasoning | None) -> None:
    assert ThinkingRule(most=most).decide(asked) == given


def test_an_effort_that_only_tunes_does_not_become_a_wish_to_think() -> None:
    assert ThinkingRule(most=3000).decide(effort("high", adaptive=False), tunes=True) == Reasoning(effort="low")
