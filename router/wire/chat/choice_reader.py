"""One of the answers of a Chat stream: its deltas to events, in the order thinking, text, refusal, calls, finish."""

from __future__ import annotations

from typing import Any

from router.faults import Fault
from router.wire import media
from router.wire.chat import signatures
from router.wire.chat.calls import CallReader
from router.wire.chat.finish import read_finish
from router.wire.chat.parts import thinking_text
from router.wire.chat.reasoning_details import Details
from router.wire.conversation import Inline, JsonObject, Opaque
from router.wire.events import (
    Cited,
    Event,
    Finished,
    MediaProduced,
    RefusalDelta,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
)
from router.wire.surrogates import Halves


class ChoiceReader:
    """State of one answer. `plain`: nothing is open or held that the next text would have to close or join."""

    def __init__(self, index: int, family: str, used_ids: set[str]) -> None:
        self.index = index
        self.finished = False
        self.plain = False
        self._family = family
        self._calls = CallReader(index, family, used_ids)
        self._halves = {"text": Halves(), "thinking": Halves(), "refusal": Halves()}
        self._details = Details()
        self._thinking = False
        self._text_open = False
        self._half = False

    @property
    def numbered_calls(self) -> bool:
        """See `CallReader.numbered`."""
        return self._calls.numbered

    def feed(self, choice: JsonObject, response_id: str) -> list[Event]:
        """Events of one choice object; nothing after its finish."""
        if self.finished:
            return []
        delta = choice.get("delta")
        if delta is None:
            delta = choice.get("message")
        events: list[Event] = []
        if isinstance(delta, dict):
            logprobs = choice.get("logprobs")
            self._delta(delta, logprobs if isinstance(logprobs, dict) else None, response_id, events)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self._finish(reason, events)
        self.plain = not (self.finished or self._thinking or self._half)
        return events

    def finish_quietly(self) -> list[Event]:
        """The end marker came without a finish reason: the answer is whole, its reason an ordinary one."""
        events: list[Event] = []
        if not self.finished:
            self._finish("stop", events)
        return events

    def _delta(self, delta: JsonObject, logprobs: JsonObject | None, response_id: str, events: list[Event]) -> None:
        self._think(delta, events)
        content = delta.get("content")
        if isinstance(content, str):
            self._text(content, logprobs, events)
        elif isinstance(content, list):
            self._content_list(content, events)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._end_thinking(events)
            refusal = self._halves["refusal"].join(refusal)
            events.append(RefusalDelta(refusal, self.index))
        opaque, _ = signatures.taken(delta)
        self._tools(delta, opaque, response_id, events)
        self._media(delta, events)
        for item in _objects(delta.get("annotations")):
            cited = _citation(item, self.index)
            if cited is not None:
                events.append(cited)
        if opaque is not None and self._text_open and not self._calls.any:
            self._text_open = False
            events.append(TextEnded(self.index, self._stamped(opaque)))

    def _think(self, delta: JsonObject, events: list[Event]) -> None:
        details = delta.get("reasoning_details")
        shown = self._details.feed(details) if isinstance(details, list) else ""
        text = delta.get("reasoning_content")
        if not isinstance(text, str) or not text:
            text = delta.get("reasoning")
        if not isinstance(text, str) or not text:
            text = shown
        if text:
            self._thinking = True
            text = self._halves["thinking"].join(text)
            if text:
                events.append(ThinkingDelta(text, self.index, summary=False))

    def _end_thinking(self, events: list[Event]) -> None:
        """Other content ends the thinking; details without text (encrypted ones) are a part of their own."""
        if self._thinking or self._details.pending:
            half = self._halves["thinking"].rest()
            if half:
                events.append(ThinkingDelta(half, self.index, summary=False))
            self._thinking = False
            events.append(ThinkingEnded(self._details.taken(self._family), choice=self.index))

    def _text(self, text: str, logprobs: JsonObject | None, events: list[Event]) -> None:
        if text:
            self._end_thinking(events)
            self._half = "\ud800" <= text[-1] <= "\udbff"
            text = self._halves["text"].join(text)
        if logprobs is not None and not logprobs.get("content"):
            logprobs = None
        if text or logprobs is not None:
            self._text_open = True
            events.append(TextDelta(text, self.index, logprobs))

    def _content_list(self, content: list[Any], events: list[Event]) -> None:
        """Mistral's reasoning models stream arrays of parts."""
        for item in _objects(content):
            if item.get("type") == "thinking":
                self._think({"reasoning_content": thinking_text(item.get("thinking"))}, events)
            elif isinstance(item.get("text"), str):
                self._text(item["text"], None, events)

    def _tools(self, delta: JsonObject, opaque: Opaque | None, response_id: str, events: list[Event]) -> None:
        entries = _objects(delta.get("tool_calls"))
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            entries.append({"index": 0, "function": legacy})
        if entries:
            self._end_thinking(events)
        for entry in entries:
            begun = self._calls.feed(entry, response_id, opaque)
            opaque = None
            if begun:
                self._text_open = False
            events.extend(begun)

    def _media(self, delta: JsonObject, events: list[Event]) -> None:
        for item in _objects(delta.get("images")):  # OpenRouter
            address = item.get("image_url")
            url = address.get("url") if isinstance(address, dict) else address
            if isinstance(url, str):
                events.append(MediaProduced("image", _source(url), self.index))
        audio = delta.get("audio")
        if isinstance(audio, dict):
            if isinstance(audio.get("transcript"), str):
                self._text(audio["transcript"], None, events)
            if isinstance(audio.get("data"), str) and audio["data"]:
                events.append(MediaProduced("audio", Inline("audio/wav", audio["data"]), self.index))

    def _finish(self, word: str, events: list[Event]) -> None:
        self._end_thinking(events)
        half = self._halves["text"].rest()
        if half:
            events.append(TextDelta(half, self.index))
        reason = read_finish(word, called=self._calls.complete)
        events.extend(self._calls.end(cut=reason not in ("tools", "end", "stop_sequence")))
        self.finished = True
        events.append(Finished(reason, choice=self.index))

    def _stamped(self, opaque: Opaque) -> Opaque:
        return (
            opaque if opaque.model or not self._family else Opaque(opaque.dialect, opaque.data, self._family, opaque.id)
        )


def _source(url: str) -> Any:
    try:
        return media.parse_url(url, "images")
    except Fault as fault:
        raise Fault("upstream_broken", "The provider sent a picture that cannot be read.") from fault


def _objects(value: Any) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _citation(item: JsonObject, choice: int) -> Cited | None:
    """``{"type":"url_citation","url_citation":{…}}``; some servers leave the inner object out."""
    inner = item.get("url_citation", item)
    if not isinstance(inner, dict) or not isinstance(inner.get("url"), str):
        return None
    start, end = inner.get("start_index"), inner.get("end_index")
    return Cited(
        inner["url"],
        str(inner.get("title") or ""),
        start if isinstance(start, int) else None,
        end if isinstance(end, int) else None,
        choice=choice,
    )
