"""Changes of files made of lines: ``.env`` files, and one marked block in a shell's start file."""

from __future__ import annotations

import re
from typing import Any

from router.cli.setup.splices import CannotEdit, Splice, appended, line_end, newline
from router.cli.setup.values import Keys

_VARIABLE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*([^\r\n]*)", re.M)
_BLOCK = re.compile(r"^# >>> switchyard (\S+) >>>\r?\n(.*?)^# <<< switchyard \1 <<<[ \t]*(?:\r?\n|\Z)", re.M | re.S)
_MARK = re.compile(r"^# (?:>>>|<<<) switchyard (\S+) (?:>>>|<<<)", re.M)


def read_variables(text: str) -> Any:
    """Every variable; the last line of a name counts."""
    return {found[1]: _unquoted(found[2]) for found in _VARIABLE.finditer(text)}


def write_variable(value: Any) -> str:
    """A value as ``.env`` readers take it: in quotes where it has other signs than those of addresses and keys."""
    text = str(value)
    if any(sign in text for sign in '"\n\r\\$`'):
        raise CannotEdit(f"the value {text!r} cannot be written into an .env file")
    return text if re.fullmatch(r"[\w.:/@+=,-]*", text) else f'"{text}"'


def raw_variable(text: str, keys: Keys) -> str | None:
    """What stands behind the equals sign."""
    found = _last(text, keys[-1])
    return None if found is None else found[2]


def put_variable(text: str, keys: Keys, value: str) -> list[Splice]:
    """Set a variable on its line, or on a new one at the end."""
    found = _last(text, keys[-1])
    return [Splice(found.start(2), found[2], value)] if found else [appended(text, f"{keys[-1]}={value}\n")]


def drop_variable(text: str, keys: Keys, new_from: int) -> list[Splice]:
    """Take its line out."""
    found = _last(text, keys[-1])
    if found is None:
        return []
    start, stop = found.start(), line_end(text, found.end())
    return [Splice(start, text[start:stop], "")]


def read_blocks(text: str) -> Any:
    """Name to lines of every marked block."""
    blocks = {found[1]: found[2].replace("\r\n", "\n") for found in _BLOCK.finditer(text)}
    for name in {found[1] for found in _MARK.finditer(text)} - set(blocks):
        raise CannotEdit(f"one of the two marks of the block `switchyard {name}` is missing; take the other out too")
    return blocks


def write_block(value: Any) -> str:
    """The lines of a block, each ended."""
    return str(value)


def raw_block(text: str, keys: Keys) -> str | None:
    """The lines between the marks."""
    found = _marked(text, keys[-1])
    return None if found is None else found[2]


def put_block(text: str, keys: Keys, value: str) -> list[Splice]:
    """Set the lines between the marks, or add all at the end."""
    found = _marked(text, keys[-1])
    if found is not None:
        return [Splice(found.start(2), found[2], value.replace("\n", newline(text)))]
    return [appended(text, f"# >>> switchyard {keys[-1]} >>>\n{value}# <<< switchyard {keys[-1]} <<<\n")]


def drop_block(text: str, keys: Keys, new_from: int) -> list[Splice]:
    """Take marks and lines out."""
    found = _marked(text, keys[-1])
    return [] if found is None else [Splice(found.start(), found[0], "")]


def _last(text: str, name: str) -> re.Match[str] | None:
    return next((found for found in reversed(list(_VARIABLE.finditer(text))) if found[1] == name), None)


def _marked(text: str, name: str) -> re.Match[str] | None:
    return next((found for found in _BLOCK.finditer(text) if found[1] == name), None)


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.sub(r"\s+#.*$", "", value)
