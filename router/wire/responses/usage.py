"""Token counts of Responses (`wire.md` 8.2): `input_tokens` includes caches, `output_tokens` includes reasoning."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import JsonObject
from router.wire.events import Usage


def read_usage(usage: Any) -> Usage | None:
    """None where there is no usage object; missing or odd counts are 0."""
    if not isinstance(usage, dict):
        return None
    inputs, outputs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return Usage(
        input=_count(usage, "input_tokens"),
        output=_count(usage, "output_tokens"),
        cache_read=_count(inputs, "cached_tokens"),
        cache_write_5m=_count(inputs, "cache_write_tokens"),
        reasoning=_count(outputs, "reasoning_tokens"),
    )


def write_usage(usage: Usage) -> JsonObject:
    """All keys that the SDK types require."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _count(source: Any, key: str) -> int:
    value = source.get(key) if isinstance(source, dict) else None
    return max(0, int(value)) if isinstance(value, int | float) else 0
