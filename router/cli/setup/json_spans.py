"""JSON with comments and trailing commas, parsed with the place of every value."""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # not in the stubs, in every CPython
from typing import Any

from msgspec import Struct

from router.cli.setup.splices import CannotEdit

DEEPEST = 200
_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.S)
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_WORDS = {"true": True, "false": False, "null": None}


class Member(Struct):
    """One ``"key": value`` of an object. at: of the key's quote. comma: of the comma behind it, -1 without one."""

    key: str
    at: int
    node: Node
    comma: int = -1


class Node(Struct):
    """One value, from character `at` up to `end`. members: of an object."""

    at: int
    end: int
    value: Any
    members: list[Member] | None = None

    def member(self, key: str) -> Member | None:
        """The last one of that name, which is the one that counts."""
        return next((one for one in reversed(self.members or ()) if one.key == key), None)


def space(text: str, at: int) -> int:
    """Behind the space and comments that begin at `at`."""
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def parsed(text: str) -> Node:
    """The document. Raises `CannotEdit` with line and column."""
    node = _value(text, space(text, 0), 0)
    if (rest := space(text, node.end)) != len(text):
        raise _wrong(text, rest, "the end of the file")
    return node


def _value(text: str, at: int, depth: int) -> Node:
    first = text[at : at + 1]
    if depth > DEEPEST:
        raise _wrong(text, at, f"at most {DEEPEST} levels")
    if first == '"':
        value, end = _string(text, at)
        return Node(at, end, value)
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    found = _SCALAR.match(text, at)
    if found is None:
        raise _wrong(text, at, "a value")
    word = found[0]
    return Node(
        at, found.end(), _WORDS[word] if word in _WORDS else float(word) if set(word) & set(".eE") else int(word)
    )


def _object(text: str, at: int, depth: int) -> Node:
    members: list[Member] = []
    here = space(text, at + 1)
    while text[here : here + 1] != "}":
        if members and members[-1].comma < 0:
            raise _wrong(text, here, "a comma or }")
        if text[here : here + 1] != '"':
            raise _wrong(text, here, "a key in quotes")
        key, end = _string(text, here)
        colon = space(text, end)
        if text[colon : colon + 1] != ":":
            raise _wrong(text, colon, "a colon")
        node = _value(text, space(text, colon + 1), depth + 1)
        members.append(Member(key, here, node))
        here = space(text, node.end)
        if text[here : here + 1] == ",":
            members[-1].comma = here
            here = space(text, here + 1)
    return Node(at, here + 1, {one.key: one.node.value for one in members}, members)


def _array(text: str, at: int, depth: int) -> Node:
    items: list[Any] = []
    here, ended = space(text, at + 1), True
    while text[here : here + 1] != "]":
        if not ended:
            raise _wrong(text, here, "a comma or ]")
        node = _value(text, here, depth + 1)
        items.append(node.value)
        here = space(text, node.end)
        ended = text[here : here + 1] == ","
        if ended:
            here = space(text, here + 1)
    return Node(at, here + 1, items)


def _string(text: str, at: int) -> tuple[str, int]:
    try:
        value, end = scanstring(text, at + 1, True)
    except JSONDecodeError as error:
        raise _wrong(text, error.pos, "a proper text in quotes") from None
    return str(value), int(end)


def _wrong(text: str, at: int, wanted: str) -> CannotEdit:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return CannotEdit(f"line {line}, column {column}: {wanted} is expected there, so it is not JSON")
