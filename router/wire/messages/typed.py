"""Checked access to a decoded body: a mistake is a 400 that names its JSON path, in Anthropic's manner of speaking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.faults import Fault, bad_request
from router.wire.conversation import JsonObject

REQUIRED = "Field required"


def wrong(path: str, what: str) -> Fault:
    """``<path>: <what>``, as Anthropic words it, with the path as the fault's `param`."""
    return bad_request(f"{path}: {what}", path)


def obj(value: Any, path: str) -> JsonObject:
    if not isinstance(value, dict):
        raise wrong(path, "Input should be an object")
    return value


def array(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(path, "Input should be a valid list")
    return value


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong(path, "Input should be a valid string")
    return value


def boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(path, "Input should be a valid boolean")
    return value


def integer(value: Any, path: str, *, least: int | None = None) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(path, "Input should be a valid integer")
    if least is not None and value < least:
        raise wrong(path, f"Input should be greater than or equal to {least}")
    return value


def number(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(path, "Input should be a valid number")
    return value


def need(body: JsonObject, key: str, path: str) -> Any:
    """The value of a key that must be there."""
    if key not in body:
        raise wrong(f"{path}.{key}" if path else key, REQUIRED)
    return body[key]


def items(value: Any, path: str) -> Iterator[tuple[JsonObject, str]]:
    """Each object of a list, with its path."""
    for index, item in enumerate(array(value, path)):
        where = f"{path}[{index}]"
        yield obj(item, where), where


def rest(body: JsonObject, *known: str) -> JsonObject:
    """The keys that are not among `known`, in their order."""
    return {key: value for key, value in body.items() if key not in known}
