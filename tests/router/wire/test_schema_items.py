from __future__ import annotations

from router.wire.schema_items import with_items


def test_arrays_get_items_wherever_they_stand() -> None:
    bare = {"type": "array"}
    schema = {
        "type": "object",
        "properties": {"a": bare, "b": {"anyOf": [bare, {"type": "string"}]}, "c": {"type": "array", "items": bare}},
        "additionalProperties": {"type": ["array", "null"]},
        "$defs": {"d": bare},
    }
    full = {"type": "array", "items": {}}
    assert with_items(schema) == {
        "type": "object",
        "properties": {"a": full, "b": {"anyOf": [full, {"type": "string"}]}, "c": {"type": "array", "items": full}},
        "additionalProperties": {"type": ["array", "null"], "items": {}},
        "$defs": {"d": full},
    }
    assert bare == {"type": "array"}


def test_what_needs_nothing_is_the_same_object() -> None:
    schema = {
        "type": "object",
        "properties": {"items": {"type": "string"}, "type": {"enum": ["array"]}, "t": {"type": "array", "items": True}},
        "default": {"type": "array"},
        "enum": [{"type": "array"}],
        "required": ["t"],
        "prefixItems": [True],
        "anyOf": "no list",
    }
    assert with_items(schema) is schema
    tuples = {"type": "array", "prefixItems": [{"type": "string"}]}
    assert with_items(tuples) is tuples


def test_depth_is_bounded() -> None:
    schema: dict[str, object] = {"type": "array"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}
    assert with_items(schema) is schema
