"""Content blocks of a request to neutral parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import structs

from router.wire import opaque
from router.wire.codec import dumps_text
from router.wire.conversation import (
    Document,
    Extra,
    Image,
    JsonObject,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from router.wire.messages import typed
from router.wire.messages.foreign import foreign
from router.wire.messages.sources import read_source


def read_content(content: Any, path: str) -> tuple[Part, ...]:
    """``content`` of a message: a string or blocks."""
    if isinstance(content, str):
        return (Text(text=content),)
    if not isinstance(content, list):
        raise typed.wrong(path, "Input should be a valid string or a list of blocks")
    return _with_call_signatures([read_block(block, where) for block, where in typed.items(content, path)])


def read_block(block: JsonObject, path: str) -> Part:
    """One block. What the neutral form has no word for is kept whole."""
    kind = typed.text(typed.need(block, "type", path), f"{path}.type")
    reader = _READERS.get(kind)
    return reader(block, path) if reader is not None else foreign(block, path)


def extra(block: JsonObject, *known: str) -> Extra:
    left = typed.rest(block, "type", *known)
    return {"messages": left} if left else {}


def _text(block: JsonObject, path: str) -> Part:
    text = typed.text(typed.need(block, "text", path), f"{path}.text")
    kept = extra(block, "text")
    citations = block.get("citations")
    if isinstance(citations, list):  # ours carry no index that Anthropic would know again
        kept["messages"]["citations"] = [
            c for c in citations if not isinstance(c, dict) or c.get("encrypted_index") != ""
        ]
        if not kept["messages"]["citations"]:
            kept = extra(block, "text", "citations")
    return Text(text=text, extra=kept)


def _image(block: JsonObject, path: str) -> Part:
    return Image(source=read_source(block, path), extra=extra(block, "source"))


def _document(block: JsonObject, path: str) -> Part:
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") == "content":
        return _content_document(block, source, path)
    title, context = block.get("title"), block.get("context")
    return Document(
        source=read_source(block, path),
        title=typed.text(title, f"{path}.title") if title is not None else None,
        context=typed.text(context, f"{path}.context") if context is not None else None,
        extra=extra(block, "source", "title", "context"),
    )


def _content_document(block: JsonObject, source: JsonObject, path: str) -> Part:
    """A document given as blocks: readable elsewhere only if they are all text."""
    where = f"{path}.source.content"
    parts = read_content(typed.need(source, "content", f"{path}.source"), where)
    texts = [part.text for part in parts if isinstance(part, Text)]
    head = [value for value in (block.get("title"), block.get("context")) if isinstance(value, str)]
    readable = "\n".join([*head, *texts]) if len(texts) == len(parts) else None
    return structs.replace(foreign(block, path), text=readable)


def _tool_use(block: JsonObject, path: str) -> Part:
    arguments = block.get("input")
    return ToolCall(
        call_id=typed.text(typed.need(block, "id", path), f"{path}.id"),
        name=typed.text(typed.need(block, "name", path), f"{path}.name"),
        arguments=dumps_text(typed.obj(arguments, f"{path}.input") if arguments is not None else {}),
        extra=extra(block, "id", "name", "input"),
    )


def _tool_result(block: JsonObject, path: str) -> Part:
    content = block.get("content")
    is_error = block.get("is_error")
    return ToolResult(
        call_id=typed.text(typed.need(block, "tool_use_id", path), f"{path}.tool_use_id"),
        content=() if content is None else read_content(content, f"{path}.content"),
        is_error=typed.boolean(is_error, f"{path}.is_error") if is_error is not None else None,
        extra=extra(block, "tool_use_id", "content", "is_error"),
    )


def _thinking(block: JsonObject, path: str) -> Part:
    text = typed.text(typed.need(block, "thinking", path), f"{path}.thinking")
    signature = block.get("signature")
    return Thinking(
        text=text,
        opaque=_signature(typed.text(signature, f"{path}.signature")) if signature is not None else None,
        extra=extra(block, "thinking", "signature"),
    )


def _redacted(block: JsonObject, path: str) -> Part:
    data = typed.text(typed.need(block, "data", path), f"{path}.data")
    return Thinking(text="", opaque=_signature(data), redacted=True, extra=extra(block, "data"))


def _signature(value: str) -> Opaque | None:
    """None for an empty one and for our own mark of thinking that has none."""
    found = opaque.unwrap(value, "messages") if value else None
    return found if found is not None and found.data else None


def _with_call_signatures(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Give a Gemini call back the thought signature that we sent in an empty thinking block before it."""
    result: list[Part] = []
    carried: dict[str, Opaque] = {}
    for part in parts:
        if isinstance(part, Thinking) and part.opaque and part.opaque.dialect == "gemini" and part.opaque.id:
            carried[part.opaque.id] = structs.replace(part.opaque, id=None)
            if part.text == "":
                continue
        elif isinstance(part, ToolCall) and part.call_id in carried:
            part = structs.replace(part, opaque=carried[part.call_id])
        result.append(part)
    return tuple(result)


_READERS: Mapping[str, Callable[[JsonObject, str], Part]] = MappingProxyType(
    {
        "text": _text,
        "image": _image,
        "document": _document,
        "tool_use": _tool_use,
        "tool_result": _tool_result,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
    }
)
