"""The OpenAPI document of the management API, made of the table of operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from router.access.session_tokens import COOKIE
from router.api.manage.operation import PREFIX, Operation
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


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """OpenAPI 3.1. The same table gives the same document."""
    types = [kind for each in operations for kind in (each.body, each.query, each.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Failure], ref_template=_TEMPLATE)
    known = dict(zip([*map(repr, types), repr(Failure)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        path = PREFIX + _PARAMETER.sub(r"{\1}", each.path)
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


def _operation(each: Operation, known: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    failure = {"description": "Why not.", "content": {"application/json": {"schema": known[repr(Failure)]}}}
    made: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "description": f"Needs the role {each.need}.",
        "parameters": [
            *map(_in_path, _PARAMETER.findall(each.path)),
            *(_query(each, known, components) if each.query is not None else ()),
        ],
        "responses": {"4XX": failure, "503": failure},
    }
    if each.opens:
        made["security"] = []
    if each.answer is None:
        made["responses"]["204"] = {"description": "Done."}
    else:
        content = {"application/json": {"schema": known[repr(each.answer)]}}
        if each.answer is str:  # a stream of server-sent events
            content = {"text/event-stream": {"schema": {"type": "string"}}}
        elif each.answer is bytes:  # a file
            content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        made["responses"]["200"] = {"description": "What was asked for.", "content": content}
    if each.body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": known[repr(each.body)]}}}
    return made


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query(each: Operation, known: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    shape = known[repr(each.query)]
    if "$ref" in shape:
        shape = components[shape["$ref"].rpartition("/")[2]]
    needed = shape.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": schema}
        for name, schema in shape.get("properties", {}).items()
    ]
