"""An unstreamed Responses answer: what the stream's last event would have held, so that the two never differ."""

from __future__ import annotations

from router.faults import Fault
from router.wire.conversation import JsonObject
from router.wire.dialect import ReplyContext
from router.wire.events import Answer
from router.wire.fold import unfold
from router.wire.responses.stream_writer import ResponsesStreamWriter


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """See `DialectSpec.write_reply`. Raises `Fault` where the answer has no end: it was cut."""
    writer = ResponsesStreamWriter(context)
    for event in unfold(answer):
        writer.feed(event)
    if writer.final is None:
        raise Fault("upstream_broken", "The provider's answer ended before it was complete.")
    return writer.final
