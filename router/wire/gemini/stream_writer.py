"""Events as frames of ``streamGenerateContent?alt=sse``: only ``data: {json}`` with CRLF, all that clients accept."""

from __future__ import annotations

from router.faults import Fault
from router.wire.codec import Malformed, loads
from router.wire.conversation import JsonObject, ToolCall
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
    RefusalDelta,
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
from router.wire.gemini import answer_parts, faults, finish, grounding, usage
from router.wire.sse import crlf_frame

_COMPLETE_WITHOUT_END = frozenset({"tools", "end", "stop_sequence"})


class _Call:
    def __init__(self, started: ToolStarted) -> None:
        self.started = started
        self.texts: list[str] = []
        self.complete = False

    def call(self) -> ToolCall:
        started = self.started
        return ToolCall(
            call_id=started.call_id,
            name=started.name,
            arguments="".join(self.texts),
            custom=started.custom,
            namespace=started.namespace,
            opaque=started.opaque,
        )

    def is_whole(self) -> bool:
        """Whether the arguments can be complete although nobody said so."""
        text = "".join(self.texts)
        try:
            return self.started.custom or text.strip() == "" or isinstance(loads(text), dict)
        except Malformed:
            return False


class _Choice:
    def __init__(self) -> None:
        self.calls: dict[str, _Call] = {}
        self.text: list[str] = []
        self.cited: list[Cited] = []
        self.finished: Finished | None = None


class GeminiStreamWriter:
    """See `router.wire.dialect.StreamWriter`. Calls are held until they are whole; the reason comes last."""

    def __init__(self, context: ReplyContext) -> None:
        self._tail: JsonObject = {"modelVersion": context.model, "responseId": context.response_id}
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._over = False

    def feed(self, event: Event) -> list[bytes]:
        if self._over:
            return []
        if isinstance(event, UsageReported):
            self._usage = event.usage
            return []
        if isinstance(event, Ended):
            return self._end()
        if isinstance(event, Failed):
            return self.fail(event.fault)
        return [self._frame(choice, part) for choice, part in self._parts(event)]

    def fail(self, fault: Fault) -> list[bytes]:
        self._over = True
        return faults.in_stream(fault)

    def _parts(self, event: Event) -> list[tuple[int, JsonObject]]:
        if isinstance(event, ToolStarted | ToolArguments | ToolEnded):
            return self._call(event)
        part: JsonObject | None = None
        if isinstance(event, TextDelta | RefusalDelta):
            self._choice(event.choice).text.append(event.text)
            part = answer_parts.text_part(event.text) if event.text else None
        elif isinstance(event, TextEnded):
            part = answer_parts.text_part("", event.opaque) if event.opaque is not None else None
        elif isinstance(event, ThinkingDelta):
            part = answer_parts.thought_part(event.text) if event.text else None
        elif isinstance(event, ThinkingEnded):
            if event.opaque is not None:
                part = answer_parts.thought_part("", event.opaque, redacted=event.redacted)
        elif isinstance(event, MediaProduced):
            part = answer_parts.media_part(event.source)
        elif isinstance(event, ForeignProduced):
            part = event.raw if event.dialect == "gemini" else None
        elif isinstance(event, Cited):
            self._choice(event.choice).cited.append(event)
        elif isinstance(event, Finished):
            return self._finish(event)
        else:
            return []
        return [(event.choice, part)] if part is not None else []

    def _choice(self, index: int) -> _Choice:
        return self._choices.setdefault(index, _Choice())

    def _call(self, event: ToolStarted | ToolArguments | ToolEnded) -> list[tuple[int, JsonObject]]:
        """The calls that are whole now, in the order in which they began."""
        calls = self._choice(event.choice).calls
        if isinstance(event, ToolStarted):
            calls[event.call_id] = _Call(event)
            return []
        call = calls.get(event.call_id)
        if call is None:
            return []
        if isinstance(event, ToolArguments):
            call.texts.append(event.text)
            return []
        call.complete = True
        ready: list[tuple[int, JsonObject]] = []
        for call_id in tuple(calls):
            if not calls[call_id].complete:
                break
            ready.append((event.choice, answer_parts.call_part(calls.pop(call_id).call())))
        return ready

    def _finish(self, event: Finished) -> list[tuple[int, JsonObject]]:
        """What is left of the calls: whole ones go out, one that was cut off cannot be told in this dialect."""
        choice = self._choice(event.choice)
        choice.finished = event
        left = [
            call
            for call in choice.calls.values()
            if call.complete or (event.reason in _COMPLETE_WITHOUT_END and call.is_whole())
        ]
        choice.calls.clear()
        return [(event.choice, answer_parts.call_part(call.call())) for call in left]

    def _end(self) -> list[bytes]:
        self._over = True
        candidates = [
            candidate([{"text": ""}], index, choice.finished, choice.cited, "".join(choice.text))
            for index, choice in sorted((self._choices or {0: _Choice()}).items())
        ]
        payload: JsonObject = {"candidates": candidates}
        if self._usage is not None:
            payload["usageMetadata"] = usage.write(self._usage)
        return [crlf_frame({**payload, **self._tail})]

    def _frame(self, choice: int, part: JsonObject) -> bytes:
        content = {"parts": [part], "role": "model"}
        return crlf_frame({"candidates": [{"content": content, "index": choice}], **self._tail})


def candidate(
    parts: list[JsonObject], index: int, finished: Finished | None, cited: list[Cited], text: str
) -> JsonObject:
    """A candidate with the reason of its end."""
    out: JsonObject = {"content": {"parts": parts, "role": "model"}}
    out["finishReason"] = finish.WRITTEN[finished.reason if finished is not None else "end"]
    if finished is not None and finished.detail is not None and out["finishReason"] not in ("STOP", "MAX_TOKENS"):
        out["finishMessage"] = finished.detail
    out["index"] = index
    if cited:
        out["groundingMetadata"] = grounding.write(cited, text)
    return out
