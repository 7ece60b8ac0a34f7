"""What a settings file that comes from afar may not bring to light. Pure.

A mark of a secret and ``${NAME}`` are names for texts that whoever sends the file must not read: the secrets of the
file and the environment of this machine. They may stand where secrets belong, and where the file has them already, but
not where the settings, a list or a message would tell them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from router.settings.document import read_document
from router.settings.mistakes import Path, dotted
from router.settings.shown import USER_INFO
from router.settings.veil import number_of
from router.variables import names_in

_SHORT = 6
"""Characters of a text that is looked for as a whole: it may be a part of anything."""
_PART = 8
"""Characters by which a longer one is known in a message, which may cut it."""


def borrowed(text: str, seen: str, kept: Sequence[str], environ: Mapping[str, str]) -> frozenset[str]:
    """The texts that `text` has by a name alone, but for those in their old places. seen: the file with its marks.
    kept: what these stand for."""
    before = set(_written(read_document(seen).values))
    found: set[str] = set()
    for place, written in _written(read_document(text).values):
        if (place, written) in before:
            continue
        number = number_of(written)
        if number is not None and number < len(kept):
            found.add(kept[number].strip())
        found.update(environ.get(name, "").strip() for name in names_in(written))
    return frozenset(found - {""})


def exposed(settings: BaseModel, before: BaseModel, texts: frozenset[str]) -> Iterator[str]:
    """Places where people would read one of these. before: settings in force, with what is read there anyway."""
    known = {told for _, told in _told(before)} if texts else set[str]()
    for path, told in _told(settings) if texts else ():
        if told not in known and any(_holds(told, each, path) for each in texts):
            yield dotted(path)


def quotes(message: str | None, texts: frozenset[str]) -> bool:
    """Whether a message has one of these in it, or its beginning."""
    low = _folded(message or "")
    forms = (form for each in texts for form in (each, repr(each)[1:-1], json.dumps(each)[1:-1]))
    return any(_folded(form[:_PART]) in low for form in forms)


def _holds(told: str, text: str, path: Path) -> bool:
    if USER_INFO.search(text) and path[-1] == "proxy":
        return False  # its password is hidden everywhere
    low, told = _folded(text), _folded(told)
    return low == told.strip() if len(low) < _SHORT else low in told


def _folded(text: str) -> str:
    """As names of providers and models are compared, and sometimes told."""
    return text.casefold().replace("_", "-")


def _told(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Place and text of everything that is no secret."""
    if isinstance(value, BaseModel):
        fields = [name for name in type(value).model_fields if name != "headers"]
        yield from _below({name: getattr(value, name) for name in fields}, path)
        yield from _below(value.model_extra or {}, path)
    elif isinstance(value, dict):
        yield from ((path, str(name)) for name in value)
        yield from _below(value, path)
    elif isinstance(value, (list, tuple)):
        yield from _below(dict(enumerate(value)), path)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield path, str(value)


def _below(values: Mapping[Any, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name, value in values.items():
        yield from _told(value, (*path, name))


def _written(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a file, names too, with its place; in lists without its number, so that order is nothing."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*place, "{}"), str(name)
            yield from _written(item, (*place, str(name)))
    elif isinstance(value, list):
        for item in value:
            yield from _written(item, (*place, "[]"))
