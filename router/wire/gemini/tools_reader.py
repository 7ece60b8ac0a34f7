"""``tools`` and ``toolConfig`` as neutral tools and choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from router.faults import bad_request
from router.wire.conversation import Json, JsonObject, Tool, ToolChoice, ToolKind
from router.wire.gemini import schema_reader
from router.wire.gemini.fields import check, items, kept, message, optional, rest, strings

PROVIDER_TOOLS: Mapping[str, tuple[ToolKind, str]] = MappingProxyType(
    {
        "googleSearch": ("web_search", "web_search"),
        "googleSearchRetrieval": ("web_search", "web_search"),
        "urlContext": ("web_fetch", "web_fetch"),
        "codeExecution": ("code", "code_execution"),
    }
)
"""Tools that Google runs and that other providers have too: neutral kind and name."""
_DECLARED = ("name", "description", "parameters", "parametersJsonSchema")


def read_tools(value: Json) -> tuple[Tool, ...]:
    """All tools of all elements, in order. Raises `Fault` bad_request with the JSON path."""
    found: list[Tool] = []
    for each, where in items(value, "tools"):
        for key, tool in message(each, where).items():
            if key == "functionDeclarations":
                found.extend(_declarations(tool, f"{where}.functionDeclarations"))
            else:
                found.append(_provider_tool(key, tool, f"{where}.{key}"))
    return tuple(found)


def _declarations(value: Json, path: str) -> Iterator[Tool]:
    for each, where in items(value, path):
        found = message(each, where)
        others = rest(found, _DECLARED)
        parameters = optional(found, "parameters", "an object", where)
        schema = optional(found, "parametersJsonSchema", "an object", where)
        if parameters is not None and schema is not None:
            raise bad_request(f"{where} must not have both parameters and parametersJsonSchema.", where)
        if parameters is not None:
            others["parameters"] = parameters
            schema = schema_reader.read(parameters)
        elif schema is not None and (lowered := schema_reader.lowered(schema)) is not schema:
            others["parametersJsonSchema"], schema = schema, lowered
        yield Tool(
            name=check(found.get("name"), "a string", f"{where}.name"),
            description=optional(found, "description", "a string", where),
            schema=schema,
            extra=kept(others),
        )


def _provider_tool(key: str, value: Json, path: str) -> Tool:
    check(value, "an object" if not isinstance(value, list) else "a list", path)
    kind, name = PROVIDER_TOOLS.get(key, ("foreign", key))
    settings: JsonObject = {}
    if key == "googleSearch" and "excludeDomains" in message(value, path):
        settings["blocked_domains"] = list(strings(message(value, path)["excludeDomains"], f"{path}.excludeDomains"))
    return Tool(name=name, kind=kind, settings=settings, extra=kept({key: value}))


def read_tool_config(value: Json) -> tuple[ToolChoice | None, JsonObject]:
    """The choice, and the fields of ``toolConfig`` that it does not cover."""
    found = message(value, "toolConfig")
    others = rest(found, ("functionCallingConfig",))
    if "functionCallingConfig" not in found:
        return None, others
    path = "toolConfig.functionCallingConfig"
    config = message(found["functionCallingConfig"], path)
    mode = (optional(config, "mode", "a string", path) or "AUTO").upper()
    names = strings(config.get("allowedFunctionNames", []), f"{path}.allowedFunctionNames")
    extra = rest(config, ("mode", "allowedFunctionNames"))
    if mode == "NONE":
        return ToolChoice("none", extra=kept(extra)), others
    if mode == "ANY":
        if len(names) == 1:
            return ToolChoice("tool", names, extra=kept(extra)), others
        return ToolChoice("allowed" if names else "any", names, required=bool(names), extra=kept(extra)), others
    if mode == "VALIDATED":
        extra = {**extra, "mode": "VALIDATED"}
    elif mode not in ("AUTO", "MODE_UNSPECIFIED"):
        raise bad_request(f"{path}.mode must be AUTO, ANY, NONE or VALIDATED, not {mode!r}.", f"{path}.mode")
    return ToolChoice("allowed" if names else "auto", names, extra=kept(extra)), others
