"""Neutral events to a Responses stream (`wire.md` 9.2, 9.5): documented events only, items closed before the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.faults import Fault
from router.wire.conversation import Inline, JsonObject, Opaque
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
    Reason,
    RefusalDelta,
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
from router.wire.names import DEFAULT_NAMESPACE
from router.wire.responses import faults, output_items
from router.wire.responses.open_items import Numbered, OpenCall, OpenMessage, OpenReasoning
from router.wire.responses.response_object import echo, response_object
from router.wire.sse import typed_frame

INCOMPLETE: dict[Reason, str] = {
    "length": "max_output_tokens",
    "window": "max_output_tokens",
    "filtered": "content_filter",
}
"""Reasons with which a response ends ``incomplete``, in the API's words."""


class ResponsesStreamWriter:
    """See `dialect.StreamWriter`. `final` is the whole response once the stream has ended."""

    def __init__(self, context: ReplyContext) -> None:
        self.final: JsonObject | None = None
        self._context = context
        self._echo = echo(context.request)
        self._numbered = Numbered()
        self._output: list[JsonObject] = []  # every item that was added, by its index
        self._message: OpenMessage | None = None
        self._reasoning: OpenReasoning | None = None
        self._calls: dict[str, OpenCall] = {}
        self._usage: Usage | None = None
        self._finished = Finished("other")
        self._begun = False
        self._over = False

    def feed(self, event: Event) -> list[bytes]:
        if self._over or getattr(event, "choice", 0) != 0:
            return []
        if isinstance(event, Failed):
            return self.fail(event.fault)
        begin = [] if self._begun else self._begin()
        return begin + _WRITERS[type(event)](self, event)

    def fail(self, fault: Fault) -> list[bytes]:
        if self._over:
            return []
        self._over = True
        error = typed_frame(faults.error_event(fault, self._numbered.next))
        self._numbered.next += 1
        response = self._response("failed", error=faults.failure(fault))
        return [error, self._numbered.frame("failed", {"response": response})]

    def take_over(self, names: list[tuple[str, str]], sequence: int) -> bool:
        """Go on under the ids and numbers of an upstream. names: type and id of its items; those of reasoning that had
        nothing to tell have no counterpart here. False where the items are not the same otherwise."""
        output: list[JsonObject] = []
        mine = list(self._output)
        for kind, identity in names:
            if mine and mine[0]["type"] == kind:
                item = mine.pop(0)
                item["id"] = identity
            elif kind == "reasoning":
                item = output_items.reasoning(identity)
            else:
                return False
            output.append(item)
        if mine:
            return False
        self._output = output
        for open_item in (self._message, self._reasoning, *self._calls.values()):
            if open_item is not None:
                open_item.move(next(index for index, item in enumerate(output) if item is open_item.item))
        self._numbered.next = sequence + 1
        return True

    def _begin(self) -> list[bytes]:
        self._begun = True
        snapshot = self._response("in_progress")
        return [self._numbered.frame(kind, {"response": snapshot}) for kind in ("created", "in_progress")]

    def _response(self, status: str, **facts: Any) -> JsonObject:
        pending = {id(call.item) for call in self._calls.values()}
        pending |= {id(item.item) for item in (self._message, self._reasoning) if item is not None}
        output = [item for item in self._output if id(item) not in pending]
        return response_object(self._context, self._echo, status=status, output=output, usage=self._usage, **facts)

    def _started(self, event: Started) -> list[bytes]:
        return []

    def _text(self, event: TextDelta) -> list[bytes]:
        logprobs = (event.logprobs or {}).get("content") or []
        if not event.text and not logprobs:
            return []
        message = self._message
        if message is not None and self._reasoning is None:
            return message.text(event.text, logprobs)
        frames, message = self._open_message()
        return frames + message.text(event.text, logprobs)

    def _text_ended(self, event: TextEnded) -> list[bytes]:
        if self._message is None:
            return []
        phase = event.extra.get("responses", {}).get("phase")
        if phase is not None:
            self._message.item["phase"] = phase
        return self._message.end_part()

    def _refusal(self, event: RefusalDelta) -> list[bytes]:
        if not event.text:
            return []
        frames, message = self._open_message()
        return frames + message.refusal(event.text)

    def _cited(self, event: Cited) -> list[bytes]:
        return [] if self._message is None else self._message.cite(event)

    def _thought(self, event: ThinkingDelta) -> list[bytes]:
        if not event.text:
            return []
        frames, reasoning = self._open_reasoning()
        return frames + reasoning.think(event)

    def _thought_ended(self, event: ThinkingEnded) -> list[bytes]:
        if self._reasoning is None and event.opaque is None:
            return []
        frames, reasoning = self._open_reasoning()
        if event.opaque is not None:
            reasoning.keep(event.opaque, redacted=event.redacted)
        return frames + self._close_reasoning()

    def _call(self, event: ToolStarted) -> list[bytes]:
        frames = self._close_text("completed")
        if event.opaque is not None:
            # A signature that sits on a call (Gemini) has no slot on a call item: it travels in a reasoning item before
            # it, marked with the call's id, and the request reader puts it back.
            opened, reasoning = self._open_reasoning()
            kept = Opaque(event.opaque.dialect, event.opaque.data, model=event.opaque.model, id=event.call_id)
            reasoning.keep(kept, redacted=False)
            frames += opened + self._close_reasoning()
        kind = "custom_tool_call" if event.custom else "function_call"
        namespace = None if event.namespace == DEFAULT_NAMESPACE else event.namespace
        identity = self._next_id(kind)
        item = output_items.call(identity, kind, event.call_id, event.name, namespace)
        call = OpenCall(self._numbered, len(self._output), item)
        self._output.append(item)
        self._calls[event.call_id] = call
        return frames + call.begin()

    def _arguments(self, event: ToolArguments) -> list[bytes]:
        call = self._calls.get(event.call_id)
        return call.arguments(event.text) if call is not None and event.text else []

    def _call_ended(self, event: ToolEnded) -> list[bytes]:
        call = self._calls.pop(event.call_id, None)
        return [] if call is None else call.end("completed")

    def _media(self, event: MediaProduced) -> list[bytes]:
        if event.kind != "image" or not isinstance(event.source, Inline):
            return []  # the API has no item for it
        identity = self._next_id("image_generation_call")
        return self._whole(output_items.image(identity, event.source.data, event.source.media_type))

    def _foreign(self, event: ForeignProduced) -> list[bytes]:
        return self._whole(dict(event.raw)) if event.dialect == "responses" else []

    def _used(self, event: UsageReported) -> list[bytes]:
        self._usage = event.usage
        return []

    def _finish(self, event: Finished) -> list[bytes]:
        self._finished = event
        return self._close_all()

    def _end(self, event: Ended) -> list[bytes]:
        frames = self._close_all()
        self._over = True
        finished = self._finished
        if finished.reason == "broken_call" and not self._output:
            message = finished.detail or "The model tried to call a tool and failed."
            fault = Fault("upstream_broken", message)
            self.final = self._response("failed", error=faults.failure(fault))
            return [*frames, self._numbered.frame("failed", {"response": self.final})]
        why = INCOMPLETE.get(finished.reason)
        status = "completed" if why is None else "incomplete"
        self.final = self._response(status, incomplete=why)
        return [*frames, self._numbered.frame(status, {"response": self.final})]

    def _open_message(self) -> tuple[list[bytes], OpenMessage]:
        if self._message is not None:
            return [], self._message
        frames = self._close_reasoning()
        item = output_items.message(self._next_id("message"))
        self._message = OpenMessage(self._numbered, len(self._output), item)
        self._output.append(item)
        return frames + self._message.begin(), self._message

    def _open_reasoning(self) -> tuple[list[bytes], OpenReasoning]:
        if self._reasoning is not None:
            return [], self._reasoning
        frames = self._close_text("completed")
        item = output_items.reasoning(self._next_id("reasoning"))
        self._reasoning = OpenReasoning(self._numbered, len(self._output), item)
        self._output.append(item)
        return frames + self._reasoning.begin(), self._reasoning

    def _close_reasoning(self) -> list[bytes]:
        reasoning, self._reasoning = self._reasoning, None
        return [] if reasoning is None else reasoning.end(None)

    def _close_text(self, status: str) -> list[bytes]:
        """End the message or the reasoning item, whichever is open."""
        message, self._message = self._message, None
        return self._close_reasoning() + ([] if message is None else message.end(status))

    def _close_all(self) -> list[bytes]:
        status = "incomplete" if self._finished.reason in INCOMPLETE else "completed"
        frames = self._close_text(status)
        for call in self._calls.values():
            frames += call.end(status)
        self._calls.clear()
        return frames

    def _whole(self, item: JsonObject) -> list[bytes]:
        """An item that comes in one piece."""
        frames = self._close_text("completed")
        where = {"output_index": len(self._output), "item": item}
        self._output.append(item)
        return [
            *frames,
            self._numbered.frame("output_item.added", where),
            self._numbered.frame("output_item.done", where),
        ]

    def _next_id(self, kind: str) -> str:
        return output_items.item_id(kind, self._context.response_id, len(self._output))


_WRITERS: dict[type, Callable[[ResponsesStreamWriter, Any], list[bytes]]] = {
    Started: ResponsesStreamWriter._started,
    TextDelta: ResponsesStreamWriter._text,
    TextEnded: ResponsesStreamWriter._text_ended,
    RefusalDelta: ResponsesStreamWriter._refusal,
    Cited: ResponsesStreamWriter._cited,
    ThinkingDelta: ResponsesStreamWriter._thought,
    ThinkingEnded: ResponsesStreamWriter._thought_ended,
    ToolStarted: ResponsesStreamWriter._call,
    ToolArguments: ResponsesStreamWriter._arguments,
    ToolEnded: ResponsesStreamWriter._call_ended,
    MediaProduced: ResponsesStreamWriter._media,
    ForeignProduced: ResponsesStreamWriter._foreign,
    UsageReported: ResponsesStreamWriter._used,
    Finished: ResponsesStreamWriter._finish,
    Ended: ResponsesStreamWriter._end,
}
