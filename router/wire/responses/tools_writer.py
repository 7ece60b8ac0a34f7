"""Tools and `tool_choice` as Responses wants them: flat declarations, namespaces nested again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from router.faults import bad_request
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, JsonObject, Tool, ToolChoice
from router.wire.names import name_map
from router.wire.notes import Notes

CHOICES = {"auto": "auto", "none": "none", "any": "required"}
FREE_TEXT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""How a free-text tool is declared to a model that has none: `Undo.custom` takes the wrapping off again."""


class ToolNames:
    """The upstream's name of each of the caller's tools, and which free-text tools had to become functions."""

    def __init__(self, tools: Iterable[Tool], capabilities: Capabilities) -> None:
        tools = tuple(tools)
        flat = [tool.name for tool in tools if tool.kind in ("function", "custom") and tool.namespace is None]
        self._limit = min(capabilities.tool_name_max, 64)
        self._map = name_map(flat, self._limit)
        self._custom = capabilities.custom_tools
        self.bent = frozenset(
            self.of(tool.name, tool.namespace) for tool in tools if tool.kind == "custom" and not self._custom
        )

    def of(self, name: str, namespace: str | None = None) -> str:
        """Also for names in the history that are not declared any more."""
        if namespace is not None:
            return name  # only Responses has namespaces, so the name was made for it
        return self._map.get(name) or name_map([name], self._limit)[name]

    def free(self, custom: bool) -> bool:
        """May a free-text call be written as one?"""
        return custom and self._custom

    def undo(self) -> dict[str, tuple[str, str | None]]:
        return {upstream: (name, None) for name, upstream in self._map.items() if upstream != name}


def declared_tools(tools: Iterable[Tool]) -> list[JsonObject]:
    """The top-level tools as the caller declared them, for the echo. Those of input items are not among them."""
    return nested((tool, _plain(tool, tool.name, None)) for tool in tools if not _in_input(tool))


