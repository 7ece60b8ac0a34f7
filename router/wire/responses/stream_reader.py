"""Responses events from an upstream to neutral events (`wire.md` 9.2). Unknown events are ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from router.faults import Fault
from router.wire import openai_errors
from router.wire.capabilities import Capabilities
from router.wire.codec import Malformed, dumps, loads
from router.wire.conversation import JsonObject
from router.wire.events import Ended, Event, Failed, Finished, Reason, Started, UsageReported
from router.wire.responses.output_reader import OutputReader
from router.wire.responses.usage import read_usage
from router.wire.sse import DONE, Frame

INCOMPLETE: dict[str, Reason] = {"max_output_tokens": "length", "content_filter": "filtered"}
"""``incomplete_details.reason`` in the neutral words."""


class _Event(msgspec.Struct):
    """The keys of all events that matter; the rest of a frame is skipped without decoding."""

    type: Any = None
    sequence_number: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    delta: Any = None
    logprobs: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    item: Any = None
    part: Any = None
    annotation: Any = None
    response: msgspec.Raw = msgspec.Raw()
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class ResponsesStreamReader:
    """See `dialect.StreamReader`. One per response."""

    choices = 1

    def __init__(self, capabilities: Capabilities) -> None:
        self.response_id = ""
        self.model = ""
        self.sequence = 0
        self.created_at = 0
        self.any = False  # a numbered event was read
        self._output = OutputReader(capabilities.family)
        self._started = False
        self._over = False
        self._last = 0

    def feed(self, frame: Frame) -> list[Event]:
        if frame.data is None or self._over:
            return []
        event = self._decoded(frame.data)
        if event is None:
            return []
        number = event.sequence_number
        if isinstance(number, int):
            self.sequence = number
            self.any = True
        kind = event.type
        if kind == "response.output_text.delta" and self._started and isinstance(event.delta, str):
            return self._output.text(self._index(event), event.content_index or 0, event.delta, event.logprobs)
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            return self._fail(event.error) if isinstance(event.error, dict) else []
        if self._started or kind in _LIFECYCLE:
            return handler(self, event)
        return [*self._begin(), *handler(self, event)]

    @property
    def place(self) -> int:
        """The last sequence number."""
        return self.sequence

    @property
    def names(self) -> list[tuple[str, str]]:
        """Type and id of every item that has begun, in their order."""
        return [name for _, name in sorted(self._output.names.items())]

    def close(self) -> list[Event]:
        if self._over:
            return []
        self._over = True
        raise Fault("upstream_broken", "The provider closed its stream before the response was complete.")

    def _decoded(self, data: bytes) -> _Event | None:
        try:
            return _decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        if data.strip() == DONE.encode():
            return None
        try:
            value = loads(data)
        except Malformed as error:
            raise Fault("upstream_broken", f"The provider sent an event that is not JSON: {error}.") from error
        if not isinstance(value, dict):
            raise Fault("upstream_broken", "The provider sent an event that is not a JSON object.")
        known = {key: value[key] for key in _Event.__struct_fields__ if key in value}
        if "response" in known:
            known["response"] = msgspec.Raw(dumps(known["response"]))
        return _Event(**known)

    def _index(self, event: _Event) -> int:
        if isinstance(event.output_index, int):
            self._last = event.output_index
        return self._last

    def _begin(self) -> list[Event]:
        self._started = True
        self._output.response_id = self.response_id
        return [Started(self.response_id, self.model)]

    def _created(self, event: _Event) -> list[Event]:
        if self._started:
            return []
        response = _object(event.response)
        identity, model, created = response.get("id"), response.get("model"), response.get("created_at")
        self.response_id = identity if isinstance(identity, str) else ""
        self.model = model if isinstance(model, str) else ""
        self.created_at = int(created) if isinstance(created, int | float) else 0
        return self._begin()

    def _item_added(self, event: _Event) -> list[Event]:
        return self._output.added(self._index(event), event.item) if isinstance(event.item, dict) else []

    def _item_done(self, event: _Event) -> list[Event]:
        return self._output.done(self._index(event), event.item) if isinstance(event.item, dict) else []

    def _text(self, event: _Event) -> list[Event]:
        if not isinstance(event.delta, str):
            return []
        return self._output.text(self._index(event), event.content_index or 0, event.delta, event.logprobs)

    def _text_done(self, event: _Event) -> list[Event]:
        return self._output.text_rest(self._index(event), event.content_index or 0, event.text)

    def _refusal(self, event: _Event) -> list[Event]:
        if not isinstance(event.delta, str):
            return []
        return self._output.refusal(self._index(event), event.content_index or 0, event.delta)

    def _refusal_done(self, event: _Event) -> list[Event]:
        return self._output.text_rest(self._index(event), event.content_index or 0, event.refusal, refusal=True)

    def _part_done(self, event: _Event) -> list[Event]:
        return self._output.part_done(self._index(event), event.content_index or 0, event.part)

    def _cited(self, event: _Event) -> list[Event]:
        return self._output.cited(self._index(event), event.content_index or 0, event.annotation)

    def _summary_part(self, event: _Event) -> list[Event]:
        return self._output.next_thought(self._index(event), event.summary_index or 0)

    def _summary(self, event: _Event) -> list[Event]:
        return self._output.thought(self._index(event), "summary", event.delta) if isinstance(event.delta, str) else []

    def _raw_thought(self, event: _Event) -> list[Event]:
        return self._output.thought(self._index(event), "content", event.delta) if isinstance(event.delta, str) else []

    def _arguments(self, event: _Event) -> list[Event]:
        return self._output.arguments(self._index(event), event.delta) if isinstance(event.delta, str) else []

    def _arguments_done(self, event: _Event) -> list[Event]:
        return self._output.arguments_rest(self._index(event), event.arguments)

    def _input_done(self, event: _Event) -> list[Event]:
        return self._output.arguments_rest(self._index(event), event.input)

    def _finish(self, event: _Event) -> list[Event]:
        response = _object(event.response)
        if isinstance(response.get("error"), dict):
            return self._fail(response["error"])
        self._over = True
        return finish(response, self._output)

    def _error(self, event: _Event) -> list[Event]:
        flat = {"code": event.code, "message": event.message, "param": event.param}
        return self._fail(event.error if isinstance(event.error, dict) else flat)

    def _failed(self, event: _Event) -> list[Event]:
        error = _object(event.response).get("error")
        return self._fail(error if isinstance(error, dict) else {})

    def _fail(self, error: JsonObject) -> list[Event]:
        self._over = True
        if not error.get("message"):
            error = {**error, "message": "The provider reported a failure inside its stream."}
        return [Failed(openai_errors.from_error(error))]


def finish(response: JsonObject, output: OutputReader) -> list[Event]:
    """The end of a response, streamed or not: items that were never told, usage, the reason, `Ended`."""
    events: list[Event] = []
    items = response.get("output")
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            events += output.complete(index, item)
    usage = read_usage(response.get("usage"), response.get("service_tier"), output.hosted)
    if usage is not None:
        events.append(UsageReported(usage))
    reason: Reason = "tools" if output.called else "end"
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        why = details.get("reason") if isinstance(details, dict) else None
        reason = INCOMPLETE.get(str(why), "other")
    return [*events, Finished(reason), Ended()]


def _object(raw: msgspec.Raw) -> JsonObject:
    try:
        value = loads(bytes(raw)) if bytes(raw) else {}
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}


_LIFECYCLE = frozenset(
    {"response.created", "response.in_progress", "response.queued", "response.failed", "response.cancelled", "error"}
)
_HANDLERS: dict[str, Callable[[ResponsesStreamReader, _Event], list[Event]]] = {
    "response.created": ResponsesStreamReader._created,
    "response.in_progress": ResponsesStreamReader._created,
    "response.queued": ResponsesStreamReader._created,
    "response.output_item.added": ResponsesStreamReader._item_added,
    "response.output_item.done": ResponsesStreamReader._item_done,
    "response.content_part.done": ResponsesStreamReader._part_done,
    "response.output_text.delta": ResponsesStreamReader._text,
    "response.output_text.done": ResponsesStreamReader._text_done,
    "response.output_text.annotation.added": ResponsesStreamReader._cited,
    "response.refusal.delta": ResponsesStreamReader._refusal,
    "response.refusal.done": ResponsesStreamReader._refusal_done,
    "response.reasoning_summary_part.added": ResponsesStreamReader._summary_part,
    "response.reasoning_summary_text.delta": ResponsesStreamReader._summary,
    "response.reasoning_text.delta": ResponsesStreamReader._raw_thought,
    "response.function_call_arguments.delta": ResponsesStreamReader._arguments,
    "response.function_call_arguments.done": ResponsesStreamReader._arguments_done,
    "response.custom_tool_call_input.delta": ResponsesStreamReader._arguments,
    "response.custom_tool_call_input.done": ResponsesStreamReader._input_done,
    "response.completed": ResponsesStreamReader._finish,
    "response.done": ResponsesStreamReader._finish,  # as the ChatGPT backend ended streams at times
    "response.incomplete": ResponsesStreamReader._finish,
    "response.failed": ResponsesStreamReader._failed,
    "response.cancelled": ResponsesStreamReader._failed,
    "error": ResponsesStreamReader._error,
}
