"""One of the answers of a Chat stream: events to deltas. Knows nothing of frames."""

from __future__ import annotations

from router.wire import media as medias
from router.wire.chat import signatures
from router.wire.chat.finish import WRITE
from router.wire.codec import Malformed, loads
from router.wire.conversation import Inline, JsonObject, Opaque, Url
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Cited,
    Finished,
    MediaProduced,
    RefusalDelta,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolStarted,
)

THINK_OPEN, THINK_CLOSE = "<think>\n", "\n</think>\n\n"


class ChoiceWriter:
    """State of one answer.

    plain: a text delta needs nothing but its chunk. length: characters of content so far, for citation offsets.
    finish: the finish reason once it is written.
    """

    def __init__(self, index: int, context: ReplyContext) -> None:
        self.index = index
        self.plain = True
        self.length = 0
        self.finish: str | None = None
        self._output = context.thinking_output
        self._legacy = any(tool.extra.get("chat", {}).get("legacy") for tool in context.request.tools)
        self._calls: dict[str, tuple[int, bool]] = {}  # call id -> (index, custom)
        self._tag_open = False
        self._part_start = 0
        self._annotations: list[JsonObject] = []
        self._images = 0
        self._refused = False
        self._thought: list[str] = []
        self._carried: list[Opaque] = []

    def text(self, event: TextDelta) -> list[JsonObject]:
        deltas = self._close_tag()
        if event.text or event.logprobs is not None:
            self.length += len(event.text)
            deltas.append({"content": event.text})
        return deltas

    def text_ended(self, event: TextEnded) -> list[JsonObject]:
        self._part_start = self.length
        return [{"extra_content": signatures.shown(event.opaque)}] if event.opaque is not None else []

    def cited(self, event: Cited) -> list[JsonObject]:
        """Held until the finish: the SDKs' stream helpers take only one delta with a list without indices."""
        start, end = event.start, event.end
        offsets = (
            (self._part_start, self.length)
            if start is None or end is None
            else (self._part_start + start, self._part_start + end)
        )
        citation = {"start_index": offsets[0], "end_index": offsets[1], "url": event.url, "title": event.title}
        self._annotations.append({"type": "url_citation", "url_citation": citation})
        return []

    def thinking(self, event: ThinkingDelta) -> list[JsonObject]:
        self._thought.append(event.text)
        if self._output == "reasoning_content":
            return [{"reasoning_content": event.text}] if event.text else []
        if self._output != "tags" or not event.text:
            return []
        opening = "" if self._tag_open else THINK_OPEN
        self._tag_open, self.plain = True, False
        return [self._tagged(opening + event.text)]

    def thinking_ended(self, event: ThinkingEnded) -> list[JsonObject]:
        deltas = self._close_tag()
        text, self._thought = "".join(self._thought), []
        if event.opaque is None:
            return deltas
        if event.opaque.dialect == "chat":
            return [*deltas, *_details(event.opaque.data)]
        self._carried.append(signatures.carried(event.opaque, text, redacted=event.redacted))
        return deltas

    def refusal(self, event: RefusalDelta) -> list[JsonObject]:
        self._refused = True
        return [*self._close_tag(), {"refusal": event.text}]

    def tool_started(self, event: ToolStarted) -> list[JsonObject]:
        deltas = self._close_tag()
        index = len(self._calls)
        self._calls[event.call_id] = (index, event.custom)
        self._part_start = self.length
        if self._legacy:
            return [*deltas, {"function_call": {"name": event.name, "arguments": ""}}] if index == 0 else deltas
        head: JsonObject = {"index": index, "id": event.call_id}
        if event.custom:
            head |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            head |= {"type": "function", "function": {"name": event.name, "arguments": ""}}
        opaque = event.opaque
        if opaque is None and len(self._carried) == 1:  # several thoughts before one call cannot travel on it
            opaque = self._carried[0]
        self._carried = []
        if opaque is not None:
            head["extra_content"] = signatures.shown(opaque)
        return [*deltas, {"tool_calls": [head]}]

    def tool_arguments(self, event: ToolArguments) -> list[JsonObject]:
        found = self._calls.get(event.call_id)
        if found is None or not event.text:
            return []
        index, custom = found
        if self._legacy:
            return [{"function_call": {"arguments": event.text}}] if index == 0 else []
        inner = {"custom": {"input": event.text}} if custom else {"function": {"arguments": event.text}}
        return [{"tool_calls": [{"index": index, **inner}]}]

    def media(self, event: MediaProduced) -> list[JsonObject]:
        deltas = self._close_tag()
        source = event.source
        if event.kind == "audio":
            return [*deltas, {"audio": {"data": source.data}}] if isinstance(source, Inline) else deltas
        if not isinstance(source, Inline | Url):
            return deltas
        url = medias.data_url(source) if isinstance(source, Inline) else source.url
        image = {"type": "image_url", "index": self._images, "image_url": {"url": url}}
        self._images += 1
        return [*deltas, {"images": [image]}]

    def finished(self, event: Finished) -> list[JsonObject]:
        deltas = self._close_tag()
        if self._annotations:
            deltas.append({"annotations": self._annotations})
        if event.reason == "filtered" and event.detail and not self._refused:
            deltas.append({"refusal": event.detail})
        self.finish, self.plain = WRITE[event.reason], False
        if self._legacy and self.finish == "tool_calls":
            self.finish = "function_call"
        return deltas

    def _close_tag(self) -> list[JsonObject]:
        if not self._tag_open:
            return []
        self._tag_open, self.plain = False, True
        return [self._tagged(THINK_CLOSE)]

    def _tagged(self, text: str) -> JsonObject:
        self.length += len(text)
        self._part_start = self.length
        return {"content": text}


def _details(data: str) -> list[JsonObject]:
    """OpenRouter's entries as they came, for a client that sends them back."""
    try:
        found = loads(data)
    except Malformed:
        return []
    return [{"reasoning_details": found}] if isinstance(found, list) else []