def write_tools(
    conversation: Conversation, capabilities: Capabilities, names: ToolNames, notes: Notes
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Top-level tools, and the ``additional_tools`` input items. Raises `Fault` for a tool that cannot be expressed."""
    top: list[tuple[Tool, JsonObject]] = []
    added: dict[str, tuple[JsonObject, list[tuple[Tool, JsonObject]]]] = {}
    for position, tool in enumerate(conversation.tools):
        own = tool.extra.get("responses", {})
        if "loaded" in own:
            continue  # stands in a tool_search_output of the history already
        written = _write_tool(tool, f"tools[{position}]", conversation.dialect, capabilities, names, notes)
        if written is None:
            continue
        if "added" in own:
            item = own["added"]
            added.setdefault(str(item.get("id", "")), (item, []))[1].append((tool, written))
        else:
            top.append((tool, written))
    items = [{"type": "additional_tools", **item, "tools": nested(members)} for item, members in added.values()]
    return nested(top), items


def nested(tools: Iterable[tuple[Tool, JsonObject]]) -> list[JsonObject]:
    """Declarations in order, those of one namespace gathered where its first one stands."""
    written: list[JsonObject] = []
    spaces: dict[str, JsonObject] = {}
    for tool, declaration in tools:
        if tool.namespace is None:
            written.append(declaration)
            continue
        space = spaces.get(tool.namespace)
        if space is None:
            described = tool.extra.get("responses", {}).get("namespace", {})
            space = spaces[tool.namespace] = {"type": "namespace", "name": tool.namespace, **described, "tools": []}
            written.append(space)
        space["tools"].append(declaration)
    return written


def write_choice(
    choice: ToolChoice | None, tools: list[JsonObject], capabilities: Capabilities, names: ToolNames, notes: Notes
) -> str | JsonObject | None:
    """`tool_choice`, or None to leave it out: without tools it is a 400."""
    if choice is None or not tools:
        return None
    raw = choice.extra.get("responses", {}).get("raw")
    if choice.mode in ("any", "tool") and not capabilities.forced_tool:
        notes.changed("tool_choice")
        return "auto"
    if raw is not None:
        return dict(raw)
    if choice.mode in CHOICES:
        return CHOICES[choice.mode]
    kinds = {declaration.get("name"): declaration.get("type") for declaration in tools}
    members: list[JsonObject] = []
    for name in choice.names:
        upstream = names.of(name)
        members.append({"type": "custom" if kinds.get(upstream) == "custom" else "function", "name": upstream})
    if choice.mode == "tool" and members:
        return members[0]
    return {"type": "allowed_tools", "mode": "required" if choice.required else "auto", "tools": members}


def echoed_choice(choice: ToolChoice | None) -> str | JsonObject:
    """`tool_choice` as the caller said it."""
    if choice is None:
        return "auto"
    raw = choice.extra.get("responses", {}).get("raw")
    if raw is not None:
        return dict(raw)
    if choice.mode in CHOICES:
        return CHOICES[choice.mode]
    members: list[JsonObject] = [{"type": "function", "name": name} for name in choice.names]
    if choice.mode == "tool" and members:
        return members[0]
    return {"type": "allowed_tools", "mode": "required" if choice.required else "auto", "tools": members}


def _in_input(tool: Tool) -> bool:
    own = tool.extra.get("responses", {})
    return "added" in own or "loaded" in own


def _plain(tool: Tool, name: str, strict: bool | None) -> JsonObject:
    """A declaration in the caller's own words."""
    own = tool.extra.get("responses", {})
    if "raw" in own:
        return dict(own["raw"])
    written: JsonObject = {"type": "custom" if tool.kind == "custom" else "function", "name": name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.kind == "custom":
        form = _grammar(tool)
        return {**written, **({"format": form} if form is not None else {}), **own.get("rest", {})}
    strictness = tool.strict if tool.strict is not None else strict
    if strictness is not None:
        written["strict"] = strictness
    return {**written, "parameters": tool.schema, **own.get("rest", {})}


def _grammar(tool: Tool) -> JsonObject | None:
    """The format of a free-text tool; Chat nests what Responses has flat."""
    own = tool.extra.get("responses", {}).get("format")
    if isinstance(own, dict):
        return own
    chat = tool.extra.get("chat", {})
    form = chat.get("format", chat.get("custom", {}).get("format") if isinstance(chat.get("custom"), dict) else None)
    if not isinstance(form, dict):
        return None
    grammar = form.get("grammar")
    return {"type": "grammar", **grammar} if isinstance(grammar, dict) else form


def _write_tool(
    tool: Tool, where: str, dialect: Dialect, capabilities: Capabilities, names: ToolNames, notes: Notes
) -> JsonObject | None:
    own = tool.extra.get("responses", {})
    if tool.kind in _SERVER_TOOLS or tool.kind == "foreign":
        if "raw" in own:
            return dict(own["raw"])
        if tool.kind == "foreign" and tool.optional:
            notes.dropped(tool.name)
            return None
        if tool.kind == "foreign":
            raise bad_request(
                f"{where}: the tool {tool.name!r} runs at another provider and has no counterpart here. Remove it, "
                "or choose a model of that provider.",
                where,
            )
        if not capabilities.server_tools:
            notes.dropped(tool.kind)
            return None
        return _SERVER_TOOLS[tool.kind](tool, notes)
    name = names.of(tool.name, tool.namespace)
    if tool.kind == "custom" and not names.free(True):
        described = tool.description or ""
        form = _grammar(tool)
        if form is not None and isinstance(form.get("definition"), str):
            described += f"\n\nThe input must match this {form.get('syntax', '')} grammar:\n{form['definition']}"
        notes.emulated("custom_tools")
        written = {"type": "function", "name": name, "description": described, "strict": False}
        return {**written, "parameters": FREE_TEXT_SCHEMA}
    # The API takes a missing `strict` for true, the other dialects take it for false.
    return _plain(tool, name, None if dialect == "responses" else False)


def _web_search(tool: Tool, notes: Notes) -> JsonObject:
    written: JsonObject = {"type": "web_search"}
    settings = tool.settings
    if settings.get("allowed_domains"):
        written["filters"] = {"allowed_domains": list(settings["allowed_domains"])}
    if settings.get("user_location"):
        written["user_location"] = {"type": "approximate", **settings["user_location"]}
    if settings.get("context_size"):
        written["search_context_size"] = settings["context_size"]
    for lost in ("blocked_domains", "max_uses"):
        if settings.get(lost):
            notes.dropped(f"{tool.kind}.{lost}")
    return written


def _web_fetch(tool: Tool, notes: Notes) -> JsonObject:
    notes.changed("web_fetch")  # web_search opens pages as well
    return _web_search(tool, notes)


def _code(tool: Tool, notes: Notes) -> JsonObject:
    return {"type": "code_interpreter", "container": {"type": "auto"}}


_SERVER_TOOLS: dict[str, Callable[[Tool, Notes], JsonObject]] = {
    "web_search": _web_search,
    "web_fetch": _web_fetch,
    "code": _code,
}
