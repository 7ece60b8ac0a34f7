"""Which known names a misspelt one may have meant. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Known names that look like `name`, the likeliest first; those without their prefix count too."""
    lower = name.lower()
    candidates = list(dict.fromkeys(known))
    by_lower: dict[str, str] = {}
    for candidate in candidates:
        by_lower.setdefault(candidate.lower(), candidate)
        by_lower.setdefault(candidate.lower().rpartition("/")[2], candidate)
    found = [by_lower[match] for match in difflib.get_close_matches(lower, by_lower, n=limit * 2, cutoff=0.6)]
    found += [candidate for candidate in candidates if lower and candidate.lower().startswith(lower)]
    return tuple(dict.fromkeys(found))[:limit]


def did_you_mean(names: Iterable[str]) -> str:
    """`` Did you mean a, b or c?`` with its leading space; empty where there is nothing to suggest."""
    quoted = [f"'{name}'" for name in names]
    if not quoted:
        return ""
    text = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return f" Did you mean {text}?"
