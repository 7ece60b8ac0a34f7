"""Which of the optional packages are installed in this environment. Looks only; imports none of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from types import MappingProxyType

GEMINI, FREE, BROWSER = "gemini-webapi", "g4f", "browser-cookie3"
LICENCES: Mapping[str, str] = MappingProxyType({GEMINI: "AGPL-3.0", FREE: "GPL-3.0", BROWSER: "LGPL-3.0"})
HOW: Mapping[str, str] = MappingProxyType(
    {GEMINI: "make webai EXTRAS=gemini", FREE: "make webai EXTRAS=g4f", BROWSER: "make webai EXTRAS=browser"}
)
"""The command that installs one."""


def installed() -> dict[str, str | None]:
    """Version of each, None where it is not there."""
    return {name: _version(name) for name in LICENCES}


def missing(name: str) -> str:
    """What to say where one is needed and not there."""
    return f"{name} ({LICENCES[name]}) is not installed: {HOW[name]}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
