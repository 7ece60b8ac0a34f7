"""The settings file for a browser: as it is, comments and all, but for its secrets, which never leave this machine.

Each secret is replaced by a mark such as ``"kept:3"``. A text that comes back may keep the mark, move it, or replace
it by a new value; what a mark stands for is put back before the text is read. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml
from pydantic import BaseModel

from router.secret import Secret
from router.settings.shown import USER_INFO

_MARK = re.compile(r"kept:(\d{1,4})")


class Unknown(ValueError):
    """A mark that stands for nothing in the file."""


def secrets_of(settings: BaseModel) -> frozenset[str]:
    """Every secret in the settings as text: secrets, header values, addresses that hold a password."""
    return frozenset(found for found in _found(settings, secret=False) if found)


_SECRET_KEYS = frozenset(
    {
        *("key", "api_key", "client_secret", "password", "token", "secret", "cookie", "clerk_jwt_cookie"),
        *("secure_1psid", "secure_1psidts", "access_token", "refresh_token"),
    }
)
_SECRET_LISTS = frozenset({"api_keys", "keys"})
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def secrets_in(text: str) -> frozenset[str]:
    """What looks like a secret in a text, by where it stands: for a file that is not in force, as it has a mistake."""
    found: set[str] = set()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return frozenset()
    waiting: list[tuple[yaml.Node, str, bool]] = [(root, "", False)] if root is not None else []
    seen: set[int] = set()
    while waiting:
        node, key, secret = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                inner = str(name.value) if isinstance(name, yaml.ScalarNode) else ""
                waiting.append((value, inner, secret or inner == "headers"))
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(item, f"{key}[]", secret) for item in node.value]
        elif isinstance(node, yaml.ScalarNode) and node.value and not _VARIABLE.fullmatch(node.value):
            listed = key.endswith("[]") and key[:-2] in _SECRET_LISTS
            if secret or listed or key in _SECRET_KEYS or USER_INFO.search(node.value):
                found.add(node.value)
    return frozenset(found)


def _found(value: object, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _found(getattr(value, name), secret=secret or name == "headers")
        for item in (value.model_extra or {}).values():
            yield from _found(item, secret=secret)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _found(item, secret=secret)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _found(item, secret=secret)
    elif isinstance(value, str) and (secret or USER_INFO.search(value)):
        yield value


def is_mark(text: str) -> bool:
    """Whether a text would stand for a secret in a file that comes back."""
    return number_of(text.strip()) is not None


def number_of(text: str) -> int | None:
    """The number of a mark, None for any other text."""
    mark = _MARK.fullmatch(text)
    return int(mark[1]) if mark is not None else None


def kept(text: str, secrets: frozenset[str]) -> list[str]:
    """What the marks of a veiled text stand for, by their number."""
    return [value for _, _, value in _places(text, secrets)]


def veiled(text: str, secrets: frozenset[str]) -> str:
    """`text` with a mark in the place of each secret; nothing of one that is no YAML, where nobody knows what is
    one."""
    if not _readable(text):
        return ""
    places = _places(text, secrets)
    for number, (start, end, _) in reversed(list(enumerate(places))):
        text = f'{text[:start]}"kept:{number}"{text[end:]}'
    return text


def unveiled(text: str, original: str, secrets: frozenset[str]) -> str:
    """`text` with what its marks stand for in `original`. Raises `Unknown`."""
    known = kept(original, secrets)
    for node in reversed(list(_scalars(text))):
        number = number_of(node.value)
        if number is None:
            continue
        if number >= len(known):
            raise Unknown(f"{node.value} in line {node.start_mark.line + 1} stands for no secret of the file")
        text = text[: node.start_mark.index] + json.dumps(known[number]) + text[node.end_mark.index :]
    return text


def _readable(text: str) -> bool:
    try:
        yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    return True


def _places(text: str, secrets: frozenset[str]) -> list[tuple[int, int, str]]:
    return [
        (node.start_mark.index, node.end_mark.index, node.value) for node in _scalars(text) if node.value in secrets
    ]


def _scalars(text: str) -> list[yaml.ScalarNode]:
    """Every scalar in the order of the text; none where it is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return []
    found: dict[int, yaml.ScalarNode] = {}
    waiting, seen = [root] if root is not None else [], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            found[node.start_mark.index] = node
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return [found[at] for at in sorted(found)]
