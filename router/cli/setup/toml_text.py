"""Changes of TOML files that leave comments, order and layout of the rest as they are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from router.cli.setup.splices import CannotEdit, Splice, appended, line_end, line_start, newline
from router.cli.setup.values import Keys, dotted


class Statement(Struct, frozen=True):
    """One header or one ``key = value``, from `at` up to `end` (without its line break). keys: the whole path.

    value_at: where the value begins, -1 in a header. closed: it stands in a list of tables, which no path names."""

    keys: Keys
    at: int
    end: int
    value_at: int
    closed: bool = False


def read(text: str) -> Any:
    """The value. Raises `CannotEdit`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotEdit(f"it is not TOML: {error}") from None


def write(value: Any) -> str:
    """A text, number, truth value or list of them."""
    return json.dumps(value, ensure_ascii=False)


def raw(text: str, keys: Keys) -> str | None:
    """What stands at a place, None where there is no statement for it."""
    found = _statement(text, keys)
    return None if found is None else text[found.value_at : found.end]


def put(text: str, keys: Keys, value: str) -> list[Splice]:
    """`value` (TOML) at a place: in its statement, in its table, or in a new table at the end."""
    found = _statement(text, keys)
    if found is not None:
        return [Splice(found.value_at, text[found.value_at : found.end], value)]
    inline = [one for one in _statements(text) if one.value_at >= 0 and one.keys == keys[: len(one.keys)]]
    if inline:
        raise CannotEdit(f"{dotted(inline[0].keys)} is written on one line; make a [{dotted(keys[:-1])}] table of it")
    table = [one for one in _statements(text) if one.keys[: len(keys) - 1] == keys[:-1] and not one.closed]
    line = f"{_key(keys[-1])} = {value}\n"
    if len(keys) == 1:
        roots = list(_roots(text))
        return [_line_after(text, roots[-1].end, line) if roots else Splice(0, "", line.replace("\n", newline(text)))]
    heads = [at for at, one in enumerate(table) if one.value_at < 0 and one.keys == keys[:-1]]
    if heads:
        return [_line_after(text, _last_of(text, table[heads[0]]).end, line)]
    gap = "\n" if text.strip() else ""
    return [appended(text, f"{gap}[{'.'.join(map(_key, keys[:-1]))}]\n{line}")]


def drop(text: str, keys: Keys, new_from: int) -> list[Splice]:
    """Take a statement out, and the header of its table where that was made for it and holds nothing else."""
    found = _statement(text, keys)
    if found is None:
        return []
    start, stop = line_start(text, found.at), line_end(text, found.end)
    if len(keys) > 1 and new_from < len(keys) - 1:
        heads = [one for one in _statements(text) if one.value_at < 0 and one.keys == keys[:-1] and not one.closed]
        if heads and _last_of(text, heads[0]) == found and not text[line_end(text, heads[0].end) : start].strip():
            start = line_start(text, heads[0].at)
            before = line_start(text, max(start - 1, 0))
            start = before if not text[before:start].strip() else start
    return [Splice(start, text[start:stop], "")]


def _line_after(text: str, at: int, line: str) -> Splice:
    stop, end = line_end(text, at), newline(text)
    lead = end if stop == len(text) and not text.endswith("\n") else ""
    return Splice(stop, "", lead + line.replace("\n", end))


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if plain else json.dumps(key, ensure_ascii=False)


def _statement(text: str, keys: Keys) -> Statement | None:
    return next((one for one in _statements(text) if one.keys == keys and one.value_at >= 0 and not one.closed), None)


def _roots(text: str) -> Iterator[Statement]:
    """The statements above the first header."""
    for one in _statements(text):
        if one.value_at < 0:
            return
        yield one


def _last_of(text: str, head: Statement) -> Statement:
    """The last statement below a header, or the header itself."""
    last = head
    for one in _statements(text):
        if one.at <= head.at:
            continue
        if one.value_at < 0:
            break
        last = one
    return last


def _statements(text: str) -> Iterator[Statement]:
    at, closed = 0, False
    head: Keys = ()
    while at < len(text):
        start = at + len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
        if start >= len(text):
            return
        at = line_end(text, start)
        if text[start] == "#":
            continue
        if text[start] == "[":
            end = _end(text, start, header=True)
            head, closed = _chain(text[start:end]), text.startswith("[[", start)
            yield Statement(head, start, end, -1, closed)
            continue
        equals = _equals(text, start)
        value_at = equals + 1 + len(text[equals + 1 :]) - len(text[equals + 1 :].lstrip(" \t"))
        end = _end(text, value_at)
        yield Statement((*head, *_chain(f"{text[start:equals]} = 0")), start, end, value_at, closed)
        at = line_end(text, end)


def _chain(line: str) -> Keys:
    """The keys of a header or a statement, as TOML itself reads them."""
    keys: list[str] = []
    inner: Any = read(line)
    while isinstance(inner, (dict, list)) and inner:
        if isinstance(inner, list):
            inner = inner[0]
            continue
        keys.append(next(iter(inner)))
        inner = inner[keys[-1]]
    return tuple(keys)


def _equals(text: str, at: int) -> int:
    while at < len(text) and text[at] != "=":
        at = _behind_string(text, at) if text[at] in "\"'" else at + 1
    return at


def _end(text: str, at: int, *, header: bool = False) -> int:
    """Where a value or a header ends: at the line break outside of brackets and texts, or before a comment."""
    depth, last = 0, at
    while at < len(text):
        sign = text[at]
        if sign in "\"'":
            at = last = _behind_string(text, at)
            continue
        if sign == "\n" and depth <= 0:
            break
        if sign == "#":
            if depth <= 0:
                break
            at = line_end(text, at)
            continue
        depth += (sign in "[{") - (sign in "]}")
        at += 1
        last = at if not sign.isspace() else last
        if header and depth == 0:
            break
    return last


def _behind_string(text: str, at: int) -> int:
    quote = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    here = at + len(quote)
    while here < len(text) and not text.startswith(quote, here):
        here += 2 if text[here] == "\\" and quote[0] == '"' else 1
    here += len(quote)
    while len(quote) == 3 and text.startswith(quote[0], here):
        here += 1  # a text may end in quotes of its own
    return here
