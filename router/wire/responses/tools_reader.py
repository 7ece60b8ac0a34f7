"""Tools, wherever a caller puts them: top level, namespaces, `additional_tools` items, results of a tool search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from router.faults import bad_request
from router.wire.conversation import Json, JsonObject, Tool, ToolChoice, ToolKind
from router.wire.responses.typed import as_object, at, flag, mapping, required_text, sequence, text, wrong

_SEARCHES = ("web_search", "web_search_preview")
HABITUAL = frozenset({"tool_search", "local_shell", "image_generation"})
_MODES: Mapping[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("any"),
}


def read_tools(body: JsonObject) -> tuple[Tool, ...]:
    """Every tool of the request, in the order in which they are declared; those of the input list come last.

    A tool that `tool_choice` forces is never optional.
    """
    tools = _read_list(sequence(body, "tools", "") or [], "tools", {})
    items = body.get("input")
    for number, item in enumerate(items if isinstance(items, list) else []):
        if not isinstance(item, dict):
            continue
        where = f"input[{number}]"
        mark: JsonObject = {}
        if item.get("type") == "additional_tools":
            mark = {"added": {key: value for key, value in item.items() if key not in ("type", "tools")}}
        elif item.get("type") == "tool_search_output":
            mark = {"loaded": True}
        else:
            continue
        tools += _read_list(sequence(item, "tools", where) or [], at(where, "tools"), mark)
    choice = body.get("tool_choice")
    forced = choice.get("type") if isinstance(choice, dict) else None
    return tuple(
        msgspec.structs.replace(tool, optional=False)
        if tool.optional and str(forced).startswith((tool.name, "allowed_tools"))
        else tool
        for tool in tools
    )


def read_choice(value: Json) -> ToolChoice | None:
    if value is None:
        return None
    if isinstance(value, str):
        if value in _MODES:
            return _MODES[value]
        raise bad_request(f"tool_choice must be auto, none, required or an object, not {value!r}.", "tool_choice")
    choice = as_object(value, "tool_choice")
    kind = required_text(choice, "type", "tool_choice")
    raw = {"responses": {"raw": choice}}
    if kind in ("function", "custom"):
        rest = set(choice) - {"type", "name"}
        name = required_text(choice, "name", "tool_choice")
        return ToolChoice("tool", (name,), extra=raw if rest or kind == "custom" else {})
    if kind == "allowed_tools":
        members = sequence(choice, "tools", "tool_choice") or []
        names = [as_object(tool, f"tool_choice.tools[{n}]") for n, tool in enumerate(members)]
        allowed = tuple(str(tool.get("name") or tool.get("type") or "") for tool in names)
        return ToolChoice("allowed", allowed, required=choice.get("mode") == "required", extra=raw)
    return ToolChoice("tool", ("web_search" if kind.startswith(_SEARCHES) else kind,), extra=raw)


def _read_list(tools: list[Any], where: str, mark: JsonObject) -> list[Tool]:
    read: list[Tool] = []
    for number, value in enumerate(tools):
        path = f"{where}[{number}]"
        tool = as_object(value, path)
        if required_text(tool, "type", path) != "namespace":
            read.append(_read_tool(tool, path, None, mark))
            continue
        name = required_text(tool, "name", path)
        described = {key: v for key, v in tool.items() if key not in ("type", "name", "tools")}
        inside = {**mark, "namespace": described}
        for index, member in enumerate(sequence(tool, "tools", path) or []):
            place = f"{path}.tools[{index}]"
            read.append(_read_tool(as_object(member, place), place, name, inside))
    return read


def _read_tool(tool: JsonObject, where: str, namespace: str | None, mark: JsonObject) -> Tool:
    kind = required_text(tool, "type", where)
    if kind == "function":
        return _function(tool, where, namespace, mark)
    if kind == "custom":
        return _custom(tool, where, namespace, mark)
    extra = {"responses": {**mark, "raw": tool}}
    neutral: ToolKind = "foreign"
    settings: JsonObject = {}
    if kind.startswith(_SEARCHES):
        neutral, settings = "web_search", _search_settings(tool, where)
    elif kind == "code_interpreter":
        neutral = "code"
    name = "web_search" if neutral == "web_search" else str(tool.get("name") or kind)
    return Tool(name, kind=neutral, namespace=namespace, settings=settings, extra=extra, optional=_by_habit(tool, kind))


def _by_habit(tool: JsonObject, kind: str) -> bool:
    """Codex lists these in every request; a conversation with a model that lacks them goes on without them."""
    return kind in HABITUAL or (kind.startswith(_SEARCHES) and "external_web_access" in tool)


def _function(tool: JsonObject, where: str, namespace: str | None, mark: JsonObject) -> Tool:
    nested = tool.get("function")
    if isinstance(nested, dict) and "name" not in tool:  # Chat's form, which some callers send
        tool, where = {"type": "function", **nested}, at(where, "function")
    rest = _rest(tool, "name", "description", "parameters", "strict")
    own = {**mark, **({"rest": rest} if rest else {})}
    return Tool(
        required_text(tool, "name", where),
        description=text(tool, "description", where),
        schema=mapping(tool, "parameters", where),
        strict=flag(tool, "strict", where),
        namespace=namespace,
        extra={"responses": own} if own else {},
    )


def _custom(tool: JsonObject, where: str, namespace: str | None, mark: JsonObject) -> Tool:
    form = tool.get("format")
    if form is not None and not isinstance(form, dict):
        raise wrong(at(where, "format"), "an object", form)
    rest = _rest(tool, "name", "description", "format")
    own = {**mark, **({"format": form} if form is not None else {}), **({"rest": rest} if rest else {})}
    return Tool(
        required_text(tool, "name", where),
        description=text(tool, "description", where),
        kind="custom",
        namespace=namespace,
        extra={"responses": own} if own else {},
    )


def _search_settings(tool: JsonObject, where: str) -> JsonObject:
    settings: JsonObject = {}
    filters = mapping(tool, "filters", where) or {}
    for key in ("allowed_domains", "blocked_domains"):
        if filters.get(key):
            settings[key] = filters[key]
    place = mapping(tool, "user_location", where)
    if place is not None:
        settings["user_location"] = {key: v for key, v in place.items() if key != "type" and v is not None}
    size = text(tool, "search_context_size", where)
    if size is not None:
        settings["context_size"] = size
    return settings


def _rest(tool: JsonObject, *known: str) -> JsonObject:
    return {key: value for key, value in tool.items() if key not in known and key != "type" and value is not None}
