"""Tools and the choice among them, for a request."""

from __future__ import annotations

from collections.abc import Iterable

from router.faults import bad_request
from router.wire import schema
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps_text
from router.wire.conversation import Conversation, JsonObject, Tool, ToolCall, ToolChoice
from router.wire.messages.tool_names import ToolNames
from router.wire.names import qualified
from router.wire.notes import Notes

_SERVER_TOOLS = {
    "web_search": ("web_search_20250305", "web_search"),
    "web_fetch": ("web_fetch_20250910", "web_fetch"),
    "code": ("code_execution_20250825", "code_execution"),
}
"""Neutral kind -> dated type and fixed name; the oldest type that every model with the feature takes."""

_SETTINGS: dict[str, tuple[str, ...]] = {
    "web_search": ("max_uses", "allowed_domains", "blocked_domains", "user_location"),
    "web_fetch": ("max_uses", "allowed_domains", "blocked_domains"),
    "code": (),
}


def write_tools(
    tools: Iterable[Tool], names: ToolNames, capabilities: Capabilities, notes: Notes
) -> tuple[list[JsonObject], frozenset[str]]:
    """The declarations, and the upstream names of those that the caller declared as free text."""
    written: list[JsonObject] = []
    taken: set[str] = set()
    custom: set[str] = set()
    for index, tool in enumerate(tools):
        if tool.optional and _lacks(tool, capabilities):
            notes.dropped(tool.name)
            continue
        block = _write(tool, f"tools[{index}]", names, capabilities, notes)
        name = str(block.get("name", block.get("type")))
        if name in taken:
            notes.dropped("duplicate_tool")
            continue
        taken.add(name)
        written.append(block)
        if tool.kind == "custom":
            custom.add(name)
    return written, frozenset(custom)


def _write(tool: Tool, where: str, names: ToolNames, capabilities: Capabilities, notes: Notes) -> JsonObject:
    own = tool.extra.get("messages", {})
    if tool.kind in ("function", "custom"):
        return _declared(tool, names.upstream(tool.namespace, tool.name), capabilities, notes) | own
    if own.get("type") is not None:
        return own
    if _lacks(tool, capabilities):
        raise bad_request(
            f"{where}: the tool {tool.name!r} runs at its own provider and this model does not have it. "
            "Remove it, or choose a model of that provider.",
            where,
        )
    return _server_tool(tool)


def _lacks(tool: Tool, capabilities: Capabilities) -> bool:
    """Is this a provider-run tool that the model does not have?"""
    if tool.kind in ("function", "custom") or "type" in tool.extra.get("messages", {}):
        return False
    return tool.kind == "foreign" or not capabilities.server_tools


def _declared(tool: Tool, name: str, capabilities: Capabilities, notes: Notes) -> JsonObject:
    block: JsonObject = {"name": name}
    description = tool.description
    if tool.kind == "custom":
        description = _custom_description(tool)
    if description is not None:
        block["description"] = description
    if tool.kind == "custom":
        block["input_schema"] = {
            "type": "object",
            "properties": {"input": {"type": "string", "description": "The whole input of this tool, as plain text."}},
            "required": ["input"],
        }
        return block
    block["input_schema"] = schema.as_object_schema(tool.schema)
    if tool.strict:
        if capabilities.strict_tools:
            block["strict"] = True
            if "messages" not in tool.extra:
                block["input_schema"] = schema.for_anthropic_format(block["input_schema"])
        else:
            notes.dropped("strict")
    elif tool.strict is not None and "messages" in tool.extra:
        block["strict"] = tool.strict
    return block


def _custom_description(tool: Tool) -> str | None:
    """A grammar cannot be enforced here; said in words, models mostly keep to it."""
    form = tool.extra.get("responses", {}).get("format")
    grammar = form.get("definition") if isinstance(form, dict) else None
    if not isinstance(grammar, str):
        return tool.description
    syntax = form.get("syntax", "") if isinstance(form, dict) else ""
    return f"{tool.description or ''}\n\nThe input must match this {syntax} grammar:\n{grammar}".strip()


def _server_tool(tool: Tool) -> JsonObject:
    kind, name = _SERVER_TOOLS[tool.kind]
    block: JsonObject = {"type": kind, "name": name}
    for key in _SETTINGS[tool.kind]:
        value = tool.settings.get(key)
        if value is not None and not (key == "blocked_domains" and "allowed_domains" in block):  # one or the other
            block[key] = value
    return block


def chosen_tools(conversation: Conversation) -> tuple[Tool, ...]:
    """The tools to send: all, or the allowed ones, since Anthropic has no subset in its choice."""
    choice = conversation.tool_choice
    if choice is None or choice.mode != "allowed":
        return conversation.tools
    return tuple(
        tool
        for tool in conversation.tools
        if tool.name in choice.names or qualified(tool.namespace, tool.name) in choice.names
    )


def history_tools(conversation: Conversation, names: ToolNames) -> list[JsonObject]:
    """Bare declarations of the tools in the history, which Anthropic wants where there is a ``tool_use``."""
    found: dict[str, JsonObject] = {}
    for turn in conversation.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall):
                name = names.upstream(part.namespace, part.name)
                found.setdefault(name, {"name": name, "input_schema": {"type": "object", "properties": {}}})
    return list(found.values())


def write_tool_choice(choice: ToolChoice | None, parallel: bool | None, names: ToolNames) -> JsonObject | None:
    """``tool_choice``; one call at a time needs an object even where the caller chose nothing."""
    written: JsonObject | None = None
    if choice is not None:
        written = {"type": "auto"}
        if choice.mode == "tool" and choice.names:
            written = {"type": "tool", "name": names.chosen(choice.names[0])}
        elif choice.mode in ("any", "none"):
            written = {"type": choice.mode}
        elif choice.mode == "allowed" and choice.required:
            written = {"type": "any"}
        written |= choice.extra.get("messages", {})
    if parallel is None or (written is None and parallel):
        return written
    written = written or {"type": "auto"}
    if written["type"] != "none":
        written["disable_parallel_tool_use"] = not parallel
    return written


def is_forced(choice: ToolChoice | None) -> bool:
    return choice is not None and (choice.mode in ("any", "tool") or (choice.mode == "allowed" and choice.required))


def demand(choice: ToolChoice, names: ToolNames) -> str:
    """The sentence that stands for a forced tool where the model refuses to be forced."""
    wanted = [names.chosen(name) for name in choice.names]
    if not wanted:
        return "You must answer by calling one of the tools."
    if len(wanted) == 1:
        return f"You must answer by calling the tool {dumps_text(wanted[0])}."
    return f"You must answer by calling one of the tools {dumps_text(wanted)}."
