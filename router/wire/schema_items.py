"""Arrays that do not say what they hold: OpenAI refuses such a tool schema ("array schema missing items")."""

from __future__ import annotations

from router.wire.conversation import Json, JsonObject

_SCHEMA = frozenset(("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"))
_MAPS = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
_LISTS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
_MAX_DEPTH = 64


def with_items(schema: JsonObject) -> JsonObject:
    """The schema with ``items: {}`` on every array without; the same object where there is none.

    Walks by place in the grammar, so that a *property* called ``items`` or ``type`` is not taken for a keyword."""
    return _node(schema, 0)


def _node(schema: JsonObject, depth: int) -> JsonObject:
    if depth > _MAX_DEPTH:
        return schema
    changed: JsonObject = {}
    for key, value in schema.items():
        new = _value(key, value, depth + 1)
        if new is not value:
            changed[key] = new
    if _is_array(schema) and "items" not in schema and "prefixItems" not in schema:
        changed["items"] = {}
    return {**schema, **changed} if changed else schema


def _value(key: str, value: Json, depth: int) -> Json:
    if key in _SCHEMA and isinstance(value, dict):
        return _node(value, depth)
    if key in _MAPS and isinstance(value, dict):
        new = {name: _node(each, depth) if isinstance(each, dict) else each for name, each in value.items()}
        return new if any(new[name] is not value[name] for name in value) else value
    if key in _LISTS and isinstance(value, list):
        listed = [_node(each, depth) if isinstance(each, dict) else each for each in value]
        return listed if any(a is not b for a, b in zip(listed, value, strict=True)) else value
    return value


def _is_array(schema: JsonObject) -> bool:
    kind = schema.get("type")
    return kind == "array" or (isinstance(kind, list) and "array" in kind)
