"""``${NAME}`` in the texts of a settings file: the environment's value stands there instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_REFERENCE = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def filled(value: Any, environ: Mapping[str, str], missing: Callable[[Path, str], None], path: Path = ()) -> Any:
    """Plain data with ``${NAME}`` and ``${NAME:-default}`` replaced in every text; ``$${NAME}`` stands for ``${NAME}``.

    missing: told the place and the name of a variable that is not set, or empty, where there is no default."""
    if isinstance(value, str):
        return _text(value, environ, missing, path) if "${" in value else value
    if isinstance(value, dict):
        return {key: filled(item, environ, missing, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, environ, missing, (*path, at)) for at, item in enumerate(value)]
    return value


def names_in(text: str) -> Iterator[str]:
    """The variables that a text refers to."""
    return (found[2] for found in _REFERENCE.finditer(text) if not found[1])


def escaped(text: str) -> str:
    """A text that `filled` turns into this one."""
    return _REFERENCE.sub(lambda found: f"${found.group(0)}", text)


def _text(value: str, environ: Mapping[str, str], missing: Callable[[Path, str], None], path: Path) -> str:
    def replace(match: re.Match[str]) -> str:
        escaped, name, default = match.groups()
        if escaped:
            return match.group(0)[1:]
        if environ.get(name):
            return environ[name]
        if default is None:
            missing(path, name)
        return default or ""

    return _REFERENCE.sub(replace, value)
