"""How much callers may let models think: the operator's word over theirs. Pure.

A rule gives a wish in the neutral form; `router.models` turns it into what the model takes, as it does a caller's own.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.wire.conversation import EFFORTS, Effort, Reasoning
from router.wire.effort import budget_for, effort_for

Amount: TypeAlias = Effort | int
"""A named effort, or tokens; 0 tokens and ``none`` are no thinking."""
Mode: TypeAlias = Literal["passthrough", "off", "fixed", "adaptive"]
_ENDLESS = 1_000_000_000
OFF = Reasoning(effort="none")
AS_IT_LIKES = Reasoning(adaptive=True, budget=-1)


class ThinkingRule(Struct, frozen=True):
    """mode: whose word counts. default: what is asked for where the caller says nothing, or always (`fixed`). most: the
    most that a caller may ask for."""

    mode: Mode = "passthrough"
    default: Amount | None = None
    most: Amount | None = None

    def decide(self, asked: Reasoning, *, tunes: bool = False) -> Reasoning | None:
        """What to ask for in the place of the caller's wish; None where that stays as it is. tunes: an effort alone is
        no wish to think here, as in Messages, and must not become one."""
        said = Reasoning(effort=asked.effort, budget=asked.budget, adaptive=asked.adaptive)
        wanted = self._wanted(said, tunes and not said.adaptive and said.budget is None)
        return None if wanted == said or (_is_off(wanted) and _is_off(said)) else wanted

    def _wanted(self, said: Reasoning, tunes: bool) -> Reasoning:
        if self.mode == "off":
            return OFF
        if self.mode == "adaptive":
            return AS_IT_LIKES
        if self.mode == "fixed":
            return said if self.default is None else wish(self.default)
        if said == Reasoning():
            return said if self.default is None else wish(self.default)
        return said if self.most is None else capped(said, self.most, tunes=tunes)


class Wish(Struct, frozen=True):
    """What a call asks of thinking, where accounts have a say. said: by the caller. tunes: see `ThinkingRule.decide`.
    rule: for accounts that have none of their own. rules: all of theirs, by which calls are told apart."""

    said: Reasoning
    tunes: bool
    rule: ThinkingRule | None
    rules: tuple[tuple[str, ThinkingRule], ...] = ()

    def at(self, own: ThinkingRule | None) -> Reasoning | None:
        """What to ask an account for that has the rule `own`; None where the caller's wish stays as it is."""
        rule = own or self.rule
        return None if rule is None else rule.decide(self.said, tunes=self.tunes)


def wish(amount: Amount) -> Reasoning:
    """An amount as a caller would ask for it."""
    if isinstance(amount, int):
        return Reasoning(budget=amount)
    return Reasoning(effort=amount, adaptive=amount != "none")


def capped(said: Reasoning, most: Amount, *, tunes: bool = False) -> Reasoning:
    """A wish with no more than `most` in it. One that leaves the amount to the model becomes `most`. tunes: see
    `ThinkingRule.decide`."""
    if _is_off(said):
        return said
    if said.effort is None and (said.budget is None or said.budget < 0):
        return wish(most)
    effort, budget = said.effort, said.budget
    if effort is not None and _more(effort, most):
        effort = (effort_for(most) if tunes else None) if isinstance(most, int) else most
    if budget is not None and _more(budget, most):
        budget = most if isinstance(most, int) else None
    if effort is None and budget is None:
        return wish(most)
    return replace(said, effort=effort, budget=budget)


def _more(first: Amount, second: Amount) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        return EFFORTS.index(first) > EFFORTS.index(second)
    return _tokens(first) > _tokens(second)


def _tokens(amount: Amount) -> int:
    if isinstance(amount, int):
        return amount if amount >= 0 else _ENDLESS
    return budget_for(amount, max_budget=_ENDLESS)


def _is_off(wanted: Reasoning) -> bool:
    return wanted.effort == "none" or wanted.budget == 0
