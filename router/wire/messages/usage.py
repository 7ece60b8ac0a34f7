"""Token counts, both ways (`wire.md` 8.2). Anthropic's ``input_tokens`` leaves the caches out, ours is everything."""

from __future__ import annotations

from typing import Any

from router.wire import charges
from router.wire.conversation import JsonObject
from router.wire.events import Usage


def merged(known: JsonObject, new: Any) -> JsonObject:
    """Figures so far with those of a later event: cumulative, the last one wins, null and absent change nothing."""
    if not isinstance(new, dict):
        return known
    return known | {key: value for key, value in new.items() if value is not None}


def read_usage(usage: JsonObject) -> Usage:
    read = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    split = split if isinstance(split, dict) else {}
    long = min(_count(split, "ephemeral_1h_input_tokens"), written)
    details = usage.get("output_tokens_details")
    return Usage(
        input=_count(usage, "input_tokens") + read + written,
        output=_count(usage, "output_tokens"),
        cache_read=read,
        cache_write_5m=written - long,
        cache_write_1h=long,
        reasoning=_count(details, "thinking_tokens") if isinstance(details, dict) else 0,
        charges=charges.some(
            tier=charges.tier(usage.get("service_tier")) or charges.tier(usage.get("speed")),
            items=charges.tools(usage.get("server_tool_use"), "_requests"),
        ),
    )


def _count(usage: JsonObject, key: str) -> int:
    value = usage.get(key)
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def write_usage(usage: Usage) -> JsonObject:
    """The counts that clients read at the end of an answer."""
    written: JsonObject = {
        "input_tokens": usage.fresh_input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return written


def write_full_usage(usage: Usage) -> JsonObject:
    """The whole object as ``message_start`` and an unstreamed message have it: clients demand fields of it."""
    split = {"ephemeral_5m_input_tokens": usage.cache_write_5m, "ephemeral_1h_input_tokens": usage.cache_write_1h}
    counts = write_usage(usage)
    return {
        "input_tokens": counts.pop("input_tokens"),
        "cache_creation_input_tokens": counts.pop("cache_creation_input_tokens"),
        "cache_read_input_tokens": counts.pop("cache_read_input_tokens"),
        "cache_creation": split,
        **counts,
        "service_tier": "standard",
    }
