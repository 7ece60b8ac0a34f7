"""Token counts of Chat, both directions (`wire.md` 8.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.wire import charges
from router.wire.charges import Charges, Item
from router.wire.conversation import JsonObject
from router.wire.events import Usage

_TOOLS = (("server_tool_use", "_requests"), ("server_side_tool_usage_details", "_calls"))
_SEARCHES = (("num_search_queries", "web_search"), ("num_sources_used", "search_source"))
_BY_THE_PIECE = frozenset(key for key, _ in (*_TOOLS, *_SEARCHES))


def _count(value: Any) -> int:
    """A count as it stands on the wire; null, absent and nonsense are 0."""
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _details(usage: JsonObject, key: str) -> JsonObject:
    found = usage.get(key)
    return found if isinstance(found, dict) else {}


def read_usage(usage: JsonObject, *, reasoning_outside: bool = False, tier: Any = None) -> Usage:
    """The counts of a `usage` object of any compatible server.

    reasoning_outside: the server counts reasoning beside `completion_tokens` (xAI). The total settles the
    question where it is given: reasoning is outside exactly if the total says so. Some servers (Google's layer)
    show reasoning in the total alone. A server that only guesses (our own, of Gemini's web page) says `estimated`.
    tier: `service_tier` of the answer, which stands beside its usage.
    """
    prompt_details = _details(usage, "prompt_tokens_details")
    completion_details = _details(usage, "completion_tokens_details")
    prompt = _count(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = _count(usage.get("completion_tokens", usage.get("output_tokens")))
    reasoning = _count(completion_details.get("reasoning_tokens"))
    total = _count(usage.get("total_tokens"))
    beyond = total - prompt - completion
    if total == 0:
        completion += reasoning if reasoning_outside else 0
    elif beyond > 0 and (reasoning in (0, beyond) or reasoning_outside):
        completion += beyond
        reasoning = reasoning or beyond
    cached = prompt_details.get("cached_tokens")
    if cached is None:
        cached = usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens"))
    return Usage(
        input=prompt,
        output=completion,
        cache_read=min(_count(cached), prompt),
        cache_write_5m=_count(prompt_details.get("cache_write_tokens")),
        reasoning=min(reasoning, completion),
        estimated=usage.get("estimated") is True,
        charges=_charges(usage, prompt_details, completion_details, tier),
    )


def _charges(usage: JsonObject, prompt: JsonObject, completion: JsonObject, tier: Any) -> Charges | None:
    """Tools are counted by Perplexity, xAI and OpenRouter, each in a place of its own."""
    if not prompt and not completion and tier is None and _BY_THE_PIECE.isdisjoint(usage):
        return None
    return charges.some(
        tier=charges.tier(tier),
        items=() if _BY_THE_PIECE.isdisjoint(usage) else charges.counted(_pieces(usage)),
        audio_input=_count(prompt.get("audio_tokens")),
        audio_output=_count(completion.get("audio_tokens")),
        image_input=_count(prompt.get("image_tokens")),
        image_output=_count(completion.get("image_tokens")),
    )


def _pieces(usage: JsonObject) -> Iterator[Item]:
    for key, suffix in _TOOLS:
        yield from charges.tools(usage.get(key), suffix)
    yield from (Item(kind, many) for key, kind in _SEARCHES if (many := charges.count(usage.get(key))))


def write_usage(usage: Usage) -> JsonObject:
    """The `usage` object of an answer."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "audio_tokens": 0,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
