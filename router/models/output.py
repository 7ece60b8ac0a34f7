"""Structured output and begun answers for models that have no word for them (`wire.md` 5, 12). Pure.

Messages and Responses targets are left alone: their writers emulate what the API lacks, with what depends on it.
"""

from __future__ import annotations

from msgspec import Struct, structs

from router.faults import bad_request
from router.models.thinking import will_think
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps_text
from router.wire.conversation import (
    Conversation,
    Dialect,
    OutputFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Turn,
)
from router.wire.notes import Notes
from router.wire.written import Undo

RESPOND = "respond"
"""Name of the tool whose arguments stand for the answer."""


class Formatted(Struct, frozen=True):
    """The conversation with a format that the model takes, and what to undo on the answer."""

    conversation: Conversation
    undo: Undo = Undo()


def fit_output(conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes) -> Formatted:
    """A schema by a forced tool, else JSON mode, else a sentence; JSON mode by a sentence."""
    output = conversation.output
    if output is None or target in ("messages", "responses"):
        return Formatted(conversation)
    if output.kind == "schema" and not capabilities.json_schema:
        notes.emulated("response_format")
        if _can_force(conversation, capabilities, output):
            return _by_tool(conversation, output)
        return _by_words(conversation, capabilities, output)
    if output.kind == "json" and not capabilities.json_object:
        notes.emulated("response_format")
        return _by_words(conversation, capabilities, output)
    return Formatted(conversation)


def _can_force(conversation: Conversation, capabilities: Capabilities, output: OutputFormat) -> bool:
    thinking = will_think(conversation, capabilities) and not capabilities.forced_tool_with_thinking
    is_object = (output.schema or {}).get("type") == "object"
    return capabilities.tools and capabilities.forced_tool and not conversation.tools and not thinking and is_object


def _by_tool(conversation: Conversation, output: OutputFormat) -> Formatted:
    tool = Tool(name=RESPOND, description=output.description or "Give your answer.", schema=output.schema)
    changed = structs.replace(
        conversation,
        output=None,
        tools=(tool,),
        tool_choice=ToolChoice(mode="tool", names=(RESPOND,)),
        parallel_tool_calls=None,
    )
    return Formatted(changed, Undo(output_tool=RESPOND))


def _by_words(conversation: Conversation, capabilities: Capabilities, output: OutputFormat) -> Formatted:
    sentence = "Answer with one JSON object and nothing else, without a code fence."
    if output.schema is not None:
        text = dumps_text(output.schema)
        sentence = f"Answer with one JSON value that matches this JSON Schema and nothing else:\n{text}"
    softer = OutputFormat(kind="json") if capabilities.json_object else None
    changed = structs.replace(conversation, output=softer, system=(*conversation.system, Text(sentence)))
    return Formatted(changed, Undo(unfence=True))


def without_prefill(
    conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes
) -> Conversation:
    """An answer that the caller began, asked for in words where the model does not continue it.

    Raises `Fault` bad_request where the beginning is JSON: the caller parses what follows it."""
    turns = conversation.turns
    if target == "messages" or capabilities.prefill or not turns or turns[-1].role != "assistant":
        return conversation
    last: Turn = turns[-1]
    if any(isinstance(part, ToolCall) for part in last.parts):
        return conversation  # an interrupted call, which `repair` answers
    begun = "".join(part.text for part in last.parts if isinstance(part, Text)).rstrip()
    if begun.lstrip().startswith(("{", "[")):
        where = f"messages[{len(turns) - 1}]" if conversation.dialect != "gemini" else f"contents[{len(turns) - 1}]"
        text = "does not continue an assistant message. Ask for an output format instead."
        raise bad_request(f"{where}: the model '{conversation.model}' {text}", where)
    notes.emulated("prefill")
    conversation = structs.replace(conversation, turns=turns[:-1])
    if not begun:
        return conversation
    ask = Text(f"Begin your answer with exactly this text, and continue from there:\n{begun}")
    return structs.replace(conversation, system=(*conversation.system, ask))
