"""Proto schemas (``parameters``, ``responseSchema``) as ordinary JSON Schema, for every other dialect."""

from __future__ import annotations

from router.wire.conversation import Json, JsonObject
from router.wire.gemini.fields import camel

_INTEGERS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_MAX_DEPTH = 64
_INT64_DIGITS = 19


def read(schema: Json, depth: int = 0) -> Json:
    """Names in camelCase, types in lower case, ``nullable`` as a type, numbers out of proto JSON's texts.

    Walks by grammar position; what is no schema is left for the target's writer to refuse."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    out: JsonObject = {}
    for name, value in schema.items():
        key = camel(name)
        if key == "properties" and isinstance(value, dict):
            out[key] = {each: read(below, depth + 1) for each, below in value.items()}
        elif key in ("items", "additionalProperties"):
            out[key] = read(value, depth + 1)
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
            out[key] = [read(each, depth + 1) for each in value]
        elif key == "type" and isinstance(value, str):
            out[key] = value.lower()
        elif key in _INTEGERS and isinstance(value, str) and value.isdecimal() and len(value) <= _INT64_DIGITS:
            out[key] = int(value)
        elif key not in ("propertyOrdering", "nullable", "example"):
            out[key] = value
    return _nullable(out) if schema.get("nullable") is True else out


def lowered(schema: Json) -> Json:
    """JSON Schema whose types some clients write in capitals (Gemini CLI); the same object where there are none."""
    found = _lowered(schema, 0)
    return schema if found == schema else found


def _lowered(schema: Json, depth: int) -> Json:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    out: JsonObject = {}
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, dict):
            out[key] = {each: _lowered(below, depth + 1) for each, below in value.items()}
        elif key in ("items", "additionalProperties"):
            out[key] = _lowered(value, depth + 1)
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
            out[key] = [_lowered(each, depth + 1) for each in value]
        elif key == "type" and isinstance(value, str):
            out[key] = value.lower()
        else:
            out[key] = value
    return out


def _nullable(schema: JsonObject) -> JsonObject:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema
