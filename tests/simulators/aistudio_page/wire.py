"""Frames of the page's own stream: one growing JSON array of ``[[[[[PART,…],"model"]]],null,[in,out,total]]``.

PART: ``[null,"text"]`` is text, with 10 further nulls and a 1 it is a thought, ``[null×10,["name",ARGS]]`` is a call.
ARGS and objects are ``[[["key",VALUE],…]]``; a VALUE says its type by its length: 1 null, 2 number, 3 text, 4 boolean,
5 object, 6 list.
"""

from __future__ import annotations

import json
from typing import Any


def text(value: str) -> list[Any]:
    return [None, value]


def thought(value: str) -> list[Any]:
    return [None, value, *[None] * 10, 1]


def call(name: str, arguments: dict[str, Any]) -> list[Any]:
    return [*[None] * 10, [name, members(arguments)]]


def members(value: dict[str, Any]) -> list[Any]:
    return [[[key, typed(each)] for key, each in value.items()]]


def typed(value: Any) -> list[Any]:
    if value is None:
        return [None]
    if isinstance(value, bool):
        return [None, None, None, int(value)]
    if isinstance(value, int | float):
        return [None, value]
    if isinstance(value, str):
        return [None, None, value]
    if isinstance(value, dict):
        return [*[None] * 4, members(value)]
    return [*[None] * 5, [[typed(each) for each in value]]]


def chunk(parts: list[Any], usage: list[int] | None = None, finish: int | None = None) -> str:
    """One element. finish: the number of a finish reason, which only an answer that did not simply end carries."""
    candidate = [[parts, "model"]] if finish is None else [[parts, "model"], finish]
    value: list[Any] = [[candidate], None]
    if usage is not None:
        value.append(usage)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
