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


def test_definitions_of_older_drafts_and_every_other_place_of_a_schema_are_walked() -> None:
    bare, full = {"type": "array"}, {"type": "array", "items": {}}
    for key in ("definitions", "$defs", "patternProperties", "dependentSchemas", "properties"):
        assert with_items({key: {"a": bare}}) == {key: {"a": full}}
    for key in ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"):
        assert with_items({key: bare}) == {key: full}
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        assert with_items({key: [bare]}) == {key: [full]}
