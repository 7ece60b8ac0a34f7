"""Values out of a caller's JSON, checked where they are read: every mistake names its path."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from router.faults import bad_request
from router.wire.conversation import JsonObject

Word = Literal["a string", "a number", "an integer", "a boolean", "an array", "an object"]

_TYPES: dict[Word, type | tuple[type, ...]] = {
    "a string": str,
    "a number": (int, float),
    "an integer": int,
    "a boolean": bool,
    "an array": list,
    "an object": dict,
}
_NAMES: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def check(value: Any, word: Word, path: str) -> Any:
    """`value` if it is what `word` says, else a 400 that names `path`. ``3.0`` passes as the integer 3."""
    if word == "an integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, _TYPES[word]) or (isinstance(value, bool) and word != "a boolean"):
        raise bad_request(f"{path} must be {word}, not {_NAMES.get(type(value), 'something else')}.", path)
    return value


def optional(body: JsonObject, key: str, word: Word, path: str = "") -> Any:
    """`body[key]`, None where it is absent or null. `path` is that of `body`."""
    value = body.get(key)
    return None if value is None else check(value, word, f"{path}.{key}" if path else key)


def required(body: JsonObject, key: str, word: Word, path: str = "") -> Any:
    """`body[key]`, a 400 where it is absent or null."""
    where = f"{path}.{key}" if path else key
    if body.get(key) is None:
        raise bad_request(f"{where} is missing; it must be {word}.", where)
    return check(body[key], word, where)


def at_least(value: Any, least: int, path: str) -> None:
    """A 400 where a given number is smaller than `least`."""
    if value is not None and value < least:
        raise bad_request(f"{path} must be at least {least}, not {value}.", path)


def rest(body: JsonObject, known: Collection[str]) -> JsonObject:
    """The keys of `body` that the neutral form has no field for."""
    return {key: value for key, value in body.items() if key not in known}
