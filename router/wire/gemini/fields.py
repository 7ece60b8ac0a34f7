"""Checked access to proto JSON: camelCase and snake_case names alike, and a mistake is a 400 that names its JSON path.

Source of the spelling rule: protobuf's JSON mapping ("parsers accept both the lowerCamelCase name and the original
proto field name"); google-genai sends both in one request.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Literal

from router.faults import bad_request
from router.wire.conversation import Extra, Json, JsonObject

Word = Literal["a string", "a number", "an integer", "a boolean", "a list", "an object"]

_TYPES: dict[Word, type | tuple[type, ...]] = {
    "a string": str,
    "a number": (int, float),
    "an integer": int,
    "a boolean": bool,
    "a list": list,
    "an object": dict,
}
_DECIMAL = re.compile(r"-?[0-9]{1,19}")  # an int64
_NAMES: dict[type, str] = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list"}


def camel(name: str) -> str:
    """``thought_signature`` -> ``thoughtSignature``; leading underscores stay."""
    if "_" not in name.lstrip("_"):
        return name
    bare = name.lstrip("_")
    first, *others = bare.split("_")
    return name[: len(name) - len(bare)] + first + "".join(word[:1].upper() + word[1:] for word in others)


def message(value: Json, path: str) -> JsonObject:
    """A proto message with its own names in camelCase (values untouched); null fields count as absent."""
    found = check(value, "an object", path)
    out: JsonObject = {}
    for key, each in found.items():
        if each is not None and (key not in out or camel(key) == key):
            out[camel(key)] = each
    return out


def check(value: Json, word: Word, path: str) -> Any:
    """`value` if it is what `word` says. Whole floats and decimal texts pass as integers, as proto JSON has it."""
    if word in ("an integer", "a number") and isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if word == "an integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, _TYPES[word]) or (isinstance(value, bool) and word != "a boolean"):
        raise bad_request(f"{path} must be {word}, not {_NAMES.get(type(value), 'an object or null')}.", path)
    return value


def optional(found: JsonObject, key: str, word: Word, path: str) -> Any:
    """`found[key]` checked, None where absent. path: of `found`, "" at the top."""
    value = found.get(key)
    return None if value is None else check(value, word, below(path, key))


def items(value: Json, path: str) -> Iterator[tuple[Json, str]]:
    """Each value of a list with its path."""
    for index, each in enumerate(check(value, "a list", path)):
        yield each, f"{path}[{index}]"


def strings(value: Json, path: str) -> tuple[str, ...]:
    return tuple(check(each, "a string", where) for each, where in items(value, path))


def below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def rest(found: JsonObject, known: Collection[str]) -> JsonObject:
    """The fields that the neutral form has no word for."""
    return {key: value for key, value in found.items() if key not in known}


def kept(others: JsonObject) -> Extra:
    """`others` as the side channel of a neutral object."""
    return {"gemini": others} if others else {}


def own(extra: Extra) -> JsonObject:
    """What the side channel holds for this dialect."""
    return extra.get("gemini", {})
