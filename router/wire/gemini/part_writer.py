"""Neutral parts as Gemini parts."""

from __future__ import annotations

from router.faults import bad_request
from router.wire import names
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
    Video,
)
from router.wire.gemini import media_parts, signatures
from router.wire.gemini.fields import own
from router.wire.gemini.tools_writer import ToolNames
from router.wire.notes import Notes

_MEDIA = (Image, Document, Audio, Video)


class PartWriter:
    """Writes the parts of one request; knows the calls it has written, whose names their results repeat."""

    def __init__(self, upstream: ToolNames, capabilities: Capabilities, notes: Notes, *, native: bool) -> None:
        self._upstream = upstream
        self._capabilities = capabilities
        self._notes = notes
        self._native = native
        self._called: dict[str, str] = {}

    def parts(self, part: Part, where: str) -> list[JsonObject]:
        """The wire parts of one neutral part: none where it is left out, several for results with pictures.

        Raises `Fault` bad_request for what Gemini cannot be told."""
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, ToolCall):
            return [self._call(part)]
        if isinstance(part, ToolResult):
            return self._result(part, where)
        if isinstance(part, Thinking):
            return self._thinking(part)
        if isinstance(part, Refusal):
            return [{"text": part.text}] if part.text else []
        if isinstance(part, Foreign):
            return self._foreign(part, where)
        if isinstance(part, _MEDIA):
            return [*self._label(part), media_parts.write(part, self._capabilities, self._notes, where)]
        raise bad_request(f"{where}: Gemini has no part for {type(part).__name__.lower()}.", where)

    def ordered(self, parts: tuple[Part, ...]) -> list[Part]:
        """Results in the order of their calls, before anything else: Gemini matches them by order where ids lack."""
        order = {call_id: index for index, call_id in enumerate(self._called)}
        return sorted(
            parts, key=lambda each: order.get(each.call_id, -1) if isinstance(each, ToolResult) else len(order)
        )

    def _text(self, part: Text) -> list[JsonObject]:
        signature = signatures.sent(part.opaque, self._capabilities.family)
        out: JsonObject = {"text": part.text, **own(part.extra)}
        if signature is not None:
            out["thoughtSignature"] = signature
        return [out] if part.text or signature is not None or self._native else []

    def _thinking(self, part: Thinking) -> list[JsonObject]:
        signature = signatures.sent(part.opaque, self._capabilities.family)
        if signature is not None:
            return [{"text": part.text, "thought": True, "thoughtSignature": signature, **own(part.extra)}]
        if self._native and part.opaque is None:
            return [{"text": part.text, "thought": True, **own(part.extra)}]
        self._notes.dropped("thinking")
        return []

    def _call(self, part: ToolCall) -> JsonObject:
        others = dict(own(part.extra))
        name = self._upstream.upstream(part.name, part.namespace)
        self._called[part.call_id] = name
        call: JsonObject = {}
        if not others.pop("noId", False):
            call["id"] = names.call_id(part.call_id, "gemini")
        call["name"] = name
        call["args"] = {"input": part.arguments} if part.custom else arguments(part.arguments)
        call.update(others.pop("functionCall", {}))
        out: JsonObject = {"functionCall": call, **others}
        signature = signatures.sent(part.opaque, self._capabilities.family)
        if signature is not None:
            out["thoughtSignature"] = signature
        return out

    def _result(self, part: ToolResult, where: str) -> list[JsonObject]:
        side = dict(own(part.extra))
        name = self._called.get(part.call_id) or (self._upstream.upstream(part.name) if part.name else "unknown_tool")
        answer: JsonObject = {}
        if not side.pop("noId", False):
            answer["id"] = names.call_id(part.call_id, "gemini")
        answer["name"] = name
        original = side.pop("response", None)
        texts = [each.text for each in part.content if isinstance(each, Text | Refusal)]
        texts += [each.text for each in part.content if isinstance(each, Foreign) and each.text is not None]
        answer["response"] = original if isinstance(original, dict) else response("\n".join(texts), part.is_error)
        answer.update(side.pop("functionResponse", {}))
        inside, behind = self._media_of(part, where)
        if inside:
            answer["parts"] = inside
        return [{"functionResponse": answer, **side}, *behind]

    def _media_of(self, part: ToolResult, where: str) -> tuple[list[JsonObject], list[JsonObject]]:
        """The media of a result: inside it where the model takes them there, else behind it with a label."""
        inside: list[JsonObject] = []
        behind: list[JsonObject] = []
        for index, each in enumerate(part.content):
            place = f"{where}.content[{index}]"
            if isinstance(each, Foreign) and each.text is None and each.meaningful:
                told = each.where or place
                raise bad_request(f"{told}: Gemini cannot be told this part of a tool result.", told)
            if not isinstance(each, _MEDIA):
                continue
            written = media_parts.write(each, self._capabilities, self._notes, place)
            source = each.source
            fits = isinstance(source, Inline) and source.media_type in media_parts.IN_RESULTS
            if self._native or (self._capabilities.images_in_results and fits):
                inside.append(written)
            else:
                self._notes.emulated("tool_result.media")
                behind += [{"text": f"(from the result of tool call {part.call_id}:)"}, written]
        return inside, behind

    def _foreign(self, part: Foreign, where: str) -> list[JsonObject]:
        if part.dialect == "gemini":
            return [part.raw]
        if part.text is not None:
            return [{"text": part.text}] if part.text else []
        if part.meaningful:
            place = part.where or where
            kind = part.raw.get("type", "part")
            raise bad_request(f"{place}: Gemini has no counterpart of {kind!r}; leave it out.", place)
        self._notes.dropped(str(part.raw.get("type", "part")))
        return []

    def _label(self, part: Part) -> list[JsonObject]:
        """A document's title and context, which Gemini can only be told as text in front of it."""
        if not isinstance(part, Document) or (part.title is None and part.context is None):
            return []
        self._notes.emulated("document.context")
        return [{"text": "\n".join(each for each in (part.title, part.context) if each is not None)}]


def arguments(text: str) -> JsonObject:
    """A call's arguments as the object that Gemini wants, whatever the model wrote (`wire.md` 3.4)."""
    if text.strip() == "":
        return {}
    try:
        value = loads(text)
    except Malformed:
        return {"_raw": text}
    return value if isinstance(value, dict) else {"value": value}


def response(text: str, is_error: bool | None) -> JsonObject:
    """A result's text as the object that Gemini wants."""
    if is_error:
        return {"error": text}
    try:
        value = loads(text) if text.lstrip().startswith("{") else None
    except Malformed:
        value = None
    return value if isinstance(value, dict) else {"output": text}
