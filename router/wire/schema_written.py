"""Plain schema nodes (`router.wire.schema_normal`) written under one target's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from router.wire.codec import dumps_text
from router.wire.conversation import Json, JsonObject
from router.wire.schema_normal import NOTES, Schema, merged

_SAY_AT_MOST = 300
_UNSAID = frozenset({"readOnly", "writeOnly", "deprecated", "xml", "externalDocs", "discriminator", "strict"})
"""Dropped without a word: no value of theirs says anything to a model."""
_ABOUT = frozenset({"title", "description", "default", "example", "examples", NOTES})
"""Keywords that say something about a schema rather than constrain it."""
_BELONGS: dict[str, str] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"), "array"),
    **dict.fromkeys(
        ("properties", "required", "additionalProperties", "minProperties", "maxProperties", "propertyOrdering"),
        "object",
    ),
}
"""Keywords that constrain values of one type only."""


class Form(Struct, frozen=True):
    """A target's rules.

    keep: keywords that go through. formats: accepted formats by type; None: any. enums: types that may list values.
    openapi: capitals, ``nullable``, one type per schema, order said. json_schema: tuples, open types, maps are known.
    closed: every object gets ``additionalProperties: false``.
    """

    keep: frozenset[str]
    formats: Mapping[str, frozenset[str]] | None
    enums: frozenset[str]
    openapi: bool = False
    json_schema: bool = False
    closed: bool = False


class SchemaWriter:
    """Writes nodes in one form. references: JSON pointer -> name of the definition that stays."""

    def __init__(self, form: Form, references: Mapping[str, str] | None = None) -> None:
        self._form = form
        self._references = references or {}

    def node(self, node: Schema) -> JsonObject:
        """One schema, with all below it."""
        if "$ref" in node:
            name = self._references[node["$ref"]]
            return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}
        types, nullable = _types_of(node)
        if "anyOf" in node:
            return self._union(node, nullable)
        if len(types) > 1 and self._form.openapi:
            return self._any_of(node, [_only(node, each) for each in types], nullable)
        return self._plain(node, types, nullable)

    def _union(self, node: Schema, nullable: bool) -> JsonObject:
        members = [each for each in node["anyOf"] if not _is_null(each)]
        nullable = nullable or len(members) < len(node["anyOf"])
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        if not any(set(each) - _ABOUT - {"required", "not"} for each in members):
            alternatives = [_shown(each) for each in members if each]
            notes = [*rest.get(NOTES, ()), *([("any of", alternatives)] if alternatives else [])]
            return self._null_too(self.node({**rest, NOTES: notes}), nullable)
        own = {key: value for key, value in rest.items() if key not in _ABOUT}
        if own:
            members = [each if "$ref" in each else merged(own, each) for each in members]
        if len(members) == 1 and "$ref" not in members[0]:
            single = {**members[0], **{key: rest[key] for key in rest if key in _ABOUT and key != NOTES}}
            single[NOTES] = [*rest.get(NOTES, ()), *members[0].get(NOTES, ())]
            return self._null_too(self.node(single), nullable)
        return self._any_of(rest, members, nullable)

    def _any_of(self, about: Schema, members: list[Schema], nullable: bool) -> JsonObject:
        out: JsonObject = {}
        said: list[str] = []
        for key, value in about.items():
            if key in _ABOUT:
                self._keyword(out, said, key, value, about)
        out["anyOf"] = [self.node(each) for each in members]
        _describe(out, about, said)
        return self._null_too(out, nullable)

    def _null_too(self, out: JsonObject, nullable: bool) -> JsonObject:
        """Allow null beside what a finished schema allows."""
        if not nullable:
            return out
        if self._form.openapi:
            out["nullable"] = True
        elif "anyOf" in out:
            out["anyOf"] = [*(each for each in out["anyOf"] if each != {"type": "null"}), {"type": "null"}]
        elif "enum" in out and "null" not in self._form.enums:
            about: JsonObject = {key: out.pop(key) for key in ("title", "description") if key in out}
            return {**about, "anyOf": [out, {"type": "null"}]}
        elif "type" in out:
            types = out["type"] if isinstance(out["type"], list) else [out["type"]]
            out["type"] = list(dict.fromkeys([*types, "null"]))
            if "enum" in out and None not in out["enum"]:
                out["enum"] = [*out["enum"], None]
        return out

    def _plain(self, node: Schema, types: list[str], nullable: bool) -> JsonObject:
        """A schema without a union. Where the form wants a type and there is none, text holds any value."""
        if not types and nullable and not self._form.openapi:
            types, nullable = ["null"], False
        elif not types and not self._form.json_schema:
            types = ["string"]
        out: JsonObject = {}
        said: list[str] = []
        if types:
            names = [each.upper() if self._form.openapi else each for each in types]
            out["type"] = names[0] if len(names) == 1 else names
        for key, value in node.items():
            if key != "type":
                self._keyword(out, said, key, value, {**node, "type": types})
        if "array" in types and "items" not in out and "prefixItems" not in out and not self._form.json_schema:
            out["items"] = self.node({"type": ["string"]})
        if "object" in types:
            self._close_object(out)
        _describe(out, node, said)
        return self._null_too(out, nullable)

    def _keyword(self, out: JsonObject, said: list[str], key: str, value: Json, node: Schema) -> None:
        types: list[str] = node.get("type", [])
        if key == "properties":
            if value:
                out[key] = {name: self.node(each) for name, each in value.items()}
        elif key == "items":
            out[key] = self.node(value)
        elif key == "prefixItems":
            self._tuple(out, said, value, node)
        elif key == "enum":
            self._enum(out, said, value, types)
        elif key == "additionalProperties":
            self._additional(out, said, value)
        elif key == "required":
            names = [name for name in value if name in node.get("properties", {})]
            if names:
                out[key] = names
        elif key == "propertyOrdering":
            if self._form.openapi or self._form.json_schema:
                out[key] = [name for name in value if name in node.get("properties", {})]
        elif key == "examples" and self._form.openapi:
            if isinstance(value, list) and value and "example" not in node:
                out["example"] = value[0]
        elif self._goes_through(key, value, types):
            out[key] = value
        elif key not in _UNSAID and key not in ("description", NOTES, "nullable") and not key.startswith("x-"):
            said.append(_sentence(key, value))

    def _goes_through(self, key: str, value: Json, types: list[str]) -> bool:
        if key == "format":
            formats = self._form.formats
            return isinstance(value, str) and (formats is None or any(value in formats.get(each, ()) for each in types))
        belongs = _BELONGS.get(key)
        fits = belongs is None or not types or belongs in types or (belongs == "number" and "integer" in types)
        if key == "minItems" and self._form.closed:
            return fits and value in (0, 1)
        return fits and key in self._form.keep

    def _tuple(self, out: JsonObject, said: list[str], members: list[Schema], node: Schema) -> None:
        written = [self.node(each) for each in members]
        if self._form.json_schema:
            out["prefixItems"] = written
            return
        distinct = [each for index, each in enumerate(written) if each not in written[:index]]
        if distinct and "items" not in node:
            out["items"] = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        said.append(_sentence("items in this order", [_shown(each) for each in members]))

    def _enum(self, out: JsonObject, said: list[str], values: list[Json], types: list[str]) -> None:
        values = [each for each in values if each is not None]
        listed = [each for each in values if _type_name(each) in self._form.enums and each != ""]
        if types:
            listed = [each for each in listed if _type_name(each) in types or (_is_number(each) and "number" in types)]
        if listed:
            out["enum"] = listed
        if len(listed) < len(values):
            said.append(_sentence("one of", values))
        numeric = values and all(_is_number(each) for each in values)
        if not listed and numeric and self._form.openapi and not {"integer", "number"}.isdisjoint(types):
            out["minimum"], out["maximum"] = min(values), max(values)

    def _additional(self, out: JsonObject, said: list[str], value: Json) -> None:
        if self._form.json_schema:
            out["additionalProperties"] = value if isinstance(value, bool) else self.node(value or {})
        elif isinstance(value, dict) and value:
            said.append(_sentence("values of other properties", _shown(value)))

    def _close_object(self, out: JsonObject) -> None:
        names = list(out.get("properties", ()))
        if self._form.closed:
            out.setdefault("properties", {})
            out["additionalProperties"] = False
        if self._form.openapi and len(names) > 1:
            out.setdefault("propertyOrdering", names)


def _types_of(node: Schema) -> tuple[list[str], bool]:
    """The types a node allows (said, else told from its other keywords), and whether null is one."""
    said: list[str] = node.get("type", [])
    types = [each for each in said if each != "null"]
    enum = node.get("enum")
    if not said and "anyOf" not in node:
        values = [each for each in enum or () if each is not None]
        found = [_type_name(each) for each in values] if values else [_BELONGS[key] for key in node if key in _BELONGS]
        types = list(dict.fromkeys(found))
    nullable = "null" in said or (enum is not None and None in enum and not said)
    return types, nullable


def _only(node: Schema, kind: str) -> Schema:
    """The part of a node of several types that concerns one of them."""
    out: Schema = {"type": [kind]}
    for key, value in node.items():
        belongs = _BELONGS.get(key, kind)
        if key in _ABOUT or key == "type" or (belongs != kind and not (belongs == "number" and kind == "integer")):
            continue
        if key == "enum":
            value = [each for each in value if _type_name(each) == kind or (kind == "number" and _is_number(each))]
        out[key] = value
    return out


def _is_null(node: Schema) -> bool:
    return node.get("type") == ["null"] or node.get("enum") == [None]


def _describe(out: JsonObject, node: Schema, said: list[str]) -> None:
    notes = [each if isinstance(each, str) else _sentence(*each) for each in node.get(NOTES, ())]
    sentence = "; ".join([*notes, *said])
    own = node.get("description")
    text = own if isinstance(own, str) else ""
    if sentence:
        text = f"{text}\n({sentence})" if text else f"({sentence})"
    if text or isinstance(own, str):
        out["description"] = text


def _sentence(key: str, value: Json) -> str:
    text = f"{key}: {value if isinstance(value, str) else dumps_text(_shown(value))}"
    return text if len(text) <= _SAY_AT_MOST else text[: _SAY_AT_MOST - 1] + "…"


def _shown(value: Any) -> Any:
    """A normalised schema without our own notes, for a sentence."""
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items() if key != NOTES}
    return [_shown(each) for each in value] if isinstance(value, list) else value


_NAMES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def _type_name(value: Json) -> str:
    return _NAMES.get(type(value), "string")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
