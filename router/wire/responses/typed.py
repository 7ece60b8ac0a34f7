"""Reading a caller's JSON with the path of every mistake."""

from __future__ import annotations

from typing import Any, TypeVar

from router.faults import Fault, bad_request
from router.wire.conversation import Json, JsonObject

_T = TypeVar("_T")
_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def wrong(where: str, wanted: str, value: Json) -> Fault:
    """The fault for a value of another type than `wanted`."""
    got = "null" if value is None else _WORDS.get(type(value), "something else")
    return bad_request(f"{where} must be {wanted}, but is {got}.", where)


def text(source: JsonObject, key: str, where: str) -> str | None:
    return _value(source, key, where, str, "a string")


def required_text(source: JsonObject, key: str, where: str) -> str:
    value = text(source, key, where)
    if value is None:
        raise bad_request(f"{at(where, key)} is missing; it must be a string.", at(where, key))
    return value


def flag(source: JsonObject, key: str, where: str) -> bool | None:
    return _value(source, key, where, bool, "true or false")


def integer(source: JsonObject, key: str, where: str) -> int | None:
    value = source.get(key)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool):
        raise wrong(at(where, key), "an integer", value)
    return _value(source, key, where, int, "an integer")


def number(source: JsonObject, key: str, where: str) -> float | None:
    value = source.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(at(where, key), "a number", value)
    return float(value)


def mapping(source: JsonObject, key: str, where: str) -> JsonObject | None:
    return _value(source, key, where, dict, "an object")


def sequence(source: JsonObject, key: str, where: str) -> list[Any] | None:
    return _value(source, key, where, list, "a list")


def as_object(value: Json, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise wrong(where, "an object", value)
    return value


def at(where: str, key: str) -> str:
    """The path of `key` inside `where` ("" is the body itself)."""
    return f"{where}.{key}" if where else key


def _value(source: JsonObject, key: str, where: str, kind: type[_T], wanted: str) -> _T | None:
    value = source.get(key)
    if value is not None and not isinstance(value, kind):
        raise wrong(at(where, key), wanted, value)
    return value
