"""Settings as a file: with the secrets in it, or masked for a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from router.secret import Secret

MASK = "***"
_USER_INFO = re.compile(r"//[^/@\s]*@")
_REFERENCE = re.compile(r"(?<!\$)\$\{([A-Za-z_]\w*)\}")


def as_yaml(settings: dict[str, Any], *, reveal: bool) -> str:
    """The file's text. reveal: with secrets; else they and the passwords of addresses are masked."""
    plain = _plain(settings, reveal)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110) if plain else "{}\n"


def variables(settings: Any) -> Iterator[str]:
    """The variables that it names."""
    if isinstance(settings, str):
        yield from _REFERENCE.findall(settings)
    for item in settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else ():
        yield from variables(item)


def _plain(value: Any, reveal: bool) -> Any:
    if isinstance(value, Secret):  # what looks like a variable in a key is none
        return value.reveal().replace("${", "$${") if reveal else MASK
    if isinstance(value, dict):
        return {str(name): _plain(item, reveal) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, reveal) for item in value]
    return value if reveal or not isinstance(value, str) else _USER_INFO.sub(f"//{MASK}@", value)
