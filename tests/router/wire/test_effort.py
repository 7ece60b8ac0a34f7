from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire import effort
from router.wire.conversation import EFFORTS, Effort


@pytest.mark.parametrize(
    ("name", "messages", "gemini"),
    [
        ("none", 0, 0),
        ("minimal", 1024, 1024),
        ("low", 2048, 1024),
        ("medium", 8192, 8192),
        ("high", 16384, 24576),
        ("xhigh", 32000, 32768),
        ("max", 64000, 64000),
    ],
)
def test_an_effort_has_a_budget_in_each_style(name: Effort, messages: int, gemini: int) -> None:
    assert effort.budget_for(name, style="messages", max_budget=64_000) == messages
    assert effort.budget_for(name, style="gemini", max_budget=64_000) == gemini


def test_a_budget_stays_within_the_models_bounds_and_none_stays_off() -> None:
    assert effort.budget_for("xhigh", max_budget=24_576) == 24_576
    assert effort.budget_for("minimal", min_budget=2_000) == 2_000
    assert effort.budget_for("none", min_budget=128) == 0


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        (-1, None),
        (0, "none"),
        (1, "minimal"),
        (1024, "minimal"),
        (1025, "low"),
        (4096, "low"),
        (4097, "medium"),
        (12288, "medium"),
        (12289, "high"),
        (28000, "high"),
        (28001, "xhigh"),
    ],
)
def test_a_budget_stands_for_an_effort(budget: int, name: Effort | None) -> None:
    assert effort.effort_for(budget) == name


@pytest.mark.parametrize("name", ["none", "minimal", "low", "medium", "high", "xhigh"])
def test_an_effort_survives_the_way_through_a_messages_budget(name: Effort) -> None:
    assert effort.effort_for(effort.budget_for(name, max_budget=64_000)) == name


@pytest.mark.parametrize(
    ("wanted", "has", "got"),
    [
        ("medium", ("low", "medium", "high"), "medium"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("minimal", ("low", "medium"), "low"),
        ("max", ("low", "xhigh"), "xhigh"),
        ("none", ("low", "high"), "low"),
        ("minimal", ("none", "high"), "high"),
        ("low", ("none",), "none"),
        ("low", (), None),
    ],
)
def test_the_nearest_effort_is_below_first_and_never_off_by_rounding(
    wanted: Effort, has: tuple[Effort, ...], got: Effort | None
) -> None:
    assert effort.nearest(wanted, has) == got


@given(st.sampled_from(EFFORTS), st.lists(st.sampled_from(EFFORTS), unique=True))
def test_the_nearest_effort_is_one_that_the_model_has(wanted: Effort, has: list[Effort]) -> None:
    found = effort.nearest(wanted, has)
    assert found is None if not has else found in has


@pytest.mark.parametrize(
    ("wanted", "levels", "got"),
    [
        ("none", ("minimal", "low", "medium", "high"), "minimal"),
        ("none", ("low", "high"), "low"),
        ("minimal", ("low", "high"), "low"),
        ("medium", ("low", "high"), "high"),
        ("medium", ("low", "medium", "high"), "medium"),
        ("xhigh", ("low", "high"), "high"),
        ("max", ("low", "medium"), "medium"),
        ("low", (), None),
    ],
)
def test_a_gemini_level_is_one_that_the_model_has(wanted: Effort, levels: tuple[str, ...], got: str | None) -> None:
    assert effort.gemini_level(wanted, levels) == got


def test_reasoning_suffixes_mean_fixed_budgets() -> None:
    assert dict(effort.SUFFIX_BUDGETS) == {"low": 8_000, "medium": 16_000, "high": 32_000}
