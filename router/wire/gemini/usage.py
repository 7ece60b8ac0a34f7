"""``usageMetadata``, both ways. Thoughts are beside the candidates on the wire and inside `Usage.output` here."""

from __future__ import annotations

from router.wire import charges
from router.wire.charges import Item
from router.wire.conversation import Json, JsonObject
from router.wire.events import Usage


def read(value: Json, items: tuple[Item, ...] = ()) -> Usage | None:
    """None where it holds no counts, as on the frames of Vertex that only name the traffic type. items: what else is
    paid for, see `searches`."""
    if not isinstance(value, dict):
        return None
    prompt, candidates = _count(value, "promptTokenCount"), _count(value, "candidatesTokenCount")
    thoughts, tools = _count(value, "thoughtsTokenCount"), _count(value, "toolUsePromptTokenCount")
    if prompt is None and candidates is None and thoughts is None:
        return None
    audio_input, image_input = _not_text(value.get("promptTokensDetails"))
    audio_output, image_output = _not_text(value.get("candidatesTokensDetails"))
    return Usage(
        input=(prompt or 0) + (tools or 0),
        output=(candidates or 0) + (thoughts or 0),
        cache_read=_count(value, "cachedContentTokenCount") or 0,
        reasoning=thoughts or 0,
        charges=charges.some(
            tier=charges.tier(value.get("serviceTier")) or charges.tier(value.get("trafficType")),
            items=items,
            audio_input=audio_input,
            audio_output=audio_output,
            image_input=image_input,
            image_output=image_output,
        ),
    )


def searches(candidate: JsonObject) -> dict[str, int]:
    """What grounding is charged for: the prompt as a whole by some models, each query by others."""
    metadata = candidate.get("groundingMetadata")
    if not isinstance(metadata, dict):
        return {}
    found: dict[str, int] = {}
    queries = metadata.get("webSearchQueries")
    if isinstance(queries, list) and queries:
        found |= {"grounded_prompt": 1, "web_search": len(queries)}
    chunks = metadata.get("groundingChunks")
    if isinstance(chunks, list) and any(isinstance(chunk, dict) and "maps" in chunk for chunk in chunks):
        found["maps_grounding"] = 1
    return found


def _not_text(details: Json) -> tuple[int, int]:
    """Tokens of audio and of pictures. Asked for every piece of a stream."""
    audio = pictures = 0
    for each in details if isinstance(details, list) else ():
        modality = each.get("modality") if isinstance(each, dict) else None
        if modality == "AUDIO":
            audio += max(0, _count(each, "tokenCount") or 0)
        elif modality == "IMAGE":
            pictures += max(0, _count(each, "tokenCount") or 0)
    return audio, pictures


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
