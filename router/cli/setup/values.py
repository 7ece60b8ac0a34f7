"""Places inside a parsed document. A place is a tuple of keys; ``[name=x]`` is the item of a list whose `name` is x."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any, TypeAlias

Keys: TypeAlias = tuple[str, ...]
MISSING: Any = object()
"""What `value_at` gives where there is nothing. Not None, which is a value."""


def match_of(key: str) -> tuple[str, str] | None:
    """Field and value of ``[field=value]``; None for an ordinary key."""
    if not (key.startswith("[") and key.endswith("]") and "=" in key):
        return None
    field, _, value = key[1:-1].partition("=")
    return field, value


def value_at(document: Any, keys: Keys) -> Any:
    """The value at a place, `MISSING` where there is none."""
    for key in keys:
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and (match := match_of(key)) is not None:
            found = [item for item in document if isinstance(item, dict) and item.get(match[0]) == match[1]]
            if not found:
                return MISSING
            document = found[-1]
        else:
            return MISSING
    return document


def with_value(document: Any, keys: Keys, value: Any) -> Any:
    """A copy with `value` at a place; what is missing on the way is made."""
    if not keys:
        return value
    key, match = keys[0], match_of(keys[0])
    if match is not None and (document is None or isinstance(document, list)):
        items = copy.deepcopy(document or [])
        at = [n for n, item in enumerate(items) if isinstance(item, dict) and item.get(match[0]) == match[1]]
        if at:
            items[at[-1]] = with_value(items[at[-1]], keys[1:], value)
        else:
            items.append(with_value(None, keys[1:], value))
        return items
    made = dict(copy.deepcopy(document)) if isinstance(document, dict) else {}
    made[key] = with_value(made.get(key), keys[1:], value)
    return made


def known_depth(document: Any, keys: Keys) -> int:
    """How many keys of a place exist already."""
    return next((depth for depth in range(len(keys)) if value_at(document, keys[: depth + 1]) is MISSING), len(keys))


def digest(value: Any) -> str:
    """Tells values apart without showing them."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def dotted(keys: Keys) -> str:
    """A place for a person."""
    return ".".join(keys).replace(".[", "[") or "(the start of the file)"
