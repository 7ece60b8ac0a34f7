"""Definitions that need themselves: Gemini unrolls a cycle only through properties that are optional."""

from __future__ import annotations

from collections.abc import Mapping

from router.wire.conversation import JsonObject

_POINTER = "#/$defs/"


def without_required_cycles(root: JsonObject) -> None:
    """Make properties optional that would demand their own definition again (Gemini refuses such cycles). In place."""
    definitions: JsonObject = root["$defs"]
    reach = {name: _references_in(body) for name, body in definitions.items()}
    for _ in reach:  # each round follows references one step further
        reach = {name: found.union(*(reach.get(each, frozenset()) for each in found)) for name, found in reach.items()}
    for name, body in definitions.items():
        _relax(body, name, reach)


def _relax(schema: JsonObject, owner: str, reach: Mapping[str, frozenset[str]]) -> None:
    for each in _below(schema):
        _relax(each, owner, reach)
    properties = schema.get("properties", {})
    required = [
        name
        for name in schema.get("required", ())
        if not any(ref == owner or owner in reach.get(ref, ()) for ref in _references_in(properties[name]))
    ]
    if required:
        schema["required"] = required
    else:
        schema.pop("required", None)


def _references_in(schema: JsonObject) -> frozenset[str]:
    own = schema.get("$ref")
    found = {own[len(_POINTER) :].replace("~1", "/").replace("~0", "~")} if isinstance(own, str) else set()
    return frozenset(found).union(*(_references_in(each) for each in _below(schema)))


def _below(schema: JsonObject) -> list[JsonObject]:
    """The schemas directly below a written one."""
    below = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("prefixItems", ())]
    return below + [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
