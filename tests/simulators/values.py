"""Values that obey a JSON schema, always the same ones: for arguments of calls and for structured answers."""

from __future__ import annotations

from typing import Any

TEXT = "grüße 😀"


def example(schema: Any, name: str = "value", root: Any = None, depth: int = 0) -> Any:
    """A value for `schema`; required and optional properties alike, recursion stops at depth 6."""
    if not isinstance(schema, dict) or depth > 6:
        return TEXT
    root = schema if root is None else root
    if isinstance(reference := schema.get("$ref"), str):
        return example(_resolve(reference, root), name, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return example(schema[union][0], name, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return _of_kind(str(kind).lower() if kind else "", schema, name, root, depth)


def _of_kind(kind: str, schema: dict[str, Any], name: str, root: Any, depth: int) -> Any:
    if kind == "object" or (not kind and "properties" in schema):
        properties = schema.get("properties") or {}
        return {key: example(sub, key, root, depth + 1) for key, sub in properties.items()}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}), name, root, depth + 1)]
    if kind in ("integer", "number"):
        low = schema.get("minimum", 7)
        return int(low) if kind == "integer" else float(low) + 0.5
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return f"{name} {TEXT}"


def _resolve(reference: str, root: Any) -> Any:
    node = root
    for step in reference.removeprefix("#/").split("/"):
        if step and isinstance(node, dict):
            node = node.get(step.replace("~1", "/").replace("~0", "~"), {})
    return node
