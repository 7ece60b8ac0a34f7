"""Tools and tool choice of Chat, both directions, and the one table of tool names of a request."""

from __future__ import annotations

from typing import Any

from router.faults import bad_request
from router.wire import names
from router.wire.capabilities import Capabilities
from router.wire.chat.extras import kept
from router.wire.checked import check, optional, required, rest
from router.wire.conversation import Conversation, JsonObject, Tool, ToolCall, ToolChoice
from router.wire.notes import Notes
from router.wire.schema import as_object_schema

_INPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
_CHOICES = {"auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("any")}
_MODES = {"auto": "auto", "none": "none", "any": "required"}


def read_tools(body: JsonObject) -> tuple[Tool, ...]:
    """`tools`, the deprecated `functions` and `web_search_options` of a request."""
    listed = optional(body, "tools", "an array") or []
    tools = [_tool(item, f"tools[{index}]") for index, item in enumerate(listed)]
    for index, item in enumerate(optional(body, "functions", "an array") or []):
        tools.append(
            _function(check(item, "an object", f"functions[{index}]"), {"legacy": True}, f"functions[{index}]")
        )
    search = optional(body, "web_search_options", "an object")
    if search is not None:
        settings = {"context_size": search.get("search_context_size"), "user_location": search.get("user_location")}
        given = {key: value for key, value in settings.items() if value is not None}
        tools.append(Tool("web_search", kind="web_search", settings=given, extra={"chat": search}))
    return tuple(tools)


def _tool(item: Any, path: str) -> Tool:
    check(item, "an object", path)
    kind = item.get("type", "function")
    if kind == "function":
        inner = required(item, "function", "an object", path)
        return _function(inner, rest(item, ("type", "function")), f"{path}.function")
    if kind == "custom":
        inner = required(item, "custom", "an object", path)
        name = required(inner, "name", "a string", f"{path}.custom")
        description = optional(inner, "description", "a string", f"{path}.custom")
        others = {**rest(item, ("type", "custom")), **rest(inner, ("name", "description"))}
        return Tool(name, description, kind="custom", extra=kept(others))
    check(kind, "a string", f"{path}.type")
    return Tool(str(item.get("name", kind)), kind="foreign", extra={"chat": item})


def _function(inner: JsonObject, others: JsonObject, path: str) -> Tool:
    unknown = rest(inner, ("name", "description", "parameters", "strict"))
    return Tool(
        required(inner, "name", "a string", path),
        optional(inner, "description", "a string", path),
        optional(inner, "parameters", "an object", path),
        optional(inner, "strict", "a boolean", path),
        extra=kept({**others, "function": unknown} if unknown else others),
    )


def read_choice(body: JsonObject) -> ToolChoice | None:
    """`tool_choice`, or the deprecated `function_call`."""
    key = "tool_choice" if body.get("tool_choice") is not None else "function_call"
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        if value not in _CHOICES:
            raise bad_request(f'{key}: unknown choice "{value}"; known are {", ".join(_CHOICES)}.', key)
        return _CHOICES[value]
    check(value, "an object", key)
    kind = value.get("type")
    if kind == "allowed_tools":
        inner = required(value, "allowed_tools", "an object", key)
        listed = required(inner, "tools", "an array", f"{key}.allowed_tools")
        found = tuple(_chosen(item, f"{key}.allowed_tools.tools[{i}]") for i, item in enumerate(listed))
        return ToolChoice("allowed", found, required=inner.get("mode") == "required")
    return ToolChoice("tool", (_chosen(value, key),))


def _chosen(item: Any, path: str) -> str:
    check(item, "an object", path)
    for key in ("function", "custom"):
        if isinstance(item.get(key), dict):
            return str(required(item[key], "name", "a string", f"{path}.{key}"))
    return str(required(item, "name", "a string", path))


class NameTable:
    """Caller's tool names to upstream names, for declarations, choices and history alike.

    Namespaced tools become ``namespace__name``; names that the target would refuse get a stable stand-in.
    """

    def __init__(self, conversation: Conversation, limit: int) -> None:
        self._declared = [(tool.name, tool.namespace) for tool in conversation.tools]
        used = [
            (part.name, part.namespace)
            for turn in conversation.turns
            for part in turn.parts
            if isinstance(part, ToolCall)
        ]
        self._mapped = names.name_map(
            dict.fromkeys(names.qualified(key[1], key[0]) for key in (*self._declared, *used)), limit
        )

    def upstream(self, name: str, namespace: str | None = None) -> str:
        """The name to send. A bare name of a choice also finds a namespaced tool."""
        found = self._mapped.get(names.qualified(namespace, name))
        if found is None:
            owner = next((key for key in self._declared if key[0] == name), None)
            found = self._mapped[names.qualified(owner[1], owner[0])] if owner is not None else names.safe_name(name)
        return found

    def undo(self) -> dict[str, tuple[str, str | None]]:
        """Upstream name -> (name, namespace) of the declared tools whose name was changed."""
        pairs = ((self._mapped[names.qualified(key[1], key[0])], key) for key in self._declared)
        return {sent: key for sent, key in pairs if sent != key[0] or key[1] is not None}


def write_tools(
    conversation: Conversation, capabilities: Capabilities, table: NameTable, notes: Notes
) -> tuple[JsonObject, frozenset[str]]:  # fmt: skip
    """The body's keys for the tools, and the upstream names of free-text tools that were sent as functions.

    Raises a 400 for provider-run tools that Chat cannot name."""
    listed: list[JsonObject] = []
    emulated: set[str] = set()
    keys: JsonObject = {}
    for index, tool in enumerate(conversation.tools):
        own = tool.extra.get("chat", {})
        sent = table.upstream(tool.name, tool.namespace)
        if tool.kind == "function":
            listed.append(_function_tool(tool, sent, capabilities, notes))
        elif tool.kind == "custom" and capabilities.custom_tools:
            listed.append({"type": "custom", "custom": _custom(tool, sent)})
        elif tool.kind == "custom":
            listed.append(_as_function(tool, sent))
            emulated.add(sent)
            notes.emulated(tool.name)
        elif tool.kind == "web_search" and capabilities.server_tools:
            keys["web_search_options"] = own or _search_options(tool)
        elif tool.kind == "foreign" and own:
            listed.append(own)
        elif tool.optional:
            notes.dropped(tool.name)
        else:
            raise bad_request(
                f'tools[{index}]: the tool "{tool.name}" runs at another provider; the target of this request does not '
                "have it. Remove the tool or choose a model that has it.",
                f"tools[{index}]",
            )
    if listed:
        keys["tools"] = listed
    return keys, frozenset(emulated)


def _function_tool(tool: Tool, sent: str, capabilities: Capabilities, notes: Notes) -> JsonObject:
    own = {key: value for key, value in tool.extra.get("chat", {}).items() if key != "legacy"}
    function: JsonObject = {"name": sent}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = as_object_schema(tool.schema)
    if tool.strict is not None:
        if capabilities.strict_tools:
            function["strict"] = tool.strict
        elif tool.strict:
            notes.dropped("strict")
    function.update(own.pop("function", {}))
    return {"type": "function", "function": function, **own}


def _custom(tool: Tool, sent: str) -> JsonObject:
    inner: JsonObject = {"name": sent}
    if tool.description is not None:
        inner["description"] = tool.description
    inner.update(tool.extra.get("chat", {}))
    form = tool.extra.get("responses", {}).get("format")
    if isinstance(form, dict) and "format" not in inner:  # Responses writes the grammar flat
        if form.get("type") == "grammar":
            form = {"type": "grammar", "grammar": {key: form.get(key) for key in ("syntax", "definition")}}
        inner["format"] = form
    return inner


def _as_function(tool: Tool, sent: str) -> JsonObject:
    """A free-text tool for a target without them. Its grammar is told in words: nothing enforces it."""
    form = tool.extra.get("responses", tool.extra.get("chat", {})).get("format")
    grammar = form.get("grammar", form) if isinstance(form, dict) else {}
    definition = grammar.get("definition") if isinstance(grammar, dict) else None
    described = tool.description or ""
    if isinstance(definition, str):
        described = (
            f"{described}\n\nThe input must match this {grammar.get('syntax', '')} grammar:\n{definition}".strip()
        )
    function: JsonObject = {"name": sent, "description": described, "parameters": _INPUT_SCHEMA}
    return {"type": "function", "function": function}


def _search_options(tool: Tool) -> JsonObject:
    options: JsonObject = {}
    if tool.settings.get("context_size") is not None:
        options["search_context_size"] = tool.settings["context_size"]
    if tool.settings.get("user_location") is not None:
        options["user_location"] = tool.settings["user_location"]
    return options


def write_choice(choice: ToolChoice, table: NameTable, custom: frozenset[str]) -> Any:
    """`tool_choice`. custom: upstream names of free-text tools that are sent as such."""
    if choice.mode in _MODES:
        return _MODES[choice.mode]
    chosen: list[JsonObject] = []
    for name in choice.names:
        sent = table.upstream(name)
        kind = "custom" if sent in custom else "function"
        chosen.append({"type": kind, kind: {"name": sent}})
    if choice.mode == "tool" and chosen:
        return chosen[0]
    mode = "required" if choice.required else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": chosen}}
