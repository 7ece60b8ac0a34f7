"""Neutral tools and choice as ``tools`` and ``toolConfig``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import bad_request
from router.wire import names, schema
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, JsonObject, Tool, ToolChoice, ToolKind
from router.wire.gemini.fields import own
from router.wire.notes import Notes

_PROVIDER_TOOLS: Mapping[ToolKind, str] = MappingProxyType(
    {"web_search": "googleSearch", "web_fetch": "urlContext", "code": "codeExecution"}
)
_MODES: Mapping[str, str] = MappingProxyType({"auto": "AUTO", "none": "NONE", "any": "ANY", "tool": "ANY"})
CUSTOM_INPUT: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as plain text."}},
    "required": ["input"],
}
"""How a free-text tool is declared; `wire.undo` unwraps the call."""


class ToolNames:
    """Caller's names to upstream names for one request, and the way back."""

    def __init__(self, conversation: Conversation, limit: int) -> None:
        functions = [tool for tool in conversation.tools if tool.kind in ("function", "custom")]
        qualified = [names.qualified(tool.namespace, tool.name) for tool in functions]
        self._limit = limit
        self._map = names.name_map(qualified, limit)
        self._bare: dict[str, str] = {}
        self.back: dict[str, tuple[str, str | None]] = {}
        custom: set[str] = set()
        for tool, flat in zip(functions, qualified, strict=True):
            upstream = self._map[flat]
            self._bare.setdefault(tool.name, upstream)
            if upstream != tool.name or tool.namespace is not None:
                self.back[upstream] = (tool.name, tool.namespace)
            if tool.kind == "custom":
                custom.add(upstream)
        self.custom = frozenset(custom)

    def upstream(self, name: str, namespace: str | None = None) -> str:
        """The upstream's name of a tool, also of one that is in the history only."""
        flat = names.qualified(namespace, name)
        if flat in self._map:
            return self._map[flat]
        if namespace is None and name in self._bare:
            return self._bare[name]
        return names.safe_name(flat, self._limit)


def write_tools(
    conversation: Conversation, upstream: ToolNames, capabilities: Capabilities, notes: Notes
) -> list[JsonObject]:
    """One element with all declarations, then one for each tool that Google runs."""
    declarations: list[JsonObject] = []
    others: list[JsonObject] = []
    for index, tool in enumerate(conversation.tools):
        if tool.kind in ("function", "custom"):
            declarations.append(_declaration(tool, upstream, capabilities, notes, f"tools[{index}]"))
        elif tool.optional and tool.kind not in _PROVIDER_TOOLS and not own(tool.extra):
            notes.dropped(tool.name)
        else:
            others.append(_provider_tool(tool, notes, f"tools[{index}]"))
    return [*([{"functionDeclarations": declarations}] if declarations else []), *others]


def _declaration(tool: Tool, upstream: ToolNames, capabilities: Capabilities, notes: Notes, where: str) -> JsonObject:
    out: JsonObject = {"name": upstream.upstream(tool.name, tool.namespace)}
    description = tool.description
    parameters = tool.schema
    if tool.kind == "custom":
        description, parameters = _with_grammar(tool), CUSTOM_INPUT
        notes.emulated(f"tools.{tool.name}")
    if description is not None:
        out["description"] = description
    if tool.strict is True:
        notes.dropped("tools.strict")
    others = dict(own(tool.extra))
    if capabilities.schema_form == "openapi" and "parametersJsonSchema" in others:
        del others["parametersJsonSchema"]
    taken = _with_arguments(parameters)
    if taken is not None and "parameters" not in others and "parametersJsonSchema" not in others:
        if capabilities.schema_form == "openapi":
            out["parameters"] = schema.for_openapi(taken, f"{where}.parameters")
        elif "gemini" in tool.extra:
            out["parametersJsonSchema"] = taken
        else:
            out["parametersJsonSchema"] = schema.for_gemini_json(taken, f"{where}.parameters")
    return {**out, **others}


def _with_arguments(parameters: JsonObject | None) -> JsonObject | None:
    """The schema if it allows any argument; None for no parameters at all, where Gemini wants the field left out."""
    if parameters is None:
        return None
    constraining = set(parameters) - {"type", "properties", "required", "additionalProperties", "$schema", "title"}
    return parameters if parameters.get("properties") or constraining - {"description"} else None


def _with_grammar(tool: Tool) -> str | None:
    form = tool.extra.get("responses", {}).get("format")
    if not isinstance(form, dict) or not isinstance(form.get("definition"), str):
        return tool.description
    grammar = f"The input must match this {form.get('syntax', '')} grammar:\n{form['definition']}"
    return grammar if tool.description is None else f"{tool.description}\n\n{grammar}"


def _provider_tool(tool: Tool, notes: Notes, where: str) -> JsonObject:
    native = own(tool.extra)
    if native:
        return dict(native)
    key = _PROVIDER_TOOLS.get(tool.kind)
    if key is None:
        raise bad_request(
            f"{where}: {tool.name} is run by another provider and Gemini has no counterpart; leave it out.",
            where,
        )
    for setting, value in tool.settings.items():
        if value not in (None, [], {}):
            notes.dropped(f"{tool.kind}.{setting}")
    return {key: {}}


def write_tool_config(choice: ToolChoice | None, upstream: ToolNames, others: JsonObject, tools: bool) -> JsonObject:
    """``toolConfig``; empty where there is nothing to say. tools: whether any function is declared."""
    config: JsonObject = dict(others)
    if choice is None or not tools:
        return config
    calling: JsonObject = dict(own(choice.extra))
    if choice.mode == "allowed":
        calling["mode"] = "ANY" if choice.required else "VALIDATED"
    else:
        calling.setdefault("mode", _MODES[choice.mode])
    if choice.mode in ("tool", "allowed"):
        calling["allowedFunctionNames"] = [upstream.upstream(name) for name in choice.names]
    config["functionCallingConfig"] = calling
    return config
