"""Signatures in the one slot that Chat has for them: ``extra_content.google.thought_signature``.

Google's own compatibility layer puts Gemini signatures there, bare, and most SDKs keep unknown keys of tool calls. The
signature of another dialect's thinking travels there too, wrapped (`router.wire.opaque`), on the first call behind the
thinking; coming back it is taken off the call and put on the thinking again. An Anthropic signature only fits the very
text that it signed, so a digest of that text travels along; where the client lost the text, the signature is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from router.wire import opaque as opaques
from router.wire.conversation import JsonObject, Opaque, Part, Text, Thinking, ToolCall

_REDACTED = "redacted"


def slot(data: str) -> JsonObject:
    """The value of `extra_content`."""
    return {"google": {"thought_signature": data}}


def shown(opaque: Opaque) -> JsonObject:
    """`extra_content` for a client: Gemini's bytes bare, all others with our prefix."""
    return slot(opaque.data if opaque.dialect == "gemini" else opaques.wrap(opaque))


def carried(opaque: Opaque, text: str, *, redacted: bool) -> Opaque:
    """The opaque bytes of a thinking part, ready to travel on the call behind it."""
    if opaque.dialect != "messages":
        return opaque
    return msgspec.structs.replace(opaque, id=_REDACTED if redacted else _digest(text))


def taken(others: JsonObject) -> tuple[Opaque | None, JsonObject]:
    """The signature among the keys of a wire object, and those keys without it."""
    found = others.get("extra_content")
    content: JsonObject = found if isinstance(found, dict) else {}
    google: Any = content.get("google")
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    if not isinstance(signature, str) or not signature:
        return None, others
    remaining = {key: value for key, value in others.items() if key != "extra_content"}
    inner = {key: value for key, value in google.items() if key != "thought_signature"}
    outer = {**content, "google": inner} if inner else {k: v for k, v in content.items() if k != "google"}
    if outer:
        remaining["extra_content"] = outer
    return opaques.unwrap(signature, "gemini"), remaining


def placed(
    parts: Sequence[Part], calls: Sequence[ToolCall], others: JsonObject
) -> tuple[list[Part], JsonObject]:  # fmt: skip
    """All parts of an assistant message with every signature where the neutral form has it, and the remaining keys."""
    message_level, others = taken(others)
    found = list(parts)
    settled = [_settled(found, call) for call in calls]
    if message_level is not None and message_level.dialect == "gemini":
        if settled and settled[0].opaque is None:
            settled[0] = msgspec.structs.replace(settled[0], opaque=message_level)
        elif not settled and found and isinstance(found[-1], Text):
            found[-1] = msgspec.structs.replace(found[-1], opaque=message_level)
    return [*found, *settled], others


def _settled(parts: list[Part], call: ToolCall) -> ToolCall:
    """`call` without a foreign signature, which goes to the thinking part in `parts` if it belongs to it."""
    opaque = call.opaque
    if opaque is None or opaque.dialect == "gemini":
        return call
    index, thought = next(
        ((i, part) for i, part in enumerate(parts) if isinstance(part, Thinking)), (None, Thinking(""))
    )
    if opaque.dialect == "messages":
        marker, opaque = opaque.id, msgspec.structs.replace(opaque, id=None)
        if marker == _REDACTED:
            parts.insert(0, Thinking("", opaque=opaque, redacted=True))
        if marker == _REDACTED or marker != _digest(thought.text):
            return msgspec.structs.replace(call, opaque=None)
    signed = msgspec.structs.replace(thought, opaque=opaque)
    if index is None:
        parts.insert(0, signed)
    else:
        parts[index] = signed
    return msgspec.structs.replace(call, opaque=None)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
