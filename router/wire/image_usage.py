"""What an answer with pictures has used: the pictures themselves, and the tokens of the providers that count them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from router.wire import charges
from router.wire.charges import NOTHING
from router.wire.conversation import JsonObject
from router.wire.events import Usage
from router.wire.gemini import usage as gemini
from router.wire.images import ImageRequest


def picture_usage(body: JsonObject, request: ImageRequest, made: int) -> Usage:
    """Of one upstream answer of any provider. Size and quality are what the answer says, else what was asked for."""
    asked = None if request.size is None else f"{request.size[0]}x{request.size[1]}"
    item = charges.pictures(made, body.get("size") or asked, body.get("quality") or request.settings.get("quality"))
    counted = gemini.read(body.get("usageMetadata")) or _openai(body.get("usage"))
    tier = charges.tier(body.get("service_tier"))
    known = counted.charges or NOTHING
    return replace(counted, charges=replace(known, items=(item, *known.items), tier=tier or known.tier))


def _openai(usage: Any) -> Usage:
    """Everything that comes out is a picture, unless details say otherwise. Without counts nothing is made up."""
    if not isinstance(usage, dict):
        return Usage()
    given, made = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    details, written = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    drawn = min(made, _count(written, "image_tokens")) if isinstance(written, dict) else made
    return Usage(
        input=given,
        output=made,
        cache_read=min(given, _count(details, "cached_tokens")),
        charges=charges.some("", (), image_input=_count(details, "image_tokens"), image_output=drawn),
    )


def _count(usage: Any, key: str) -> int:
    value = usage.get(key) if isinstance(usage, dict) else None
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0
