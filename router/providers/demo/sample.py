"""A value that satisfies a JSON Schema, always the same one. For the demo's tool arguments and structured answers."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import Json, JsonObject

_DEPTH = 8
_STRINGS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: JsonObject | None, root: JsonObject | None = None, depth: int = 0) -> Json:
    """The value. Unknown keywords are ignored; recursion ends in null."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None if depth else {}
    root = schema if root is None else root
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return sample(_resolve(root, reference), root, depth + 1)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return sample(schema[keyword][0], root, depth + 1)
    return _of_type(_type(schema), schema, root, depth)


def _type(schema: JsonObject) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "string"


def _of_type(kind: str, schema: JsonObject, root: JsonObject, depth: int) -> Json:
    if kind == "object":
        properties: dict[str, Any] = schema.get("properties") or {}
        return {name: sample(inner, root, depth + 1) for name, inner in properties.items()}
    if kind == "array":
        count = max(1, int(schema.get("minItems") or 1))
        return [sample(schema.get("items") or {"type": "string"}, root, depth + 1) for _ in range(min(count, 16))]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        value = (low if isinstance(low, int | float) else 0) + (1 if "exclusiveMinimum" in schema else 0)
        return int(value) if kind == "integer" else value
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = _STRINGS.get(str(schema.get("format")), "demo")
    least = schema.get("minLength")
    return text.ljust(least, "x") if isinstance(least, int) else text


def _resolve(root: JsonObject, reference: str) -> JsonObject | None:
    node: Json = root
    for step in reference.removeprefix("#").split("/"):
        if step:
            node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None
