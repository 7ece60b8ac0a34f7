"""How much to think, in the form that the target model takes (`wire.md` 6)."""

from __future__ import annotations

from msgspec import Struct, structs

from router.wire import effort as efforts
from router.wire import opaque
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Effort, JsonObject, Reasoning, Thinking, ToolCall, ToolResult
from router.wire.messages.request_reader import THINKING
from router.wire.notes import Notes


class ThinkingPlan(Struct, frozen=True):
    """What to send. thinking: the ``thinking`` object, effort: of ``output_config``; None: leave out.

    on: the model will think. asked: the caller said so.
    """

    thinking: JsonObject | None = None
    effort: Effort | None = None
    on: bool = False
    asked: bool = False

    def off(self) -> ThinkingPlan:
        """The same with thinking switched off."""
        return ThinkingPlan(thinking={"type": "disabled"}, effort=self.effort)


def plan_thinking(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> ThinkingPlan:
    """Raises nothing: what the model cannot do is rounded and noted."""
    asked = conversation.reasoning
    form = asked.form or capabilities.thinking
    if asked.effort == "none" or asked.budget == 0:
        return _switched_off(asked, capabilities, form)
    said = asked.adaptive or asked.effort is not None or asked.budget is not None
    if not said and not (asked.show is True and form == "adaptive" and conversation.dialect != "messages"):
        return ThinkingPlan(on=capabilities.thinking_by_default)  # wanting to see thoughts is wanting them
    if form == "none":
        notes.dropped("thinking")
        return ThinkingPlan()
    only_effort = conversation.dialect == "messages" and not asked.adaptive and asked.budget is None
    if form == "budget" or (form in ("effort", "level") and asked.budget is not None and asked.budget > 0):
        plan = _budget(asked, capabilities, only_effort, conversation)
    else:
        plan = _adaptive(asked, capabilities, only_effort, conversation)
    if plan.on and capabilities.needs_signature and _loop_without_thinking(conversation, capabilities):
        notes.dropped("thinking")
        return plan.off() if capabilities.thinking_off else plan
    return plan


def _switched_off(asked: Reasoning, capabilities: Capabilities, form: str) -> ThinkingPlan:
    effort = asked.effort if asked.effort not in (None, "none") else None
    kept = _accepted(effort, capabilities, form)
    if form == "none":
        return ThinkingPlan()
    if capabilities.thinking_off:
        return ThinkingPlan(thinking={"type": "disabled"}, effort=kept)
    return ThinkingPlan(effort=efforts.nearest("low", capabilities.efforts), on=True)


def _budget(
    asked: Reasoning, capabilities: Capabilities, only_effort: bool, conversation: Conversation
) -> ThinkingPlan:
    if only_effort and asked.form is None:  # effort alone never switched thinking on, and budget models refuse it
        return ThinkingPlan(on=capabilities.thinking_by_default)
    budget = asked.budget if asked.budget is not None and asked.budget > 0 else None
    if budget is None:
        budget = efforts.budget_for(
            asked.effort or "high", min_budget=capabilities.min_budget, max_budget=capabilities.max_budget
        )
    thinking = {"type": "enabled", "budget_tokens": max(budget, capabilities.min_budget)}
    return ThinkingPlan(thinking=thinking | _display(asked, conversation, False), on=True, asked=True)


def _adaptive(
    asked: Reasoning, capabilities: Capabilities, only_effort: bool, conversation: Conversation
) -> ThinkingPlan:
    wanted = asked.effort
    if wanted is None and asked.budget is not None:
        wanted = efforts.effort_for(asked.budget)
    effort = efforts.nearest(wanted, capabilities.efforts) if wanted is not None else None
    if only_effort:
        return ThinkingPlan(effort=effort, on=capabilities.thinking_by_default)
    thinking = {"type": "adaptive"} | _display(asked, conversation, True)
    return ThinkingPlan(thinking=thinking, effort=effort, on=True, asked=True)


def _accepted(effort: Effort | None, capabilities: Capabilities, form: str) -> Effort | None:
    """Models with budgets only refuse ``output_config.effort``."""
    if effort is None or form in ("budget", "none"):
        return None
    return efforts.nearest(effort, capabilities.efforts)


def _display(asked: Reasoning, conversation: Conversation, translate: bool) -> JsonObject:
    own = conversation.extra.get("messages", {}).get(THINKING)
    if own is not None:
        return dict(own)
    if not translate or asked.show is None or conversation.dialect == "messages":
        return {}
    return {"display": "summarized" if asked.show else "omitted"}


def _loop_without_thinking(conversation: Conversation, capabilities: Capabilities) -> bool:
    """Inside a tool loop whose assistant turn has lost its thinking, models that demand the block answer 400."""
    if not conversation.turns or not any(isinstance(p, ToolResult) for p in conversation.turns[-1].parts):
        return False
    for turn in reversed(conversation.turns):
        if turn.role != "assistant":
            if turn.role == "user" and not any(isinstance(p, ToolResult) for p in turn.parts):
                return False
            continue
        kept = [p for p in turn.parts if not isinstance(p, Thinking) or _valid(p, capabilities)]
        if any(isinstance(p, ToolCall) for p in kept):
            return not any(isinstance(p, Thinking) for p in kept)
    return False


def _valid(part: Thinking, capabilities: Capabilities) -> bool:
    return opaque.fits(part.opaque, "messages", capabilities.family)


def room_for_thinking(plan: ThinkingPlan, max_tokens: int, capabilities: Capabilities) -> tuple[ThinkingPlan, int]:
    """``max_tokens`` must exceed the budget: it is raised up to the model's maximum, then the budget gives way."""
    thinking = plan.thinking or {}
    budget = thinking.get("budget_tokens")
    if budget is None or max_tokens > budget:
        return plan, max_tokens
    raised = budget + max(max_tokens, 1)
    if capabilities.max_output is not None and raised > capabilities.max_output:
        raised = capabilities.max_output
        if raised <= budget:
            budget = max(capabilities.min_budget, raised - max(1, min(max_tokens, raised // 2)))
            raised = max(raised, budget + 1)
    return structs.replace(plan, thinking=thinking | {"budget_tokens": budget}), raised
