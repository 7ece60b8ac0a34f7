"""Shorthand for the tests of the Responses dialect."""

from __future__ import annotations

from typing import Any

from router.wire.capabilities import Capabilities
from router.wire.codec import loads
from router.wire.conversation import Conversation, JsonObject, Text, Turn
from router.wire.dialect import ReplyContext, events_of
from router.wire.events import Event
from router.wire.responses import SPEC
from router.wire.sse import Splitter, typed_frame

CAPABILITIES = Capabilities(custom_tools=True, family="gpt")
HELLO = Turn("user", (Text("hello"),))


def read(body: JsonObject) -> Conversation:
    return SPEC.read_request({"model": "m", "input": "hi", **body})


def conversation(**fields: Any) -> Conversation:
    """A request of a Chat caller, so that nothing is kept in the Responses form."""
    return Conversation(**{"dialect": "chat", "model": "m", "turns": (HELLO,), **fields})


def write(asked: Conversation, **capabilities: Any) -> JsonObject:
    written = SPEC.write_request(asked, Capabilities(**{"custom_tools": True, "family": "gpt", **capabilities}))
    return written.body


def context(body: JsonObject | None = None, **fields: Any) -> ReplyContext:
    known = {"response_id": "resp_1", "model": "shown", "created": 1_700_000_000, "request": read(body or {})}
    return ReplyContext(**{**known, **fields})


def stream_events(payloads: list[JsonObject]) -> list[Event]:
    """Events of a stream with these payloads, numbered from 0 where they have no number."""
    numbered = [{"sequence_number": number, **payload} for number, payload in enumerate(payloads)]
    return events_of(SPEC.stream_reader(CAPABILITIES), Splitter().feed(b"".join(map(typed_frame, numbered))))


def written(events: list[Event], asked: ReplyContext | None = None) -> list[JsonObject]:
    """Payloads that the stream writer makes of `events`."""
    writer = SPEC.stream_writer(asked or context())
    frames = Splitter().feed(b"".join(frame for event in events for frame in writer.feed(event)))
    for frame in frames:
        assert frame.data is not None
        assert frame.event == loads(frame.data)["type"]
    return [loads(frame.data) for frame in frames if frame.data is not None]


CREATED: JsonObject = {
    "type": "response.created",
    "response": {"id": "resp_up", "created_at": 5, "model": "up", "output": [], "status": "in_progress"},
}


def completed(output: list[JsonObject] | None = None, **fields: Any) -> JsonObject:
    response = {"id": "resp_up", "model": "up", "status": "completed", "output": output or [], **fields}
    return {"type": "response.completed", "response": response}
