"""Opaque bytes of any model in the slots that this dialect's clients send back unchanged (`wire.md` 6.3)."""

from __future__ import annotations

from msgspec import structs

from router.wire import opaque
from router.wire.conversation import Conversation, JsonObject, Opaque

_NO_SIGNATURE = Opaque("chat", "")


def signature(of: Opaque | None) -> str:
    """The ``signature`` of a thinking block: Anthropic's own bytes as they came, others' in our wrapping.

    Thinking that has no signature gets an empty wrapping: not a forged one, but a mark by which our own thinking is
    found and left out before a conversation goes (back) to Anthropic, which would refuse an empty signature.
    """
    if of is None or not of.data:
        return opaque.wrap(_NO_SIGNATURE)
    return of.data if of.dialect == "messages" else opaque.wrap(of)


def thinking_block(text: str, of: Opaque | None, redacted: bool) -> JsonObject:
    if redacted and of is not None and of.dialect == "messages":
        return {"type": "redacted_thinking", "data": of.data}
    return {"type": "thinking", "thinking": text, "signature": signature(of)}


def call_signature(of: Opaque | None, call_id: str, request: Conversation) -> JsonObject | None:
    """A Gemini call's thought signature has no slot in ``tool_use``: it travels in an empty thinking block before it.

    Only to clients that asked for thinking, and so know such blocks; the others lose it, and Gemini gets its dummy.
    """
    asked = request.reasoning
    wants = asked.adaptive or (asked.budget or 0) > 0
    if of is None or of.dialect == "messages" or not wants:
        return None
    return thinking_block("", structs.replace(of, id=call_id), False)
