"""Values of other programs' files as ours: keys, references to variables, addresses, spans of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from router.net.proxies import proxy_problem
from router.secret import Secret
from router.settings.block import address_problem

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}
_VARIABLE = r"[A-Za-z_]\w*"


def reference(name: str) -> str:
    """A variable as our settings name it."""
    return f"${{{name}}}"


def variable_of(value: Any, marks: str) -> str | None:
    """The reference of ours for one of the other program's; None where it is none. marks: how that names variables, as
    a regular expression whose groups are the name."""
    found = re.fullmatch(marks, value.strip()) if isinstance(value, str) and marks else None
    name = next((group for group in found.groups() if group), None) if found is not None else None
    return reference(name) if name else None


def key_of(value: Any, *, marks: str = "") -> Secret | str | None:
    """A key as our settings have it, None where there is none. marks: as for `variable_of`."""
    if not isinstance(value, str) or not value.strip():
        return None
    return variable_of(value, marks) or Secret(value.strip())


LITELLM = rf"os\.environ/({_VARIABLE})"
DOLLAR = rf"\$\{{({_VARIABLE})\}}|\$({_VARIABLE})"


def seconds(value: Any) -> float | None:
    """A span as Go writes it (`1h`, `30s`), or a number of seconds; None where it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1]) * _SECONDS[found[2]] if found is not None else None


def proxy_of(value: Any) -> str | None:
    """A proxy that ours can use: over HTTP or SOCKS5; None for others."""
    if not isinstance(value, str):
        return None
    return value if proxy_problem(value.strip()) is None else None


def address_of(value: Any) -> str | None:
    """A base address without the path of the call and a slash at its end; None where it cannot be one."""
    if not isinstance(value, str) or not value.strip():
        return None
    plain = value.strip().rstrip("/")
    for ending in ("/chat/completions", "/completions", "/responses", "/v1/messages", "/v1beta/models", "/models"):
        plain = plain.removesuffix(ending)
    plain = plain.rstrip("/")
    return plain if address_problem(plain) is None else None


def place_of(address: str) -> tuple[str, str]:
    """Host with port, and path: what makes two addresses the same."""
    parts = urlsplit(address)
    host = (parts.netloc or "").lower().replace("localhost", "127.0.0.1")
    return host, parts.path.rstrip("/")


def slug(name: str, fallback: str) -> str:
    """A name as our settings allow it."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:50]
    return plain or fallback


def texts(value: Any) -> list[str]:
    """The texts of a list, or one text as a list."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]


def mappings(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Index and entry of a list's mappings; whatever else is in it is left for the rest."""
    return [(at, item) for at, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """A whole number, None for others."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
