"""JSON Schema for constrained decoders: only what each accepts, nothing lost, names never taken for keywords."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire import schema

OPENAPI_KEYS = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum",
}  # fmt: skip
"""Schema of google/ai/generativelanguage/v1beta/content.proto."""
GEMINI_JSON_KEYS = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip
ANTHROPIC_KEYS = {
    "type", "format", "title", "description", "enum", "items", "minItems", "anyOf", "properties",
    "additionalProperties", "required", "default", "examples",
}  # fmt: skip


def nodes(written):
    """Every schema of a written one, by grammar position."""
    yield written
    for child in written.get("properties", {}).values():
        yield from nodes(child)
    for child in written.get("$defs", {}).values():
        yield from nodes(child)
    for key in ("anyOf", "prefixItems"):
        for child in written.get(key, []):
            yield from nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(written.get(key), dict):
            yield from nodes(written[key])


def check_openapi(written):
    for node in nodes(written):
        assert set(node) <= OPENAPI_KEYS
        assert "type" in node or "anyOf" in node
        if "type" in node:
            assert node["type"] in {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
        if node.get("type") == "ARRAY":
            assert "items" in node
        if "enum" in node:
            assert node["type"] == "STRING"
            assert all(isinstance(each, str) and each for each in node["enum"])
        if "anyOf" in node:
            assert set(node) <= {"anyOf", "title", "description", "nullable", "default", "example"}
        assert set(node.get("required", ())) <= set(node.get("properties", ()))
        formats = {"STRING": {"enum", "date-time"}, "NUMBER": {"float", "double"}, "INTEGER": {"int32", "int64"}}
        assert "format" not in node or node["format"] in formats[node["type"]]


def check_anthropic(written):
    for node in nodes(written):
        assert set(node) <= ANTHROPIC_KEYS
        if "object" in (node.get("type") if isinstance(node.get("type"), list) else [node.get("type")]):
            assert node["additionalProperties"] is False
            assert isinstance(node["properties"], dict)
        assert node.get("minItems", 0) in (0, 1)
        assert set(node.get("required", ())) <= set(node.get("properties", ()))


def check_gemini_json(written):
    defined = set(written.get("$defs", ()))
    for node in nodes(written):
        assert set(node) <= GEMINI_JSON_KEYS
        if "$ref" in node:
            assert all(key.startswith("$") for key in node)
            assert node["$ref"].removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~") in defined
        assert all(isinstance(each, str | int | float) for each in node.get("enum", ()))
        assert set(node.get("required", ())) <= set(node.get("properties", ()))


FORMS = [
    (schema.for_openapi, check_openapi),
    (schema.for_gemini_json, check_gemini_json),
    (schema.for_anthropic_format, check_anthropic),
]


def test_properties_named_like_keywords_survive():
    names = ["format", "$ref", "type", "title", "default", "enum", "properties", "required", "additionalProperties"]
    given_schema = {
        "type": "object",
        "properties": {name: {"type": "string", "description": f"the {name}"} for name in names},
        "required": names,
    }
    for write, check in FORMS:
        written = write(given_schema)
        check(written)
        assert list(written["properties"]) == names
        assert written["required"] == names
        assert written["properties"]["$ref"]["description"] == "the $ref"


def test_openapi_types_are_upper_case_and_order_is_said():
    assert schema.for_openapi(
        {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer", "format": "int32"}}}
    ) == {
        "type": "OBJECT",
        "properties": {"b": {"type": "STRING"}, "a": {"type": "INTEGER", "format": "int32"}},
        "propertyOrdering": ["b", "a"],
    }


def test_a_type_with_null_becomes_nullable():
    assert schema.for_openapi({"type": ["string", "null"]}) == {"type": "STRING", "nullable": True}
    assert schema.for_openapi({"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"}) == {
        "type": "STRING",
        "description": "d",
        "nullable": True,
    }
    assert schema.for_openapi({"type": "STRING", "nullable": True}) == {"type": "STRING", "nullable": True}
    assert schema.for_openapi({"type": "null"}) == {"type": "STRING", "nullable": True}


def test_several_types_become_a_union_of_what_concerns_each():
    assert schema.for_openapi({"type": ["string", "integer"], "minLength": 1, "minimum": 3, "description": "d"}) == {
        "description": "d",
        "anyOf": [{"type": "STRING", "minLength": 1}, {"type": "INTEGER", "minimum": 3}],
    }
    assert schema.for_gemini_json({"type": ["string", "integer", "null"]}) == {"type": ["string", "integer", "null"]}


def test_one_of_becomes_any_of_with_the_common_part_in_each_member():
    given_schema = {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "oneOf": [
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"b": {"type": "number"}}, "required": ["b"]},
        ],
    }
    written = schema.for_openapi(given_schema)
    check_openapi(written)
    assert [list(each["properties"]) for each in written["anyOf"]] == [["kind", "a"], ["kind", "b"]]
    assert written["anyOf"][1]["required"] == ["b"]


def test_alternatives_of_required_names_are_said():
    written = schema.for_openapi(
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        }
    )
    assert list(written["properties"]) == ["a", "b"]
    assert written["description"] == '(any of: [{"required":["a"]},{"required":["b"]}])'


def test_references_are_inlined_and_recursion_is_cut():
    tree = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "value": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["value", "children"],
            }
        },
    }
    written = schema.for_openapi(tree)
    check_openapi(written)
    assert written["properties"]["children"]["items"] == {
        "type": "OBJECT",
        "description": "(the same structure again as #/$defs/Node)",
    }
    assert written["required"] == ["value", "children"]


def test_what_is_said_beside_a_reference_wins_over_the_definition():
    written = schema.for_openapi(
        {
            "type": "object",
            "properties": {"home": {"$ref": "#/definitions/Address", "description": "where they live"}},
            "definitions": {"Address": {"type": "string", "description": "an address", "maxLength": 9}},
        }
    )
    assert written["properties"]["home"] == {"description": "where they live", "type": "STRING", "maxLength": 9}


def test_pointers_are_unescaped_and_unknown_ones_stay_a_word():
    definitions = {"a/b~c": {"type": "integer"}}
    given_schema = {
        "type": "object",
        "properties": {
            "x": {"$ref": "#/$defs/a~1b~0c"},
            "y": {"$ref": "https://example.com/s.json"},
            "z": {"$ref": "#/no"},
        },
        "$defs": definitions,
    }
    written = schema.for_openapi(given_schema)
    check_openapi(written)
    assert written["properties"]["x"] == {"type": "INTEGER"}
    assert written["properties"]["y"] == {
        "type": "STRING",
        "description": "(as described by https://example.com/s.json)",
    }
    kept = schema.for_gemini_json(given_schema)
    assert kept["properties"]["x"] == {"$ref": "#/$defs/a~1b~0c"}
    assert kept["$defs"] == {"a/b~c": {"type": "integer"}}


def test_gemini_json_keeps_root_definitions_and_frees_required_cycles():
    written = schema.for_gemini_json(
        {
            "type": "object",
            "properties": {"root": {"$ref": "#/definitions/Node", "description": "top"}},
            "required": ["root"],
            "definitions": {
                "Node": {
                    "type": "object",
                    "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/definitions/Node"}},
                    "required": ["v", "next"],
                }
            },
        }
    )
    check_gemini_json(written)
    assert written["properties"]["root"] == {"description": "top", "anyOf": [{"$ref": "#/$defs/Node"}]}
    assert written["required"] == ["root"]
    assert written["$defs"]["Node"]["properties"]["next"] == {"$ref": "#/$defs/Node"}
    assert written["$defs"]["Node"]["required"] == ["v"]


def test_all_of_is_merged():
    written = schema.for_openapi(
        {
            "description": "both",
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "number", "minimum": 1}}, "required": ["a"]},
                {
                    "properties": {"b": {"type": "string"}, "a": {"type": "integer", "minimum": 5}},
                    "required": ["b", "a"],
                },
            ],
        }
    )
    assert written["properties"] == {"a": {"type": "INTEGER", "minimum": 5}, "b": {"type": "STRING"}}
    assert written["required"] == ["a", "b"]
    assert written["description"] == "both"


def test_conflicting_demands_are_said():
    written = schema.for_openapi({"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "b$"}]})
    assert written == {"type": "STRING", "pattern": "^a", "description": "(pattern: b$)"}


@pytest.mark.parametrize(
    ("given_schema", "openapi"),
    [
        ({"const": "x"}, {"type": "STRING", "enum": ["x"]}),
        ({"type": "string", "enum": ["a", ""]}, {"type": "STRING", "enum": ["a"], "description": '(one of: ["a",""])'}),
        ({"enum": [1, 2]}, {"type": "INTEGER", "minimum": 1, "maximum": 2, "description": "(one of: [1,2])"}),
        ({"const": 0}, {"type": "INTEGER", "minimum": 0, "maximum": 0, "description": "(one of: [0])"}),
        ({"type": "boolean", "const": True}, {"type": "BOOLEAN", "description": "(one of: [true])"}),
        ({"enum": ["a", None]}, {"type": "STRING", "enum": ["a"], "nullable": True}),
        (
            {"enum": ["a", 1]},
            {
                "anyOf": [
                    {"type": "STRING", "enum": ["a"]},
                    {"type": "INTEGER", "minimum": 1, "maximum": 1, "description": "(one of: [1])"},
                ]
            },
        ),
    ],
)
def test_openapi_enums_list_strings_only(given_schema, openapi):
    assert schema.for_openapi(given_schema) == openapi


def test_gemini_json_enums_list_strings_and_numbers():
    assert schema.for_gemini_json({"enum": [1, 2.5, "a"]}) == {
        "type": ["integer", "number", "string"],
        "enum": [1, 2.5, "a"],
    }
    assert schema.for_gemini_json({"type": ["string", "null"], "enum": ["a", None], "title": "T"}) == {
        "title": "T",
        "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}],
    }


def test_dropped_constraints_are_said_in_the_description():
    written = schema.for_openapi(
        {"type": "number", "description": "A price.", "exclusiveMinimum": 0, "multipleOf": 0.5, "format": "money"}
    )
    assert written == {
        "type": "NUMBER",
        "description": "A price.\n(exclusiveMinimum: 0; multipleOf: 0.5; format: money)",
    }
    anthropic = schema.for_anthropic_format({"type": "string", "minLength": 3, "pattern": "^a", "format": "email"})
    assert anthropic == {"type": "string", "format": "email", "description": "(minLength: 3; pattern: ^a)"}


def test_a_long_constraint_is_cut():
    written = schema.for_anthropic_format({"type": "string", "pattern": "x" * 5000})
    assert len(written["description"]) < 400


def test_annotations_vanish_without_a_word():
    written = schema.for_openapi(
        {"$schema": "http://json-schema.org/schema#", "$id": "x", "$comment": "c", "type": "string", "x-order": 1,
         "readOnly": True, "deprecated": False}
    )  # fmt: skip
    assert written == {"type": "STRING"}


def test_arrays_always_have_items_and_tuples_become_a_union():
    assert schema.for_openapi({"type": "array"}) == {"type": "ARRAY", "items": {"type": "STRING"}}
    written = schema.for_openapi(
        {"type": "array", "items": [{"type": "string"}, {"type": "number"}, {"type": "string"}]}
    )
    check_openapi(written)
    assert written["items"] == {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}
    assert schema.for_gemini_json({"type": "array", "items": [{"type": "string"}]}) == {
        "type": "array",
        "prefixItems": [{"type": "string"}],
    }
    assert schema.for_anthropic_format({"type": "array", "minItems": 2, "items": {"type": "string"}}) == {
        "type": "array",
        "items": {"type": "string"},
        "description": "(minItems: 2)",
    }


def test_boolean_schemas():
    given_schema = {
        "type": "object",
        "properties": {"any": True, "never": False, "list": {"type": "array", "items": True}},
        "required": ["any", "never"],
    }
    written = schema.for_openapi(given_schema)
    check_openapi(written)
    assert list(written["properties"]) == ["any", "list"]
    assert written["required"] == ["any"]
    assert written["properties"]["any"] == {"type": "STRING"}
    assert schema.for_gemini_json(given_schema)["properties"]["any"] == {}


def test_anthropic_objects_are_closed_at_every_level():
    written = schema.for_anthropic_format(
        {
            "type": "object",
            "properties": {"in": {"type": "object", "properties": {"x": {"type": ["integer", "null"]}}}, "map": {
                "type": "object", "additionalProperties": {"type": "number"}}},
            "additionalProperties": True,
        }
    )  # fmt: skip
    check_anthropic(written)
    assert written["properties"]["in"]["properties"]["x"] == {"type": ["integer", "null"]}
    assert written["properties"]["map"]["description"] == '(values of other properties: {"type":["number"]})'


def test_maps_stay_maps_in_gemini_json():
    given_schema = {"type": "object", "additionalProperties": {"type": "number", "minLength": 2}}
    assert schema.for_gemini_json(given_schema) == {
        "type": "object",
        "additionalProperties": {"type": "number", "description": "(minLength: 2)"},
    }
    assert schema.for_gemini_json({"type": "object", "additionalProperties": False})["additionalProperties"] is False


@pytest.mark.parametrize(
    ("given_schema", "path"),
    [
        ({"type": "object", "properties": {"a": "string"}}, "schema.properties.a"),
        ({"type": "object", "properties": []}, "schema.properties"),
        ({"type": "wibble"}, "schema.type"),
        ({"type": 3}, "schema.type"),
        ({"anyOf": {"type": "string"}}, "schema.anyOf"),
        ({"items": "x", "type": "array"}, "schema.items"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_path(given_schema, path):
    for write, _ in FORMS:
        with pytest.raises(Fault) as caught:
            write(given_schema)
        assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_depth_is_bounded():
    deep = {"type": "string"}
    for _ in range(500):
        deep = {"type": "array", "items": deep}
    for write, _ in FORMS:
        with pytest.raises(Fault) as caught:
            write(deep)
        assert caught.value.kind == "bad_request"


def test_references_cannot_explode():
    bomb = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 10} for i in range(12)}
    bomb["d12"] = {"type": "string"}
    with pytest.raises(Fault, match="too large"):
        schema.for_openapi({"$ref": "#/$defs/d0", "$defs": bomb})


def test_a_tool_schema_that_must_be_an_object():
    assert schema.as_object_schema(None) == {"type": "object", "properties": {}}
    assert schema.as_object_schema({}) == {"type": "object", "properties": {}}
    given_schema = {"type": "object", "properties": {"a": {"type": "string"}}, "x": 1}
    assert schema.as_object_schema(given_schema) is given_schema
    assert schema.as_object_schema({"properties": {}}) == {"type": "object", "properties": {}}
    assert schema.as_object_schema({"anyOf": []}) == {"anyOf": []}


names = st.sampled_from(["a", "b", "format", "$ref", "type", "anyOf", "properties", "enum"])
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.floats(allow_nan=False, width=16)
types = st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null", "STRING", "OBJECT"])
flat = st.fixed_dictionaries(
    {},
    optional={
        "type": types | st.lists(types, min_size=1, max_size=3),
        "description": st.text(max_size=5),
        "title": st.text(max_size=5),
        "format": st.sampled_from(["email", "date-time", "int32", "float", "weird"]),
        "enum": st.lists(scalars, max_size=4),
        "const": scalars,
        "nullable": st.booleans(),
        "minimum": st.integers(-5, 5),
        "exclusiveMaximum": st.integers(-5, 5),
        "minLength": st.integers(0, 5),
        "minItems": st.integers(0, 3),
        "pattern": st.just("^x"),
        "uniqueItems": st.booleans(),
        "required": st.lists(names, max_size=3),
        "default": scalars,
        "examples": st.lists(scalars, max_size=2),
        "$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/nowhere", "other.json"]),
        "if": st.just({"type": "string"}),
        "$comment": st.just("c"),
    },
)


def wider(inner):
    some = st.lists(inner, max_size=3)
    return st.builds(
        lambda base, more: {**base, **more},
        flat,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(names, inner | st.booleans(), max_size=3),
                "items": inner | some | st.booleans(),
                "prefixItems": some,
                "anyOf": some,
                "oneOf": some,
                "allOf": some,
                "not": inner,
                "additionalProperties": inner | st.booleans(),
                "patternProperties": st.dictionaries(names, inner, max_size=1),
                "$defs": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            },
        ),
    )


schemas = st.recursive(flat, wider, max_leaves=12)


@given(schemas)
def test_any_schema_is_written_with_allowed_keywords_only_without_touching_the_input(given_schema):
    before = copy.deepcopy(given_schema)
    for write, check in FORMS:
        written = write(given_schema)
        check(written)
        assert given_schema == before
        assert write(given_schema) == written


@given(schemas)
def test_what_was_written_for_openapi_is_kept_when_it_is_written_again(given_schema):
    once = schema.for_openapi(given_schema)
    twice = schema.for_openapi(once)
    check_openapi(twice)
    assert schema.for_openapi(twice) == twice


@pytest.mark.parametrize("reference", [None, 3, ["#/$defs/a"], {"x": 1}])
@pytest.mark.parametrize("write", [schema.for_openapi, schema.for_gemini_json, schema.for_anthropic_format])
def test_a_reference_that_is_no_text_is_refused_with_its_path(write, reference):
    wrong = {"type": "object", "properties": {"a": {"$ref": reference}}}
    with pytest.raises(Fault) as caught:
        write(wrong, "tools[0].parameters")
    assert (caught.value.kind, caught.value.param) == ("bad_request", "tools[0].parameters.properties.a.$ref")
