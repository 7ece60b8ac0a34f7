"""How much to think, in the form and within the bounds that a model has (`wire.md` 6). Pure.

Messages targets are left alone: their thinking hangs together with forced tools, output formats and signatures, which
`wire.messages.thinking` settles in one place.
"""

from __future__ import annotations

from msgspec import structs

from router.wire import effort as efforts
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, Effort, Reasoning
from router.wire.notes import Notes


def resolve_thinking(
    conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes
) -> Conversation:
    """`reasoning` with its `form`, and an effort or a budget that the model accepts. Nothing asked: nothing sent."""
    asked = conversation.reasoning
    if target == "messages":
        return conversation
    if capabilities.thinking == "none":
        if _wants(asked) and not _off(asked):
            notes.dropped("reasoning")
        reasoning = Reasoning(form="none")
    elif capabilities.thinking == "budget":
        reasoning = _budget(asked, capabilities, notes)
    elif capabilities.thinking == "level":
        reasoning = _level(asked, capabilities, notes)
    else:
        reasoning = _effort(asked, capabilities, notes)
    conversation = structs.replace(conversation, reasoning=reasoning)
    return _room(conversation, capabilities, notes)


def will_think(conversation: Conversation, capabilities: Capabilities) -> bool:
    """Whether the model thinks on this request, after `resolve_thinking`."""
    reasoning = conversation.reasoning
    if capabilities.thinking == "none":
        return capabilities.thinking_by_default
    if not _wants(reasoning):
        return capabilities.thinking_by_default
    return not _off(reasoning)


def _wants(asked: Reasoning) -> bool:
    return asked.adaptive or asked.effort is not None or asked.budget is not None


def _off(asked: Reasoning) -> bool:
    return asked.effort == "none" or asked.budget == 0


def _named(asked: Reasoning) -> Effort | None:
    """The wish as a named effort; None where the amount is left to the model."""
    if asked.effort is not None:
        return asked.effort
    return efforts.effort_for(asked.budget) if asked.budget is not None else None


def _effort(asked: Reasoning, capabilities: Capabilities, notes: Notes) -> Reasoning:
    wanted = _named(asked)
    if wanted == "none" and "none" not in capabilities.efforts and not capabilities.thinking_by_default:
        wanted = None  # it does not think unless told to
    given = efforts.nearest(wanted, capabilities.efforts) if wanted is not None else None
    if given != wanted:
        notes.changed("reasoning_effort")
    return structs.replace(asked, effort=given, budget=None, adaptive=False, form="effort")


def _level(asked: Reasoning, capabilities: Capabilities, notes: Notes) -> Reasoning:
    """Gemini 3: a level. It cannot be turned off, so "none" is its lowest."""
    wanted = _named(asked)
    level = efforts.gemini_level(wanted, capabilities.efforts) if wanted is not None else None
    given = next((effort for effort in capabilities.efforts if effort == level), None)
    if given != wanted:
        notes.changed("reasoning_effort")
    return structs.replace(asked, effort=given, budget=None, adaptive=False, form="level")


def _budget(asked: Reasoning, capabilities: Capabilities, notes: Notes) -> Reasoning:
    """Gemini 2.5: tokens. -1 leaves the amount to the model; 0 where it cannot be turned off is the least there is."""
    budget = asked.budget
    least, most = capabilities.min_budget, capabilities.max_budget
    if budget is None and asked.effort is not None:
        budget = efforts.budget_for(asked.effort, style="gemini", min_budget=least, max_budget=most)
    elif budget is not None and budget > 0 and not least <= budget <= most:
        notes.clamped("thinking_budget")
        budget = max(least, min(budget, most))
    if budget == 0 and not capabilities.thinking_off:
        notes.changed("thinking_budget")
        budget = least
    return structs.replace(asked, effort=None, budget=budget, adaptive=False, form="budget")


def _room(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> Conversation:
    """Limits count thinking too: an output limit that the budget alone would use up is raised by it (`wire.md` 2)."""
    budget, limit = conversation.reasoning.budget, conversation.max_tokens
    if budget is None or budget <= 0 or limit is None or limit > budget:
        return conversation
    notes.changed("max_tokens")
    raised = limit + budget
    if capabilities.max_output is not None:
        raised = min(raised, capabilities.max_output)
    return structs.replace(conversation, max_tokens=raised)
