"""Frames of ``streamGenerateContent`` as events. Every frame is a whole response that holds only what is new."""

from __future__ import annotations

from typing import Any

from router.faults import Fault
from router.wire import names
from router.wire.capabilities import Capabilities
from router.wire.charges import Item
from router.wire.codec import Malformed, dumps_text, loads
from router.wire.conversation import Inline, Json, JsonObject, Opaque, Url
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.gemini import faults, finish, grounding, usage
from router.wire.gemini.partial_args import PartialArguments
from router.wire.sse import Frame
from router.wire.surrogates import Halves


class _Candidate:
    """What is open in one answer."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.open: str | None = None  # text | thinking
        self.halves = Halves()
        self.called = False
        self.finished = False
        self.growing: tuple[str, PartialArguments] | None = None  # call id of a call whose arguments are streamed
        self.cited: set[Cited] = set()


class GeminiStreamReader:
    """See `router.wire.dialect.StreamReader`. Vertex, AI Studio keys and unstreamed answers all pass through here."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.response_id = ""
        self.model = ""
        self.sequence = 0
        self.created_at = 0
        self._family = capabilities.family
        self._candidates: dict[int, _Candidate] = {}
        self._started = False
        self._blocked = False
        self._over = False
        self._calls = 0
        self._usage: Usage | None = None
        self._counts: Json = None
        self._searches: dict[str, int] = {}
        self._items: tuple[Item, ...] = ()

    @property
    def place(self) -> int:
        """This dialect numbers nothing."""
        return 0

    @property
    def choices(self) -> int:
        return len(self._candidates)

    def feed(self, frame: Frame) -> list[Event]:
        if frame.data is None:
            raw = frame.raw.strip()
            if not raw.startswith((b"{", b"[")):  # a comment, an empty field
                return []
            data = raw  # the raw line with which an error is told
        else:
            data = frame.data
        if self._over or data.strip() in (b"", b"[DONE]"):
            return []
        try:
            payload = loads(data)
        except Malformed as error:
            raise Fault("upstream_broken", f"The provider sent a frame that is not JSON: {error}.") from error
        return self.payload(payload)

    def payload(self, payload: Json) -> list[Event]:
        """Events of one decoded ``GenerateContentResponse``, or of an error envelope."""
        error = faults.error_of(payload)
        if error is not None:
            self._over = True
            return [Failed(faults.from_error(error))]
        if isinstance(payload, list):
            return [event for each in payload for event in self.payload(each)]
        if not isinstance(payload, dict):
            raise Fault("upstream_broken", "The provider sent a frame that is not a JSON object.")
        events: list[Event] = self._head(payload)
        candidates = payload.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict):
                events += self._candidate(candidate)
        events += self._feedback(payload)
        counts = payload.get("usageMetadata")
        items = tuple(Item(kind, many) for kind, many in self._searches.items()) if self._searches else ()
        if not counts and items == self._items:
            return events
        self._counts, self._items = counts or self._counts, items
        counted = usage.read(self._counts, items)
        if counted is not None and counted != self._usage:
            self._usage = counted
            events.append(UsageReported(counted))
        return events

    def close(self) -> list[Event]:
        """The end of the connection is the end of the answer, once every candidate gave its reason."""
        if self._over:
            return []
        if not self._blocked and not (self._candidates and all(each.finished for each in self._candidates.values())):
            raise Fault("upstream_broken", "The provider closed its stream before the answer was finished.")
        self._over = True
        return [Ended()]

    def _head(self, payload: JsonObject) -> list[Event]:
        self.response_id = self.response_id or _text(payload, "responseId")
        self.model = self.model or _text(payload, "modelVersion")
        if self._started:
            return []
        self._started = True
        return [Started(self.response_id, self.model)]

    def _candidate(self, candidate: JsonObject) -> list[Event]:
        index = candidate.get("index")
        choice = index if isinstance(index, int) and not isinstance(index, bool) else 0
        state = self._candidates.setdefault(choice, _Candidate())
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        events: list[Event] = []
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                events += self._part(part, state, choice)
        if candidate.get("groundingMetadata") or candidate.get("citationMetadata"):
            for kind, many in usage.searches(candidate).items():
                self._searches[kind] = max(many, self._searches.get(kind, 0))  # it may come again, and grow
            found = dict.fromkeys(grounding.citations(candidate, "".join(state.text), choice))
            told = [each for each in found if each not in state.cited]
            state.cited.update(told)
            behind = len(events) - 1 if events and type(events[-1]) is TextEnded else len(events)
            events[behind:behind] = told  # a signature that ends the text in this frame does not end it before them
        reason = candidate.get("finishReason")
        if isinstance(reason, str) and reason not in ("", "FINISH_REASON_UNSPECIFIED") and not state.finished:
            events += self._finished(reason, candidate, state, choice)
        return events

    def _finished(self, reason: str, candidate: JsonObject, state: _Candidate, choice: int) -> list[Event]:
        state.finished = True
        events = self._closed(state, choice)
        neutral = finish.read(reason, called=state.called)
        if state.growing is not None:
            call_id, partial = state.growing
            state.growing = None
            events.append(ToolArguments(call_id, dumps_text(partial.value), choice))
        detail = candidate.get("finishMessage")
        if not isinstance(detail, str):
            detail = reason if neutral in ("broken_call", "other") else None  # a bare SAFETY explains nothing
        return [*events, Finished(neutral, detail=detail, choice=choice)]

    def _part(self, part: JsonObject, state: _Candidate, choice: int) -> list[Event]:
        opaque = self._opaque(part)
        call = part.get("functionCall")
        if isinstance(call, dict):
            return self._closed(state, choice) + self._call(call, opaque, state, choice)
        media = part.get("inlineData", part.get("fileData"))
        if isinstance(media, dict) and part.get("thought") is not True:
            return [*self._closed(state, choice), *_media(media, choice)]
        if any(key in part for key in ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")):
            return [*self._closed(state, choice), ForeignProduced("gemini", part, choice)]
        text = part.get("text")
        if not isinstance(text, str) and opaque is None:
            return []  # a part that is newer than this reader
        return self._text(text if isinstance(text, str) else "", part.get("thought") is True, opaque, state, choice)

    def _text(self, text: str, thought: bool, opaque: Opaque | None, state: _Candidate, choice: int) -> list[Event]:
        kind = "thinking" if thought else "text"
        events: list[Event] = []
        if state.open != kind and (text or opaque is not None):
            events += self._closed(state, choice)
            state.open = kind
        events += self._delta(state.halves.join(text), state, choice)
        if opaque is not None:  # a signature belongs to the part that it stands on: nothing may be joined to it
            events += self._delta(state.halves.rest(), state, choice)
            state.open = None
            events.append(ThinkingEnded(opaque, choice=choice) if thought else TextEnded(choice, opaque))
        return events

    def _delta(self, text: str, state: _Candidate, choice: int) -> list[Event]:
        """More of the open part."""
        if text == "":
            return []
        if state.open == "thinking":
            return [ThinkingDelta(text, choice)]
        state.text.append(text)
        return [TextDelta(text, choice)]

    def _closed(self, state: _Candidate, choice: int) -> list[Event]:
        """The end of the open part."""
        if state.open is None:
            return []
        events = self._delta(state.halves.rest(), state, choice)
        events.append(ThinkingEnded(choice=choice) if state.open == "thinking" else TextEnded(choice))
        state.open = None
        return events

    def _call(self, call: JsonObject, opaque: Opaque | None, state: _Candidate, choice: int) -> list[Event]:
        events: list[Event] = []
        name = call.get("name")
        if isinstance(name, str) and name:
            call_id = _text(call, "id") or names.made_up_call_id(self.response_id, self._calls)
            self._calls += 1
            events.append(ToolStarted(call_id, name, opaque=opaque, choice=choice))
            state.growing = (call_id, PartialArguments())
        if state.growing is None:
            return events
        call_id, partial = state.growing
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            partial.add(piece)
        if isinstance(call.get("args"), dict):
            partial.value.update(call["args"])
        if call.get("willContinue") is not True:
            state.growing = None
            state.called = True
            events += [ToolArguments(call_id, dumps_text(partial.value), choice), ToolEnded(call_id, choice)]
        return events

    def _feedback(self, payload: JsonObject) -> list[Event]:
        """A blocked prompt: no candidates, HTTP 200, and yet not an empty success."""
        feedback = payload.get("promptFeedback")
        if not isinstance(feedback, dict) or self._blocked or self._candidates:
            return []
        reason = _text(feedback, "blockReason")
        if reason in ("", "BLOCK_REASON_UNSPECIFIED"):
            return []
        self._blocked = True
        return [Finished("filtered", detail=_text(feedback, "blockReasonMessage") or reason)]

    def _opaque(self, part: JsonObject) -> Opaque | None:
        signature = part.get("thoughtSignature")
        if not isinstance(signature, str) or signature == "":
            return None
        return Opaque(dialect="gemini", data=signature, model=self._family or None)


def _media(media: JsonObject, choice: int) -> list[Event]:
    media_type = _text(media, "mimeType")
    kind = "audio" if media_type.startswith("audio/") else "image"
    if "data" in media:
        return [MediaProduced(kind, Inline(media_type or "image/png", _text(media, "data")), choice)]
    return [MediaProduced(kind, Url(_text(media, "fileUri"), media_type or None), choice)]


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
