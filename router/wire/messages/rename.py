"""The model's name in an answer replaced, and nothing else touched."""

from __future__ import annotations

import msgspec

from router.wire.codec import raw_members, replace_top_level


def rename_model(data: bytes, shown: str) -> bytes:
    """`data`: the JSON of one frame or of a message. Only ``message_start`` and whole messages name their model."""
    if b'"model"' not in data:
        return data
    try:
        top = raw_members(data)
    except (msgspec.MsgspecError, UnicodeError):
        return data
    kind = bytes(top.get("type", b""))
    if kind == b'"message_start"' and "message" in top:
        message = replace_top_level(bytes(top["message"]), {"model": shown})
        return replace_top_level(data, {"message": msgspec.Raw(message)})
    if kind == b'"message"' and "model" in top:
        return replace_top_level(data, {"model": shown})
    return data
