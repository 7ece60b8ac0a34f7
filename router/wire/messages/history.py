"""Turns put into the order that Anthropic demands (`wire.md` 3.1, 3.2), still in the neutral form."""

from __future__ import annotations

from msgspec import structs

from router.faults import bad_request
from router.wire import opaque, repair
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Conversation,
    Foreign,
    Image,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from router.wire.notes import Notes

FILLER = "(conversation continues)"
NO_INPUT = "(no input)"


def arranged(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> Conversation:
    """Leading system turns in `system`, other ones where the model takes them, turns merged, a user turn first."""
    conversation = _leading_system(conversation)
    # First what cannot be written goes: it decides which turns stand beside a system turn.
    turns = _without_empty(_pictures_to_users(conversation.turns, notes), capabilities)
    conversation = structs.replace(conversation, turns=turns)
    if capabilities.system_in_middle:
        conversation = repair.fold_system_where(conversation, notes, _misplaced)
    else:
        conversation = repair.fold_system(conversation, notes)
    turns = repair.merge(conversation.turns)
    if not turns:
        turns, conversation = _something_to_answer(conversation)
    elif turns[0].role == "assistant":
        notes.repaired("first_turn")
        turns = (Turn(role="user", parts=(Text(text=FILLER),)), *turns)
    conversation = structs.replace(conversation, turns=turns)
    return _last_turn(conversation, capabilities, notes)


def _leading_system(conversation: Conversation) -> Conversation:
    turns = conversation.turns
    first = next((i for i, turn in enumerate(turns) if turn.role != "system"), len(turns))
    if first == 0:
        return conversation
    parts = tuple(part for turn in turns[:first] for part in turn.parts)
    return structs.replace(conversation, system=conversation.system + parts, turns=turns[first:])


def _misplaced(turns: tuple[Turn, ...], index: int) -> bool:
    """Anthropic takes a system message behind a user turn (or a server tool), last or before an assistant turn."""
    before = turns[index - 1] if index else None
    after = turns[index + 1] if index + 1 < len(turns) else None
    if after is not None and after.role != "assistant":
        return True
    if not all(isinstance(part, Text) for part in turns[index].parts):
        return True
    if before is None or before.role == "user":
        return before is None
    return not (before.role == "assistant" and before.parts and isinstance(before.parts[-1], Foreign))


def _pictures_to_users(turns: tuple[Turn, ...], notes: Notes) -> tuple[Turn, ...]:
    """An assistant turn cannot hold a picture: it goes to the next user turn with one line of explanation."""
    if not any(turn.role == "assistant" and any(isinstance(p, Image) for p in turn.parts) for turn in turns):
        return turns
    notes.emulated("assistant_image")
    result: list[Turn] = []
    waiting: tuple[Part, ...] = ()
    for turn in turns:
        if turn.role == "assistant":
            pictures = tuple(part for part in turn.parts if isinstance(part, Image))
            if pictures:
                waiting += (Text(text="(picture that the assistant made)"), *pictures)
                turn = structs.replace(turn, parts=tuple(p for p in turn.parts if not isinstance(p, Image)))
        elif turn.role == "user" and waiting:
            turn = structs.replace(turn, parts=_behind_results(turn.parts, waiting))
            waiting = ()
        result.append(turn)
    if waiting:
        result.append(Turn(role="user", parts=waiting))
    return tuple(result)


def _behind_results(parts: tuple[Part, ...], new: tuple[Part, ...]) -> tuple[Part, ...]:
    results = tuple(part for part in parts if isinstance(part, ToolResult))
    return results + new + tuple(part for part in parts if not isinstance(part, ToolResult))


def _without_empty(turns: tuple[Turn, ...], capabilities: Capabilities) -> tuple[Turn, ...]:
    """No turn that would be written without a block: Anthropic refuses empty content and blank text."""
    return tuple(turn for turn in turns if any(_is_said(part, capabilities) for part in turn.parts))


def _is_said(part: Part, capabilities: Capabilities) -> bool:
    if isinstance(part, Text | Refusal):
        return bool(part.text.strip())
    if isinstance(part, Thinking):
        return opaque.fits(part.opaque, "messages", capabilities.family)
    if isinstance(part, Foreign) and part.dialect != "messages":
        return bool(part.text.strip()) if part.text is not None else part.meaningful
    return True


def _something_to_answer(conversation: Conversation) -> tuple[tuple[Turn, ...], Conversation]:
    """A request with a system prompt only: its text is what there is to answer."""
    said = tuple(part for part in conversation.system if not isinstance(part, Text) or part.text.strip())
    if said:
        return (Turn(role="user", parts=said),), structs.replace(conversation, system=())
    return (Turn(role="user", parts=(Text(text=NO_INPUT),)),), conversation


def _last_turn(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> Conversation:
    """An answer begun by the caller ("prefill"): continued where the model does that, else asked for in words."""
    last = conversation.turns[-1]
    if last.role != "assistant" or isinstance(last.parts[-1], Foreign | ToolCall):
        return conversation  # a paused server tool is taken up again; a call is `repair`'s to answer
    turns = conversation.turns[:-1]
    if capabilities.prefill:
        parts = last.parts
        if isinstance(parts[-1], Text):
            parts = (*parts[:-1], structs.replace(parts[-1], text=parts[-1].text.rstrip()))
        return structs.replace(conversation, turns=(*turns, structs.replace(last, parts=parts)))
    begun = "".join(part.text for part in last.parts if isinstance(part, Text)).rstrip()
    if begun.lstrip().startswith(("{", "[")):
        where = f"messages[{len(turns)}]"
        raise bad_request(
            f"{where}: this model does not continue an assistant message. Ask for an output format instead.", where
        )
    notes.emulated("prefill")
    if not begun:
        return structs.replace(conversation, turns=turns)
    ask = Text(text=f"Begin your answer with exactly this text, and continue from there:\n{begun}")
    return structs.replace(conversation, turns=turns, system=(*conversation.system, ask))
