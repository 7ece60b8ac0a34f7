"""Proto schemas place by place."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.gemini.schema_reader import lowered, read

UPPER: dict[str, Any] = {"type": "STRING"}
LOWER: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize("key", ["items", "additionalProperties", "additional_properties"])
def test_a_schema_below_a_keyword_is_read_too(key: str) -> None:
    name = "items" if key == "items" else "additionalProperties"
    assert read({"type": "OBJECT", key: UPPER}) == {"type": "object", name: LOWER}


@pytest.mark.parametrize("said", [True, False])
def test_additional_properties_may_be_a_boolean(said: bool) -> None:
    assert read({"additionalProperties": said}) == {"additionalProperties": said}
    assert lowered({"additionalProperties": said}) == {"additionalProperties": said}


@pytest.mark.parametrize("key", ["anyOf", "oneOf", "allOf", "prefixItems"])
def test_lists_of_schemas_are_read_member_by_member(key: str) -> None:
    assert read({key: [UPPER, {"items": UPPER}]}) == {key: [LOWER, {"items": LOWER}]}
    assert lowered({key: [UPPER, {"items": UPPER}]}) == {key: [LOWER, {"items": LOWER}]}


@pytest.mark.parametrize("key", ["properties", "$defs", "definitions", "patternProperties"])
def test_maps_of_schemas_are_lowered_and_their_names_are_not_keywords(key: str) -> None:
    assert lowered({key: {"type": UPPER, "items": UPPER}}) == {key: {"type": LOWER, "items": LOWER}}


@pytest.mark.parametrize("key", ["items", "additionalProperties"])
def test_single_schemas_are_lowered(key: str) -> None:
    assert lowered({"type": "ARRAY", key: UPPER}) == {"type": "array", key: LOWER}


def test_lower_case_is_the_same_object() -> None:
    schema = {"type": "object", "properties": {"a": LOWER}, "default": {"type": "STRING"}}
    assert lowered(schema) is schema


@pytest.mark.parametrize(
    "key", ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "min_items"]
)
def test_proto_json_writes_integers_as_texts(key: str) -> None:
    name = "minItems" if key == "min_items" else key
    assert read({key: "12"}) == {name: 12}
    assert read({key: 12}) == {name: 12}
    for odd in ("many", "-1", "9" * 5000):
        assert read({key: odd}) == {name: odd}


def test_what_json_schema_has_no_word_for_is_left_out() -> None:
    assert read({"type": "STRING", "example": "x", "nullable": False, "propertyOrdering": ["a"], "format": "date"}) == {
        "type": "string",
        "format": "date",
    }


def test_nullable_is_a_type_and_a_value() -> None:
    assert read({"type": "STRING", "enum": ["a", None], "nullable": True}) == {
        "type": ["string", "null"],
        "enum": ["a", None],
    }
    assert read({"anyOf": [UPPER], "nullable": True}) == {"anyOf": [LOWER, {"type": "null"}]}
    assert read({"description": "x", "nullable": True}) == {"description": "x"}
