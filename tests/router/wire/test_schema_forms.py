"""The rules of each form one by one: null beside what is written, which keywords go through, how demands are joined."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire import schema
from router.wire.schema_normal import NOTES, normalise

NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("given", "openapi", "gemini_json", "anthropic"),
    [
        (
            {"type": ["string", "null"]},
            {"type": "STRING", "nullable": True},
            {"type": ["string", "null"]},
            {"type": ["string", "null"]},
        ),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"anyOf": [{"enum": ["a"], "title": "T", "description": "D"}, NULL]},
            {"type": "STRING", "enum": ["a"], "title": "T", "description": "D", "nullable": True},
            {"title": "T", "description": "D", "anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
            {"type": ["string", "null"], "enum": ["a", None], "title": "T", "description": "D"},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, NULL]},
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, NULL]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, NULL]},
        ),
        (
            {"anyOf": [{"enum": ["a", None]}, NULL]},
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, NULL]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, NULL]},
        ),
        (NULL, {"type": "STRING", "nullable": True}, NULL, NULL),
    ],
)
def test_null_is_allowed_once_and_in_the_words_of_the_form(
    given: Any, openapi: Any, gemini_json: Any, anthropic: Any
) -> None:
    assert schema.for_openapi(given) == openapi
    assert schema.for_gemini_json(given) == gemini_json
    assert schema.for_anthropic_format(given) == anthropic


@pytest.mark.parametrize(
    ("write", "given", "written"),
    [
        (schema.for_openapi, {"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        (
            schema.for_openapi,
            {"type": "string", "format": "int32"},
            {"type": "STRING", "description": "(format: int32)"},
        ),
        (schema.for_openapi, {"type": "integer", "format": "int32"}, {"type": "INTEGER", "format": "int32"}),
        (schema.for_openapi, {"type": "integer", "minimum": 0}, {"type": "INTEGER", "minimum": 0}),
        (schema.for_openapi, {"type": "number", "maximum": 1.5}, {"type": "NUMBER", "maximum": 1.5}),
        (schema.for_openapi, {"type": "string", "minimum": 0}, {"type": "STRING", "description": "(minimum: 0)"}),
        (schema.for_openapi, {"type": "number", "pattern": "x"}, {"type": "NUMBER", "description": "(pattern: x)"}),
        (schema.for_gemini_json, {"type": "string", "format": "anything"}, {"type": "string", "format": "anything"}),
        (schema.for_gemini_json, {"type": "string", "pattern": "x"}, {"type": "string", "description": "(pattern: x)"}),
        (schema.for_anthropic_format, {"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}),
        (
            schema.for_anthropic_format,
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
        (
            schema.for_anthropic_format,
            {"type": "array", "items": {"type": "string"}, "minItems": 2},
            {"type": "array", "items": {"type": "string"}, "description": "(minItems: 2)"},
        ),
        (
            schema.for_anthropic_format,
            {"type": "string", "minItems": 1},
            {"type": "string", "description": "(minItems: 1)"},
        ),
    ],
)
def test_a_keyword_goes_through_where_the_target_knows_it_for_that_type_and_is_said_elsewhere(
    write: Any, given: Any, written: Any
) -> None:
    assert write(given) == written


@pytest.mark.parametrize("write", [schema.for_openapi, schema.for_gemini_json, schema.for_anthropic_format])
@pytest.mark.parametrize("wrong", [None, True, 5, 1.5, "text", [], [[]], [5], {}, {"a": 1}])
def test_a_keyword_with_a_value_of_the_wrong_type_breaks_nothing(write: Any, wrong: Any) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    for key in (
        "format",
        "propertyOrdering",
        "required",
        "examples",
        "description",
        "title",
        "minItems",
        "pattern",
        NOTES,
    ):
        written = write({"type": "object", "properties": {"p": {"type": "string", key: wrong}}})
        assert set(written["properties"]) == {"p"}
        assert set(write({"type": "object", "properties": properties, key: wrong})["properties"]) == {"a", "b"}


def test_an_ordering_names_existing_properties_alone() -> None:
    given = {"type": "object", "properties": {"a": {"type": "string"}}, "propertyOrdering": ["b", 5, "a", []]}
    assert schema.for_openapi(given)["propertyOrdering"] == ["a"]
    assert schema.for_gemini_json(given)["propertyOrdering"] == ["a"]


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        ({"minimum": 1}, {"minimum": 5}, {"minimum": 5}),
        ({"exclusiveMinimum": 5}, {"exclusiveMinimum": 1}, {"exclusiveMinimum": 5}),
        ({"minLength": 1}, {"minLength": 5}, {"minLength": 5}),
        ({"minItems": 5}, {"minItems": 0}, {"minItems": 5}),
        ({"minProperties": 1}, {"minProperties": 2}, {"minProperties": 2}),
        ({"maximum": 1}, {"maximum": 5}, {"maximum": 1}),
        ({"exclusiveMaximum": 5}, {"exclusiveMaximum": 0}, {"exclusiveMaximum": 0}),
        ({"maxLength": 5}, {"maxLength": 1}, {"maxLength": 1}),
        ({"maxItems": 1}, {"maxItems": 5}, {"maxItems": 1}),
        ({"maxProperties": 3}, {"maxProperties": 2}, {"maxProperties": 2}),
        ({"minimum": "odd"}, {"minimum": 3}, {"minimum": 3}),
        ({"minimum": True}, {"minimum": 0}, {"minimum": 0}),
        ({"minimum": "odd"}, {"minimum": None}, {"minimum": "odd"}),
        ({"title": "a"}, {"title": "b"}, {"title": "a"}),
        ({"default": 1}, {"default": 2}, {"default": 1}),
        ({"description": "a"}, {"description": "b"}, {"description": "a\nb"}),
        ({"description": "a"}, {"description": "a"}, {"description": "a"}),
        ({"required": ["a", "b"]}, {"required": ["b", "c"]}, {"required": ["a", "b", "c"]}),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"enum": ["b"]}),
        ({"enum": [1, True]}, {"enum": [True]}, {"enum": [True]}),
        ({"enum": ["a"]}, {"enum": ["b"]}, {"enum": ["a"]}),
        ({"type": ["string", "null"]}, {"type": "string"}, {"type": ["string"]}),
        ({"type": "number"}, {"type": "integer"}, {"type": ["integer"]}),
        ({"type": "integer"}, {"type": "number"}, {"type": ["integer"]}),
        ({"additionalProperties": True}, {"additionalProperties": False}, {"additionalProperties": False}),
        ({"additionalProperties": False}, {"additionalProperties": {}}, {"additionalProperties": False}),
        (
            {"additionalProperties": True},
            {"additionalProperties": {"type": "string"}},
            {"additionalProperties": {"type": ["string"]}},
        ),
        (
            {"additionalProperties": {"type": "string"}},
            {"additionalProperties": {"maxLength": 3}},
            {"additionalProperties": {"type": ["string"], "maxLength": 3}},
        ),
        ({"items": {"type": "string"}}, {"items": {"minLength": 1}}, {"items": {"type": ["string"], "minLength": 1}}),
        (
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"a": {"maxLength": 2}, "b": {}}},
            {"properties": {"a": {"type": ["string"], "maxLength": 2}, "b": {}}},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"title": "x"}, {"title": "y"}]},
            {
                "anyOf": [
                    {"type": ["string"], "title": "x"},
                    {"type": ["string"], "title": "y"},
                    {"type": ["integer"], "title": "x"},
                    {"type": ["integer"], "title": "y"},
                ]
            },
        ),
        ({"pattern": "a"}, {"pattern": "b"}, {"pattern": "a", NOTES: [("pattern", "b")]}),
        ({"multipleOf": 2}, {"multipleOf": 2}, {"multipleOf": 2}),
    ],
)
def test_both_demands_of_an_all_of_hold(first: Any, second: Any, merged: Any) -> None:
    assert normalise({"allOf": [first, second]}) == merged


def test_a_product_of_unions_is_bounded() -> None:
    def union(count: int) -> Any:
        return {"anyOf": [{"title": str(number)} for number in range(count)]}

    assert len(normalise({"allOf": [union(4), {"anyOf": [{"minimum": n} for n in range(4)]}]})["anyOf"]) == 16
    assert normalise({"allOf": [union(17), {"anyOf": [{"minimum": 0}]}]}) == union(17)
