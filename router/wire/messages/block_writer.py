"""Neutral parts to content blocks of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.faults import bad_request
from router.wire import names, opaque
from router.wire.capabilities import Capabilities
from router.wire.codec import Malformed, loads
from router.wire.conversation import (
    Audio,
    Document,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
    Video,
)
from router.wire.messages.sources import write_source
from router.wire.messages.tool_names import ToolNames
from router.wire.notes import Notes


def arguments_object(text: str) -> JsonObject:
    """A call's arguments as the object that ``input`` must be (`wire.md` 3.4): nothing is refused, nothing lost."""
    if not text.strip():
        return {}
    try:
        value = loads(text)
    except Malformed:
        return {"_raw": text}
    return value if isinstance(value, dict) else {"value": value}


class BlockWriter:
    """Writes the parts of one request. `names` maps tools, `capabilities` says what the target takes."""

    def __init__(self, names: ToolNames, capabilities: Capabilities, notes: Notes) -> None:
        self._names = names
        self._capabilities = capabilities
        self._notes = notes
        self._writers: Mapping[type, Callable[[Any, str], Iterable[JsonObject]]] = {
            Text: self._text,
            Refusal: self._text,
            Image: self._image,
            Document: self._document,
            Audio: self._sound,
            Video: self._sound,
            ToolCall: self._call,
            ToolResult: self._result,
            Thinking: self._thinking,
            Foreign: self._foreign,
        }

    def blocks(self, parts: Iterable[Part], where: str) -> list[JsonObject]:
        """Blocks of a message. Raises `Fault` bad_request naming `where` for what the target cannot be told."""
        return [
            block for i, part in enumerate(parts) for block in self._writers[type(part)](part, f"{where}.content[{i}]")
        ]

    def _text(self, part: Text | Refusal, where: str) -> Iterable[JsonObject]:
        if part.text.strip():  # Anthropic: "text content blocks must contain non-whitespace text"
            yield _with_extra({"type": "text", "text": part.text}, part)

    def _image(self, part: Image, where: str) -> Iterable[JsonObject]:
        able = self._capabilities
        if not able.images:
            raise bad_request(f"{where}: this model takes no images. Choose another model or leave it out.", where)
        if isinstance(part.source, Url) and not able.image_urls:
            raise bad_request(f"{where}: this model takes no image URLs. Send the image itself as base64.", where)
        if isinstance(part.source, Inline) and part.source.media_type not in able.image_types:
            raise bad_request(
                f"{where}: this model takes no {part.source.media_type}. Send one of {', '.join(able.image_types)}.",
                where,
            )
        yield _with_extra({"type": "image", "source": write_source(part.source, where)}, part)

    def _document(self, part: Document, where: str) -> Iterable[JsonObject]:
        source = part.source
        plain = isinstance(source, Inline) and source.media_type.startswith("text/")
        if not self._capabilities.documents and not plain:
            raise bad_request(f"{where}: this model takes no documents. Send the text instead.", where)
        if isinstance(source, Url) and not self._capabilities.document_urls:
            raise bad_request(f"{where}: this model takes no document URLs. Send the document as base64.", where)
        if isinstance(source, Inline) and not plain and source.media_type != "application/pdf":
            raise bad_request(f"{where}: Anthropic takes PDF and text documents, not {source.media_type}.", where)
        block: JsonObject = {"type": "document", "source": write_source(source, where)}
        title = part.title if part.title is not None else part.filename
        if title:
            block["title"] = title
        if part.context is not None:
            block["context"] = part.context
        yield _with_extra(block, part)

    def _sound(self, part: Audio | Video, where: str) -> Iterable[JsonObject]:
        kind = "audio" if isinstance(part, Audio) else "video"
        raise bad_request(
            f"{where}: Anthropic models take no {kind}. Choose another model or send a transcript.", where
        )

    def _call(self, part: ToolCall, where: str) -> Iterable[JsonObject]:
        given = {"input": part.arguments} if part.custom else arguments_object(part.arguments)
        block: JsonObject = {
            "type": "tool_use",
            "id": names.call_id(part.call_id, "messages"),
            "name": self._names.upstream(part.namespace, part.name),
            "input": given,
        }
        yield _with_extra(block, part)

    def _result(self, part: ToolResult, where: str) -> Iterable[JsonObject]:
        block: JsonObject = {"type": "tool_result", "tool_use_id": names.call_id(part.call_id, "messages")}
        content = self.blocks(part.content, where)
        if [set(inner) for inner in content] == [{"type", "text"}]:
            block["content"] = content[0]["text"]
        else:
            block["content"] = content or ""
        if part.is_error is not None:
            block["is_error"] = part.is_error
        yield _with_extra(block, part)

    def _thinking(self, part: Thinking, where: str) -> Iterable[JsonObject]:
        if part.opaque is None or not opaque.fits(part.opaque, "messages", self._capabilities.family):
            self._notes.dropped("thinking")  # another model's: replayed as text, models imitate it
            return
        if part.redacted:
            yield _with_extra({"type": "redacted_thinking", "data": part.opaque.data}, part)
        else:
            block = {"type": "thinking", "thinking": part.text, "signature": part.opaque.data}
            yield _with_extra(block, part)

    def _foreign(self, part: Foreign, where: str) -> Iterable[JsonObject]:
        if part.dialect == "messages":
            yield part.raw
        elif part.text is not None:
            if part.text.strip():
                yield {"type": "text", "text": part.text}
        elif part.meaningful:
            at = part.where or where
            raise bad_request(
                f"{at}: an item of type {part.raw.get('type')!r} cannot be told to an Anthropic model. Leave it out.",
                at,
            )
        else:
            self._notes.dropped(str(part.raw.get("type")))


def _with_extra(block: JsonObject, part: Part) -> JsonObject:
    kept = part.extra.get("messages")
    return block | kept if kept else block
