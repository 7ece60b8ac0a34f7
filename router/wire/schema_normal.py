"""JSON Schema (any draft) brought to one plain form, from which `router.wire.schema` writes each target's form.

Afterwards: no ``$ref`` (but those that are to be kept), no ``allOf``, ``oneOf`` or ``const``, ``type`` a list of
lower-case names, tuples in ``prefixItems``, nullability as the type ``null``, no boolean schemas but in
``additionalProperties``. What cannot be kept is left as a keyword for the target's walk to say in words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import unquote

from router.faults import bad_request
from router.wire.conversation import Json, JsonObject

MAX_DEPTH = 64
MAX_NODES = 20_000
"""Schemas in one schema after references are put in their place: a bound on what a few ``$ref`` can grow to."""

NOTES = "\0notes"
"""Key of the sentences to add to the description; no JSON Schema keyword is called that, and a caller's is left out."""

Schema: TypeAlias = JsonObject

_ANNOTATIONS = frozenset({"$schema", "$id", "id", "$comment", "$anchor", "$vocabulary", "$dynamicAnchor", "$defs"})
_BESIDE_REF = _ANNOTATIONS | {"$ref", "definitions"}


def normalise(schema: Json, where: str = "schema", *, kept_refs: frozenset[str] = frozenset()) -> Schema:
    """The plain form of `schema`; `kept_refs` stay references, but for one at the root itself.

    Raises `Fault` bad_request for what is no schema, or too deep or too large."""
    return Normaliser(schema, kept_refs).node(schema, where, frozenset({"#"}), 0) or {}


def resolve(root: Json, reference: str) -> Json | None:
    """What a local JSON pointer (RFC 6901) such as ``#/$defs/a`` points at; None if nothing."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    found = root
    for step in unquote(reference[2:]).split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and len(step) <= 9 and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


class Normaliser:
    """Makes plain nodes of one root schema, within one bound."""

    def __init__(self, root: Json, kept_refs: frozenset[str]) -> None:
        self._root = root
        self._kept_refs = kept_refs
        self._nodes = 0

    def node(self, schema: Json, path: str, active: frozenset[str], depth: int) -> Schema | None:
        """One schema; None for ``false``. active: the references on the way here."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise bad_request(f"The JSON Schema at {path} is nested too deeply or too large: simplify it.", path)
        if isinstance(schema, bool):
            return {} if schema else None
        if not isinstance(schema, dict):
            raise bad_request(f"{path} must be a JSON Schema, that is an object or a boolean.", path)
        if "$ref" in schema:
            if not isinstance(schema["$ref"], str):
                raise bad_request(f"{path}.$ref must be a string such as #/$defs/name.", f"{path}.$ref")
            return self._reference(schema, path, active, depth)
        out: Schema = {}
        for key, value in schema.items():
            if key in _ANNOTATIONS or key in ("definitions", "allOf", "nullable", NOTES):
                continue
            self._keyword(out, key, value, f"{path}.{key}", active, depth + 1)
        for index, member in enumerate(_list(schema.get("allOf"))):
            merged = self.node(member, f"{path}.allOf[{index}]", active, depth + 1)
            if merged is None:
                return None
            merge(out, merged)
        return _nullable(out) if schema.get("nullable") is True else out

    def _keyword(self, out: Schema, key: str, value: Json, path: str, active: frozenset[str], depth: int) -> None:
        if key == "properties":
            out[key] = self._properties(value, path, active, depth)
        elif key == "prefixItems" or (key == "items" and isinstance(value, list)):
            out["prefixItems"] = self._members(value, path, active, depth)
        elif key == "items":
            out[key] = self.node(value, path, active, depth) or {}
        elif key in ("anyOf", "oneOf"):
            merge(out, {"anyOf": self._members(value, path, active, depth)})
        elif key == "additionalProperties":
            out[key] = value if isinstance(value, bool) else self.node(value, path, active, depth)
        elif key == "type":
            out[key] = _types(value, path)
        elif key == "const":
            merge(out, {"enum": [value]})
        elif key == "enum":
            merge(out, {"enum": _list(value)})
        elif key in ("required", "propertyOrdering"):
            out[key] = [name for name in _list(value) if isinstance(name, str)]
        else:
            out[key] = value

    def _properties(self, value: Json, path: str, active: frozenset[str], depth: int) -> JsonObject:
        if not isinstance(value, dict):
            raise bad_request(f"{path} must be an object of property names to schemas.", path)
        found = {name: self.node(each, f"{path}.{name}", active, depth) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not None}

    def _members(self, value: Json, path: str, active: frozenset[str], depth: int) -> list[Schema]:
        if not isinstance(value, list):
            raise bad_request(f"{path} must be a list of schemas.", path)
        found = [self.node(each, f"{path}[{index}]", active, depth) for index, each in enumerate(value)]
        return [each for each in found if each is not None]

    def _reference(self, schema: Schema, path: str, active: frozenset[str], depth: int) -> Schema | None:
        reference: str = schema["$ref"]
        beside = {key: value for key, value in schema.items() if key not in _BESIDE_REF}
        own = self.node(beside, path, active, depth + 1) or {}
        if reference in self._kept_refs and depth > 0:
            target: Schema | None = {"$ref": reference}
            return {**own, "anyOf": [target]} if own and "anyOf" not in own else target
        found = resolve(self._root, reference)
        if reference in active:
            target = {"type": ["object"], NOTES: [f"the same structure again as {reference}"]}
        elif found is None:
            target = {NOTES: [f"as described by {reference}"]}
        else:
            target = self.node(found, path, active | {reference}, depth + 1)
        if target is None:
            return None
        if "description" in own:  # what is said at the place of use is said about this use
            target.pop("description", None)
        merge(own, target)
        return own


