"""JSON Schema as each constrained decoder accepts it (`wire.md` 5.1).

Walks by grammar position (schema, map of schemas, list of schemas, value), so that a property *named* ``format`` or
``$ref`` is never taken for a keyword. Dropped constraints are said in ``description``.
"""

from __future__ import annotations

from router.wire.conversation import JsonObject


def for_openapi(schema: JsonObject) -> JsonObject:
    """The OpenAPI subset of Gemini's ``parameters`` and ``responseSchema``: references inlined, unions as ``anyOf``,
    ``nullable``, string enums, upper-case types."""
    raise NotImplementedError


def for_gemini_json(schema: JsonObject) -> JsonObject:
    """What Gemini's ``…JsonSchema`` fields accept."""
    raise NotImplementedError


def for_anthropic_format(schema: JsonObject) -> JsonObject:
    """What Anthropic's ``output_config.format`` and strict tools accept: closed objects, no unsupported bounds."""
    raise NotImplementedError


def as_object_schema(schema: JsonObject | None) -> JsonObject:
    """A tool's schema where the target demands an object: an empty object schema for None, otherwise as it is."""
    raise NotImplementedError
