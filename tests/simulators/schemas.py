"""What the constrained decoders of OpenAI and Anthropic refuse in a JSON schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def walk(schema: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every schema inside a schema, by grammar position: a property that is called `items` is no keyword."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for group in ("properties", "$defs", "definitions", "patternProperties"):
        if isinstance(schema.get(group), dict):
            for name, sub in schema[group].items():
                yield from walk(sub, (*path, group, name))
    for single in ("items", "additionalProperties", "not", "if", "then", "else"):
        if isinstance(schema.get(single), dict):
            yield from walk(schema[single], (*path, single))
    for several in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if isinstance(schema.get(several), list):
            for number, sub in enumerate(schema[several]):
                yield from walk(sub, (*path, several, str(number)))


def _context(path: Path) -> str:
    inside = ", ".join(repr(step) for step in path)
    return f"In context=({inside}{',' if len(path) == 1 else ''})"


def openai_loose(schema: Any) -> str | None:
    """What OpenAI refuses in any parameters of a function, None when fine."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        kind = schema.get("type") if isinstance(schema, dict) else None
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    for path, sub in walk(schema):
        if sub.get("type") == "array" and "items" not in sub and "prefixItems" not in sub:
            return f"{_context(path)}, array schema missing items."
    return None


OPENAI_BANNED = (
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "uniqueItems",
    "minLength",
    "maxLength",
    "default",
)


def openai_strict(schema: Any) -> str | None:
    """What OpenAI refuses under `strict: true`."""
    if (fault := openai_loose(schema)) is not None:
        return fault
    if "anyOf" in schema or schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    for path, sub in walk(schema):
        for keyword in OPENAI_BANNED:
            if keyword in sub:
                return f"{_context(path)}, '{keyword}' is not permitted."
        if sub.get("type") == "object" or "properties" in sub:
            if sub.get("additionalProperties") is not False:
                return f"{_context(path)}, 'additionalProperties' is required to be supplied and to be false."
            missing = set(sub.get("properties") or {}) - set(sub.get("required") or [])
            if missing:
                return (
                    f"{_context(path)}, 'required' is required to be supplied and to be an array including every key "
                    f"in properties. Missing '{min(missing)}'."
                )
    return None


ANTHROPIC_BANNED = (
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "maxItems",
    "prefixItems",
)


def anthropic_format(schema: Any) -> str | None:
    """What Anthropic refuses in an output format or a strict tool."""
    if not isinstance(schema, dict):
        return "Input should be a valid dictionary"
    for _, sub in walk(schema):
        kind = sub.get("type")
        if (kind == "object" or "properties" in sub) and sub.get("additionalProperties") is not False:
            return "For 'object' type, 'additionalProperties' must be explicitly set to false"
        for keyword in ANTHROPIC_BANNED:
            if keyword in sub:
                return f"For '{kind}' type, property '{keyword}' is not supported"
        if kind == "array" and sub.get("minItems", 0) not in (0, 1):
            return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    return None
