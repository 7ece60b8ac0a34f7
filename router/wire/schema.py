"""JSON Schema as each constrained decoder accepts it (`wire.md` 5.1).

Walks by grammar position (schema, map of schemas, list of schemas, value), so that a property *named* ``format`` or
``$ref`` is never taken for a keyword. Dropped constraints are said in ``description``. Input is never changed, key
order is kept, equal input gives equal output. All raise `Fault` bad_request for what is no
schema, or nested too deeply.
"""

from __future__ import annotations

from router.wire.conversation import JsonObject
from router.wire.schema_cycles import without_required_cycles
from router.wire.schema_normal import Normaliser, normalise
from router.wire.schema_written import Form, SchemaWriter

_NUMERIC_FORMATS = {"number": frozenset({"float", "double"}), "integer": frozenset({"int32", "int64"})}

_OPENAPI = Form(
    keep=frozenset(
        {"title", "default", "example", "minimum", "maximum", "minLength", "maxLength", "pattern"}
        | {"minItems", "maxItems", "minProperties", "maxProperties"}
    ),
    formats={"string": frozenset({"enum", "date-time"}), **_NUMERIC_FORMATS},
    enums=frozenset({"string"}),
    openapi=True,
)
_GEMINI_JSON = Form(
    keep=frozenset({"title", "minimum", "maximum", "minItems", "maxItems", "propertyOrdering"}),
    formats=None,
    enums=frozenset({"string", "number", "integer"}),
    json_schema=True,
)
_ANTHROPIC = Form(
    keep=frozenset({"title", "default", "examples"}),
    formats={
        "string": frozenset(
            {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
        ),
    },
    enums=frozenset({"string", "number", "integer", "boolean", "null"}),
    closed=True,
)


def for_openapi(schema: JsonObject, where: str = "schema") -> JsonObject:
    """The OpenAPI subset of Gemini's ``parameters`` and ``responseSchema``: references inlined, unions as ``anyOf``,
    ``nullable``, string enums, upper-case types."""
    return SchemaWriter(_OPENAPI).node(normalise(schema, where))


def for_gemini_json(schema: JsonObject, where: str = "schema") -> JsonObject:
    """What Gemini's ``…JsonSchema`` fields accept. References to definitions at the root stay; others are inlined."""
    names: dict[str, str] = {}
    bodies: JsonObject = {}
    for keyword in ("$defs", "definitions"):
        found = schema.get(keyword)
        for name, body in found.items() if isinstance(found, dict) else ():
            names[f"#/{keyword}/{name.replace('~', '~0').replace('/', '~1')}"] = name
            bodies.setdefault(name, body)
    writer = SchemaWriter(_GEMINI_JSON, names)
    normaliser = Normaliser(schema, frozenset(names))
    root = writer.node(normaliser.node(schema, where, frozenset({"#"}), 0) or {})
    if bodies:
        root["$defs"] = {
            name: writer.node(normaliser.node(body, f"{where}.$defs.{name}", frozenset({"#"}), 1) or {})
            for name, body in bodies.items()
        }
        without_required_cycles(root)
    return root


def for_anthropic_format(schema: JsonObject, where: str = "schema") -> JsonObject:
    """What Anthropic's ``output_config.format`` and strict tools accept: closed objects, no unsupported bounds."""
    return SchemaWriter(_ANTHROPIC).node(normalise(schema, where))


def as_object_schema(schema: JsonObject | None) -> JsonObject:
    """A tool's schema where the target demands an object: an empty object schema for None, otherwise as it is.

    One without a ``type`` gets it, since servers refuse its absence."""
    if schema is None or schema == {}:
        return {"type": "object", "properties": {}}
    if "type" not in schema and not any(key in schema for key in ("anyOf", "oneOf", "allOf", "$ref")):
        return {"type": "object", **schema}
    return schema
