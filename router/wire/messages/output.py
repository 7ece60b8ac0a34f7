"""Structured output: Anthropic's own format, or the next best thing (`wire.md` 5)."""

from __future__ import annotations

from msgspec import Struct

from router.wire import schema
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps_text
from router.wire.conversation import Conversation, JsonObject
from router.wire.notes import Notes

RESPOND = "respond"
"""Name of the tool whose input stands for the answer."""


class OutputPlan(Struct, frozen=True):
    """format: for ``output_config``. tool: a tool to force. sentence: for the system text. unfence: see `Undo`."""

    format: JsonObject | None = None
    tool: JsonObject | None = None
    sentence: str | None = None
    unfence: bool = False


def plan_output(conversation: Conversation, capabilities: Capabilities, thinking: bool, notes: Notes) -> OutputPlan:
    """`thinking`: the model will think, and can then not be forced to call a tool."""
    wanted = conversation.output
    if wanted is None or wanted.kind == "text":
        return OutputPlan()
    if wanted.kind == "json":
        notes.emulated("response_format")
        return OutputPlan(sentence="Answer with one JSON object and nothing else, without a code fence.", unfence=True)
    form = wanted.schema or {}
    if wanted.kind == "enum":
        notes.emulated("response_format")
        values = "\n".join(str(value) for value in form.get("enum", ()))
        return OutputPlan(sentence=f"Answer with exactly one of these values and nothing else:\n{values}")
    if capabilities.json_schema:
        own = conversation.dialect == "messages"
        return OutputPlan(format={"type": "json_schema", "schema": form if own else schema.for_anthropic_format(form)})
    notes.emulated("response_format")
    can_force = capabilities.forced_tool and (capabilities.forced_tool_with_thinking or not thinking)
    if conversation.tools or not can_force or form.get("type") != "object":
        text = f"Answer with one JSON value that matches this JSON Schema and nothing else:\n{dumps_text(form)}"
        return OutputPlan(sentence=text, unfence=True)
    tool: JsonObject = {"name": RESPOND, "description": wanted.description or "Give your answer.", "input_schema": form}
    return OutputPlan(tool=tool)
