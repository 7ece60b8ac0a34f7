"""The OpenAPI document of the management API, made of the table of operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from router.access.session_tokens import COOKIE
from router.api.manage.operation import PREFIX, Described, Link
from router.version import VERSION

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_TEMPLATE = "#/components/schemas/{name}"


class Failure(msgspec.Struct):
    """What every refusal looks like."""

    error: FailureText


class FailureText(msgspec.Struct):
    """In words. fields: what is wrong with which field of the body, where it is about some."""

    message: str
    fields: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


def document(operations: Sequence[Described], others: Sequence[Described] = ()) -> dict[str, Any]:
    """OpenAPI 3.1. The same table gives the same document. operations: below `PREFIX`. others: with whole paths."""
    placed = [*((PREFIX + each.path, each) for each in operations), *((each.path, each) for each in others)]
    types = [kind for _, each in placed for kind in (each.body, each.query, each.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Failure], ref_template=_TEMPLATE)
    known = dict(zip([*map(repr, types), repr(Failure)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for place, each in placed:
        path = _PARAMETER.sub(r"{\1}", place)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, known, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Switchyard management", "version": VERSION},
        "security": [{"key": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _operation(each: Described, known: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    failure = {"description": "Why not.", "content": {"application/json": {"schema": known[repr(Failure)]}}}
    made: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "description": f"Needs the role {each.need}.",
        "parameters": [
            *(_in_path(name, each.choices.get(name)) for name in _PARAMETER.findall(each.path)),
            *(_query(each, known, components) if each.query is not None else ()),
        ],
        "responses": {"4XX": failure, "503": failure},
    }
    if each.asks:
        made["responses"]["502"] = failure
    if each.opens:
        made["security"] = []
    if each.answer is None:
        made["responses"]["204"] = {"description": "Done."}
    else:
        content = {"application/json": {"schema": known[repr(each.answer)]}}
        if each.answer is str:  # a stream of server-sent events
            content = {"text/event-stream": {"schema": {"type": "string"}}}
        elif each.answer is bytes:  # a file
            content = {media: {"schema": {"type": "string", "format": "binary"}} for media in each.media}
        made["responses"]["200"] = {"description": "What was asked for.", "content": content}
        if each.next:
            made["responses"]["200"]["links"] = {link.operation: _link(link) for link in each.next}
    if each.body is bytes:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        made["requestBody"] = {"required": True, "content": content}
    elif each.body is not None:
        needed = bool(_shape(known[repr(each.body)], components).get("required"))
        made["requestBody"] = {"required": needed, "content": {"application/json": {"schema": known[repr(each.body)]}}}
    return made


def _in_path(name: str, choices: Sequence[str] | None) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1} if choices is None else {"type": "string", "enum": list(choices)}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _link(link: Link) -> dict[str, Any]:
    taken = {
        name: f"$request.{place}" if place.startswith("path.") else f"$response.body#{place}"
        for name, place in link.takes.items()
    }
    return {"operationId": link.operation, "parameters": taken}


def _query(each: Described, known: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    shape = _shape(known[repr(each.query)], components)
    needed = shape.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": schema}
        for name, schema in shape.get("properties", {}).items()
    ]


def _shape(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A schema itself, where there is only its name."""
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found
