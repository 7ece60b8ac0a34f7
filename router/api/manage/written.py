"""Values that somebody sends, as the settings file has to have them, and what a variable says in the file's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.api.manage.operation import Refused
from router.settings.veil import is_mark
from router.variables import escaped


def of_variable(provenance: Mapping[str, str], place: str) -> str | None:
    """The variable that a setting at or below `place` comes from; None where all of it is the file's."""
    found = (origin for path, origin in provenance.items() if path.startswith(place) and ":" not in origin)
    return next(found, None)


def written(value: Any) -> Any:
    """A value as the file has to have it. What would be filled in there, a variable or a secret, stays what it says:
    who sends one must not read this machine's environment by its name."""
    for text in _texts(value):
        if is_mark(text):
            raise Refused(400, f"{text.strip()!r} is what stands for a secret in the settings; choose another text.")
    return _escaped(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from (name, *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {name: _escaped(item) for name, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
