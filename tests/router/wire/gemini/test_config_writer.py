"""Budgets and levels in Google's figures."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Effort, Reasoning
from router.wire.gemini.config_writer import write
from router.wire.notes import Notes


def thinking(reasoning: Reasoning, **capabilities: Any) -> Any:
    asked = Conversation(dialect="chat", model="m", reasoning=reasoning)
    return write(asked, Capabilities(**capabilities), {}, Notes()).get("thinkingConfig")


@pytest.mark.parametrize(
    ("effort", "budget"),
    [
        ("none", 0),
        ("minimal", 1024),
        ("low", 1024),
        ("medium", 8192),
        ("high", 24576),
        ("xhigh", 32768),
        ("max", 40000),
    ],
)
def test_efforts_have_the_budgets_of_googles_own_compatibility_layer(effort: Effort, budget: int) -> None:
    found = thinking(Reasoning(effort=effort, form="budget"), min_budget=128, max_budget=40_000)
    assert found == {"thinkingBudget": budget}


def test_a_budget_made_from_an_effort_stays_within_the_models_bounds() -> None:
    high = Reasoning(effort="high", form="budget")
    assert thinking(high, max_budget=20_000) == {"thinkingBudget": 20_000}
    assert thinking(Reasoning(effort="low", form="budget"), min_budget=2_000) == {"thinkingBudget": 2_000}
    assert thinking(Reasoning(effort="none", form="budget"), min_budget=2_000) == {"thinkingBudget": 0}


def test_a_budget_becomes_a_level_and_an_unlimited_one_none() -> None:
    assert thinking(Reasoning(budget=20_000, form="level")) == {"thinkingLevel": "high"}
    assert thinking(Reasoning(budget=0, form="level")) == {"thinkingLevel": "minimal"}
    assert thinking(Reasoning(budget=-1, form="level")) is None


@pytest.mark.parametrize("form", ["level", "effort", "adaptive"])
def test_every_named_form_is_a_level_here(form: Any) -> None:
    assert thinking(Reasoning(effort="low", form=form)) == {"thinkingLevel": "low"}


def test_thoughts_can_be_asked_for_alone_and_hidden_alone() -> None:
    assert thinking(Reasoning(show=True)) == {"includeThoughts": True}
    assert thinking(Reasoning(show=False)) == {"includeThoughts": False}
