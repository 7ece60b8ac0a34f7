"""Tools and forced tools that a model does not take (`wire.md` 4.2, 4.3). Pure."""

from __future__ import annotations

from msgspec import structs

from router.faults import bad_request
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, Text, Tool, ToolChoice
from router.wire.notes import Notes
from router.wire.schema_items import with_items

_OURS = ("function", "custom")
_FORCED = ("any", "tool")
_OPENAI = ("chat", "responses")


def fit_tools(conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes) -> Conversation:
    """Only tools that the model takes. Raises `Fault` bad_request where the caller's own tools would be lost."""
    if not conversation.tools:
        return conversation
    choice = conversation.tool_choice
    if not capabilities.tools:
        if choice is None or choice.mode != "none":
            text = f"tools: the model '{conversation.model}' calls no tools. Leave them out, or choose another model."
            raise bad_request(text, "tools")
        notes.dropped("tools")
        return structs.replace(conversation, tools=(), tool_choice=None, parallel_tool_calls=None)
    if target in _OPENAI and conversation.dialect not in _OPENAI:
        conversation = structs.replace(conversation, tools=tuple(_with_items(tool) for tool in conversation.tools))
    kept = tuple(tool for tool in conversation.tools if _takes(tool, conversation, capabilities))
    for tool in conversation.tools:
        if tool not in kept:
            _leave_out(tool, conversation, notes)
    return structs.replace(conversation, tools=kept) if len(kept) < len(conversation.tools) else conversation


def _with_items(tool: Tool) -> Tool:
    """Anthropic and Gemini take arrays that do not say what they hold, OpenAI refuses them (`wire.md` 5.1)."""
    fitted = tool.schema if tool.schema is None else with_items(tool.schema)
    return tool if fitted is tool.schema else structs.replace(tool, schema=fitted)


def _takes(tool: Tool, conversation: Conversation, capabilities: Capabilities) -> bool:
    if tool.kind in _OURS:
        return True
    if not capabilities.server_tools:
        return False
    mixed = any(other.kind in _OURS for other in conversation.tools)
    return capabilities.server_tools_with_functions or not mixed


def _leave_out(tool: Tool, conversation: Conversation, notes: Notes) -> None:
    """Agents list the provider's own tools by habit: they may go, unless one is forced or there is nothing else."""
    where = f"tools[{conversation.tools.index(tool)}]"
    choice = conversation.tool_choice
    forced = choice is not None and choice.mode == "tool" and tool.name in choice.names
    if forced or not any(other.kind in _OURS for other in conversation.tools):
        text = f"{where}: the model '{conversation.model}' cannot run '{tool.name or tool.kind}'. Leave it out."
        raise bad_request(text, where)
    notes.dropped(f"tools.{tool.name or tool.kind}")


def soften_choice(
    conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes
) -> Conversation:
    """A forced tool in words where the model refuses one. Messages targets: their writer does it, with the thinking."""
    choice = conversation.tool_choice
    if target == "messages" or choice is None or capabilities.forced_tool:
        return conversation
    if choice.mode not in _FORCED and not (choice.mode == "allowed" and choice.required):
        return conversation
    notes.emulated("tool_choice")
    named = " or ".join(f"'{name}'" for name in choice.names)
    demand = Text(f"You must answer by calling the tool {named}." if named else "You must answer by calling a tool.")
    softer = ToolChoice(mode="allowed", names=choice.names) if choice.mode == "allowed" else ToolChoice()
    return structs.replace(conversation, tool_choice=softer, system=(*conversation.system, demand))
