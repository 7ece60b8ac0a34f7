"""Token counts of Responses (`wire.md` 8.2): `input_tokens` includes caches, `output_tokens` includes reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.wire import charges
from router.wire.charges import Item
from router.wire.conversation import JsonObject
from router.wire.events import Usage


def read_usage(usage: Any, tier: Any = None, items: Sequence[JsonObject] = ()) -> Usage | None:
    """None where there is no usage object; missing or odd counts are 0. tier: `service_tier` of the response. items:
    those of its output that may be paid for each."""
    if not isinstance(usage, dict):
        return None
    inputs, outputs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return Usage(
        input=_count(usage, "input_tokens"),
        output=_count(usage, "output_tokens"),
        cache_read=_count(inputs, "cached_tokens"),
        cache_write_5m=_count(inputs, "cache_write_tokens"),
        reasoning=_count(outputs, "reasoning_tokens"),
        charges=charges.some(
            tier=charges.tier(tier),
            items=_hosted(items) if items else (),
            audio_input=_count(inputs, "audio_tokens"),
            audio_output=_count(outputs, "audio_tokens"),
        ),
    )


def _hosted(items: Sequence[JsonObject]) -> tuple[Item, ...]:
    """Calls of the provider's own tools. Of web searches only the searches count, not the pages that are opened; a
    container of the interpreter counts once, however often it is used."""
    found: list[Item] = []
    containers: set[Any] = set()
    for item in items:
        kind, action = item.get("type"), item.get("action")
        if kind == "web_search_call":
            what = action.get("type") if isinstance(action, dict) else None
            if what in (None, "search"):
                found.append(Item("web_search", 1))
        elif kind == "file_search_call":
            found.append(Item("file_search", 1))
        elif kind == "code_interpreter_call":
            container = item.get("container_id")
            if not isinstance(container, str) or container not in containers:
                containers.add(container if isinstance(container, str) else "")
                found.append(Item("code_interpreter", 1))
        elif kind == "image_generation_call" and item.get("result"):
            found.append(charges.pictures(1, item.get("size"), item.get("quality"), "image_generation"))
    return charges.counted(found)


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
