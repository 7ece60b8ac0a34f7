"""Other programs' files as plain values with line numbers: YAML, JSON, INI and ``.env``."""

from __future__ import annotations

import configparser
import json
import re
from typing import Any

from msgspec import Struct

from router.cli.setup.json_spans import parsed
from router.cli.setup.line_text import read_variables
from router.cli.setup.splices import CannotEdit
from router.settings.document import read_document
from router.settings.mistakes import Path

_SECTION = re.compile(r"^\s*\[[^\]\n]+\]\s*$", re.M)
_VARIABLE = re.compile(r"\A(?:\s*(?:#[^\n]*)?\n)*\s*(?:export\s+)?[A-Z_][A-Z0-9_]*\s*=")


class Unreadable(Exception):
    """A file is none of the forms, or damaged; the message says where."""


class Read(Struct, frozen=True):
    """kind: yaml, json, ini or env. lines: path to line, from 1, where it is known."""

    kind: str
    values: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """Of a place, or of the nearest thing around it."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)


def read(text: str) -> Read:
    """Any of the forms, told apart by how it begins. Raises `Unreadable`."""
    first = text.lstrip("\ufeff \t\r\n")[:1]
    if first == "[" and not text.lstrip().startswith(("[{", "[\n", "[ ")):
        return _ini(text)
    if first in ("{", "["):
        return _json(text)
    if _VARIABLE.match(text):
        values = read_variables(text)
        return Read("env", values, {(name,): _line_of(text, rf"^\s*(?:export\s+)?{name}\s*=") for name in values})
    if _SECTION.search(text) and not re.search(r"^[\w-]+:", text, re.M):
        return _ini(text)
    document = read_document(text)
    if document.mistakes:
        raise Unreadable(str(document.mistakes[0]))
    return Read("yaml", document.values, document.lines)


def _json(text: str) -> Read:
    try:
        values = parsed(text.lstrip("\ufeff")).value
    except CannotEdit as error:
        raise Unreadable(str(error)) from None
    document = read_document(text.replace("\t", " "))  # JSON is YAML but for comments: with those there are no lines
    same = not document.mistakes and json.dumps(document.values, default=str) == json.dumps(values, default=str)
    return Read("json", values, document.lines if same else {})


def _ini(text: str) -> Read:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Unreadable(f"it is no INI file: {error}") from None
    values = {section: dict(parser.items(section)) for section in parser.sections()}
    lines: dict[Path, int] = {}
    section = ""
    for at, line in enumerate(text.splitlines(), 1):
        head, found = re.match(r"\s*\[([^\]]+)\]", line), re.match(r"\s*([\w.-]+)\s*[=:]", line)
        if head is not None:
            section = head[1]
        elif found is not None:
            lines[(section, found[1].lower())] = at
    return Read("ini", values, lines)


def _line_of(text: str, pattern: str) -> int:
    found = re.search(pattern, text, re.M)
    return text.count("\n", 0, found.end()) + 1 if found is not None else 1
