"""One table for "how much to think", in all directions (`wire.md` 6.2): named efforts, token budgets, Gemini levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from router.wire.conversation import EFFORTS, Effort

BudgetStyle = Literal["messages", "gemini"]

BUDGETS: Mapping[BudgetStyle, Mapping[Effort, int]] = MappingProxyType(
    {
        # Anthropic models up to 4.5: inside the ranges that their documentation recommends.
        "messages": MappingProxyType(
            {"none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32000}
        ),
        # Gemini 2.5: the figures of Google's own OpenAI compatibility layer.
        "gemini": MappingProxyType(
            {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768}
        ),
    }
)
"""Tokens for an effort. ``max`` is not here: it is the model's own cap."""

SUFFIX_BUDGETS: Mapping[str, int] = MappingProxyType({"low": 8_000, "medium": 16_000, "high": 32_000})
"""What ``-reasoning-low|medium|high`` behind a model name means on a budget model."""

_CEILINGS: tuple[tuple[int, Effort], ...] = ((0, "none"), (1024, "minimal"), (4096, "low"), (12288, "medium"))
_HIGH_CEILING = 28_000

_LEVELS: Mapping[Effort, str] = MappingProxyType(
    {
        "none": "minimal",
        "minimal": "minimal",
        "low": "low",
        "medium": "medium",
        "high": "high",
        "xhigh": "high",
        "max": "high",
    }
)
GEMINI_LEVELS = ("minimal", "low", "medium", "high")


def budget_for(
    effort: Effort, *, style: BudgetStyle = "messages", min_budget: int = 1024, max_budget: int = 32_000
) -> int:
    """Thinking tokens for a named effort, within the model's bounds; 0 for ``none``, the cap for ``max``."""
    if effort == "none":
        return 0
    wanted = max_budget if effort == "max" else BUDGETS[style][effort]
    return max(min_budget, min(wanted, max_budget))


def effort_for(budget: int) -> Effort | None:
    """The effort that a token budget stands for; None for a negative one ("as the model likes")."""
    if budget < 0:
        return None
    for ceiling, effort in _CEILINGS:
        if budget <= ceiling:
            return effort
    return "high" if budget <= _HIGH_CEILING else "xhigh"


def nearest(effort: Effort, efforts: Sequence[Effort]) -> Effort | None:
    """`effort` if the model has it, else the next lower one that it has, else the next higher. None: it has none.

    ``none`` means "do not think", which no model should be given by rounding: it is only found by its own name, unless
    the model has nothing else. A model that cannot switch thinking off thus gets its lowest effort.
    """
    if effort in efforts:
        return effort
    rank = EFFORTS.index(effort)
    others = sorted((e for e in efforts if e != "none"), key=EFFORTS.index)
    lower = [e for e in others if EFFORTS.index(e) < rank]
    if lower:
        return lower[-1]
    if others:
        return others[0]
    return efforts[0] if efforts else None


def gemini_level(effort: Effort, levels: Sequence[str] = GEMINI_LEVELS) -> str | None:
    """Gemini's ``thinkingLevel`` for an effort: the wanted one, else the next lower, else the next higher one offered.

    ``medium`` rounds up where there is only low and high, as Google's own table does. None: the model has no levels.
    """
    wanted = _LEVELS[effort]
    if wanted in levels:
        return wanted
    if wanted == "medium" and "high" in levels:
        return "high"
    rank = GEMINI_LEVELS.index(wanted)
    lower = [level for level in GEMINI_LEVELS[:rank] if level in levels]
    higher = [level for level in GEMINI_LEVELS[rank:] if level in levels]
    return lower[-1] if lower else (higher[0] if higher else None)
