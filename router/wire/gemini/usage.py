"""``usageMetadata``, both ways. Thoughts are beside the candidates on the wire and inside `Usage.output` here."""

from __future__ import annotations

from router.wire.conversation import Json, JsonObject
from router.wire.events import Usage


def read(value: Json) -> Usage | None:
    """None where it holds no counts, as on the frames of Vertex that only name the traffic type."""
    if not isinstance(value, dict):
        return None
    prompt, candidates = _count(value, "promptTokenCount"), _count(value, "candidatesTokenCount")
    thoughts, tools = _count(value, "thoughtsTokenCount"), _count(value, "toolUsePromptTokenCount")
    if prompt is None and candidates is None and thoughts is None:
        return None
    return Usage(
        input=(prompt or 0) + (tools or 0),
        output=(candidates or 0) + (thoughts or 0),
        cache_read=_count(value, "cachedContentTokenCount") or 0,
        reasoning=thoughts or 0,
    )


def write(usage: Usage) -> JsonObject:
    """The counts that SDKs read; those that are zero by nature are left out, as Google does."""
    out: JsonObject = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": max(0, usage.output - usage.reasoning),
        "totalTokenCount": usage.total,
    }
    if usage.cache_read > 0:
        out["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning > 0:
        out["thoughtsTokenCount"] = usage.reasoning
    return out


def _count(value: JsonObject, key: str) -> int | None:
    found = value.get(key)
    if isinstance(found, str) and found.isdecimal() and len(found) <= 19:
        return int(found)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
