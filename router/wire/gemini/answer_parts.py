"""The parts of an answer as Gemini clients get them, shared by the streamed and the unstreamed writer."""

from __future__ import annotations

from router.wire import names
from router.wire.conversation import (
    Audio,
    FileId,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Opaque,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    Video,
)
from router.wire.gemini import signatures
from router.wire.gemini.part_writer import arguments


def text_part(text: str, opaque: Opaque | None = None) -> JsonObject:
    out: JsonObject = {"text": text}
    if opaque is not None:
        out["thoughtSignature"] = signatures.shown(opaque)
    return out


def thought_part(text: str, opaque: Opaque | None = None, *, redacted: bool = False) -> JsonObject:
    out: JsonObject = {"text": text, "thought": True}
    if opaque is not None:
        out["thoughtSignature"] = signatures.shown(opaque, redacted=redacted)
    return out


def call_part(call: ToolCall) -> JsonObject:
    """A whole call: ``args`` is always there, because clients index into it."""
    args = {"input": call.arguments} if call.custom else arguments(call.arguments)
    name = names.qualified(call.namespace, call.name)
    out: JsonObject = {"functionCall": {"id": call.call_id, "name": name, "args": args}}
    if call.opaque is not None:
        out["thoughtSignature"] = signatures.shown(call.opaque)
    return out


def media_part(source: Source) -> JsonObject:
    if isinstance(source, Inline):
        return {"inlineData": {"mimeType": source.media_type, "data": source.data}}
    uri = source.id if isinstance(source, FileId) else source.url
    return {"fileData": {"fileUri": uri, **({"mimeType": source.media_type} if source.media_type else {})}}


def answer_part(part: Part) -> JsonObject | None:
    """One part of a finished answer; None for what this dialect has no part for."""
    if isinstance(part, Text):
        return text_part(part.text, part.opaque)
    if isinstance(part, Refusal):
        return text_part(part.text)
    if isinstance(part, Thinking):
        return thought_part(part.text, part.opaque, redacted=part.redacted)
    if isinstance(part, ToolCall):
        return call_part(part)
    if isinstance(part, Image | Audio | Video):
        return media_part(part.source)
    return part.raw if isinstance(part, Foreign) and part.dialect == "gemini" else None
