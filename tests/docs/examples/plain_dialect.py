"""A client dialect of one field each way: {"model", "ask"} in, {"answer"} out, streamed as lines of text."""

from __future__ import annotations

from msgspec.structs import replace

from router.faults import Fault, bad_request
from router.wire.conversation import Conversation, JsonObject, Text, Turn
from router.wire.dialect import ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.events import Answer, Event, Failed, TextDelta


def read_request(body: JsonObject, model: str | None = None, stream: bool | None = None) -> Conversation:
    """The question as a conversation of one turn."""
    question = body.get("ask")
    if not isinstance(question, str):
        raise bad_request("ask must be a string: the question.", "ask")
    return Conversation(
        dialect="chat",
        model=str(body["model"]),
        turns=(Turn("user", (Text(text=question),)),),
        stream=body.get("stream") is True,
    )


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """A whole answer."""
    parts = answer.choices[0].parts if answer.choices else ()
    return {"answer": "".join(part.text for part in parts if isinstance(part, Text)), "model": context.model}


class PlainStreamWriter:
    """Text as it comes, one event for each piece."""

    def __init__(self, context: ReplyContext) -> None:
        self._over = False

    def feed(self, event: Event) -> list[bytes]:
        """Frames for one event; see `router.wire.dialect.StreamWriter`."""
        if isinstance(event, Failed):
            return self.fail(event.fault)
        if self._over or not isinstance(event, TextDelta):
            return []
        return [f"data: {event.text}\n\n".encode()]

    def fail(self, fault: Fault) -> list[bytes]:
        """The error, after which nothing follows."""
        if self._over:
            return []
        self._over = True
        return [f"event: error\ndata: {fault.message}\n\n".encode()]


SPEC = replace(DIALECTS["chat"], read_request=read_request, write_reply=write_reply, stream_writer=PlainStreamWriter)
