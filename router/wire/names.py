"""Tool names and call ids: one deterministic function per target, applied to declarations, choices, calls and results.

Nothing is remembered between requests: the way back is rebuilt from the request's own tool list.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from router.wire.conversation import Dialect

_NOT_SAFE = re.compile(r"[^a-zA-Z0-9_-]")
_ID_NOT_SAFE = re.compile(r"[^a-zA-Z0-9_-]")
_ID_LIMITS: dict[Dialect, int] = {"chat": 40, "responses": 64, "messages": 64, "gemini": 64}
_ID_PREFIXES: dict[Dialect, str] = {"chat": "call_", "responses": "call_", "messages": "toolu_", "gemini": "call_"}


def safe_name(name: str, limit: int = 64) -> str:
    """`name` where it fits ``^[a-zA-Z_][a-zA-Z0-9_-]*$`` within `limit`, else a stable stand-in with a hash of it."""
    cleaned = _NOT_SAFE.sub("_", name)
    if not cleaned or not (cleaned[0].isalpha() or cleaned[0] == "_"):
        cleaned = "_" + cleaned
    if cleaned == name and len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{cleaned[: limit - 9]}_{digest}"


def name_map(names: Iterable[str], limit: int = 64) -> dict[str, str]:
    """Caller's name -> upstream name, for a whole tool list. Injective: names that would collide get a longer hash.

    Names that are safe already stay as they are, wherever they stand in the list.
    """
    mapped = {name: safe_name(name, limit) for name in names}
    taken = {name for name, safe in mapped.items() if safe == name}
    for name, safe in mapped.items():
        if safe == name:
            continue
        if safe in taken:
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            safe = f"{safe[: limit - 17]}_{digest}"
            mapped[name] = safe
        taken.add(safe)
    return mapped


def call_id(value: str, target: Dialect) -> str:
    """`value` where the target accepts it as a call id, else a hash of it. Never a plain cut: ids share prefixes."""
    if value and len(value) <= _ID_LIMITS[target] and not _ID_NOT_SAFE.search(value):
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
    return _ID_PREFIXES[target] + base64.b32encode(digest).decode()[:26].lower()


def made_up_call_id(response_id: str, index: int) -> str:
    """An id for a call whose upstream gave none: stable for one answer, unlike those of other answers."""
    digest = hashlib.sha256(f"{response_id}/{index}".encode("utf-8", "surrogatepass")).digest()
    return "call_" + base64.b32encode(digest).decode()[:24].lower()


DEFAULT_NAMESPACE = "functions"
"""The Responses namespace that a model's tools live in unless they say otherwise: calls leave it out."""


def qualified(namespace: str | None, name: str) -> str:
    """The flat name of a tool that was declared inside a Responses namespace, for dialects without namespaces.

    The default namespace adds nothing, because calls of its tools come back from clients without it.
    """
    return name if namespace in (None, DEFAULT_NAMESPACE) else f"{namespace}__{name}"
