"""Tools and the choice among them, from a request."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import JsonObject, Tool, ToolChoice, ToolKind
from router.wire.messages import typed

SERVER_TOOLS: tuple[tuple[str, ToolKind], ...] = (
    ("web_search_", "web_search"),
    ("web_fetch_", "web_fetch"),
    ("code_execution_", "code"),
)
"""Prefix of a dated tool type -> neutral kind. Every other typed tool stays Anthropic's own."""

_SETTINGS = ("allowed_domains", "blocked_domains", "max_uses", "user_location")
_CHOICES = ("auto", "any", "tool", "none")


def read_tools(value: Any, path: str = "tools") -> tuple[Tool, ...]:
    return tuple(_tool(tool, where) for tool, where in typed.items(value, path))


def _tool(tool: JsonObject, path: str) -> Tool:
    kind = tool.get("type")
    if kind is not None and typed.text(kind, f"{path}.type") != "custom":
        return _typed_tool(tool, kind, path)
    description, strict = tool.get("description"), tool.get("strict")
    kept = typed.rest(tool, "name", "description", "input_schema", "strict")
    return Tool(
        name=typed.text(typed.need(tool, "name", path), f"{path}.name"),
        description=typed.text(description, f"{path}.description") if description is not None else None,
        schema=typed.obj(typed.need(tool, "input_schema", path), f"{path}.input_schema"),
        strict=typed.boolean(strict, f"{path}.strict") if strict is not None else None,
        extra={"messages": kept} if kept else {},
    )


def _typed_tool(tool: JsonObject, kind: str, path: str) -> Tool:
    name = typed.text(tool.get("name", kind), f"{path}.name")
    for prefix, neutral in SERVER_TOOLS:
        if kind.startswith(prefix):
            settings = {key: tool[key] for key in _SETTINGS if tool.get(key) is not None}
            return Tool(name=name, kind=neutral, settings=settings, extra={"messages": tool})
    return Tool(name=name, kind="foreign", extra={"messages": tool})


def read_tool_choice(value: Any, path: str = "tool_choice") -> tuple[ToolChoice, bool | None]:
    """The choice, and ``parallel_tool_calls`` where the caller said something about it."""
    choice = typed.obj(value, path)
    mode = typed.text(typed.need(choice, "type", path), f"{path}.type")
    if mode not in _CHOICES:
        raise typed.wrong(f"{path}.type", "Input should be 'auto', 'any', 'tool' or 'none'")
    names = (typed.text(typed.need(choice, "name", path), f"{path}.name"),) if mode == "tool" else ()
    kept = typed.rest(choice, "type", "name", "disable_parallel_tool_use")
    disabled = choice.get("disable_parallel_tool_use")
    parallel = None if disabled is None else not typed.boolean(disabled, f"{path}.disable_parallel_tool_use")
    return ToolChoice(mode=mode, names=names, extra={"messages": kept} if kept else {}), parallel  # type: ignore[arg-type]