def merge(into: Schema, other: Schema) -> None:
    """Make `into` demand what both demand (``allOf``), as far as plain keywords can say it."""
    for key, value in other.items():
        if key not in into:
            into[key] = value
        elif key in _MERGES:
            into[key] = _MERGES[key](into[key], value)
        elif into[key] != value and key not in ("title", "default", "example", "examples"):
            into[NOTES] = [*into.get(NOTES, ()), (key, value)]


def merged(first: Schema, second: Schema) -> Schema:
    """A node that demands what both demand."""
    both = dict(first)
    merge(both, second)
    return both


def _merge_properties(first: JsonObject, second: JsonObject) -> JsonObject:
    return {**first, **{name: merged(first[name], each) if name in first else each for name, each in second.items()}}


def _merge_any_of(first: list[Schema], second: list[Schema]) -> list[Schema]:
    """Both unions hold: their product where that is small, else the first."""
    if first == second or len(first) * len(second) > 16:
        return first
    return [merged(left, right) for left in first for right in second]


def _common(first: list[Any], second: list[Any]) -> list[Any]:
    return [each for each in first if any(each == other and type(each) is type(other) for other in second)] or first


def _common_types(first: list[str], second: list[str]) -> list[str]:
    if "number" in first and "integer" in second:
        return _common(["integer" if each == "number" else each for each in first], second)
    return _common(first, ["integer" if each == "number" and "integer" in first else each for each in second])


def _merge_additional(first: Json, second: Json) -> Json:
    if isinstance(first, dict) and isinstance(second, dict):
        return merged(first, second)
    return False if first is False or second is False else (second if first is True else first)


def _merge_bound(better: Callable[..., Any]) -> Callable[[Json, Json], Json]:
    def bound(first: Json, second: Json) -> Json:
        numbers = [each for each in (first, second) if isinstance(each, int | float) and not isinstance(each, bool)]
        return better(numbers) if numbers else first

    return bound


_MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _merge_properties,
    "items": merged,
    "anyOf": _merge_any_of,
    "enum": _common,
    "type": _common_types,
    "required": lambda first, second: list(dict.fromkeys([*first, *second])),
    "additionalProperties": _merge_additional,
    "description": lambda first, second: first if first == second else f"{first}\n{second}",
    NOTES: lambda first, second: [*first, *second],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _merge_bound(max)),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _merge_bound(min)),
}


def _nullable(schema: Schema) -> Schema:
    """OpenAPI's ``nullable: true`` as a type."""
    if "type" in schema and "null" not in schema["type"]:
        schema["type"] = [*schema["type"], "null"]
    elif "anyOf" in schema and "type" not in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": ["null"]}]
    return schema


def _types(value: Json, path: str) -> list[str]:
    names = [each.lower() for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    unknown = [name for name in names if name not in _TYPES]
    if not names or unknown:
        raise bad_request(f"{path} must be one of {', '.join(sorted(_TYPES))}, or a list of them.", path)
    return list(dict.fromkeys(name for name in names if name != _UNSPECIFIED))


_UNSPECIFIED = "type_unspecified"
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null", _UNSPECIFIED})


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []
