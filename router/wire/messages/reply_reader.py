"""An unstreamed message to neutral events."""

from __future__ import annotations

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps
from router.wire.conversation import JsonObject
from router.wire.events import Event
from router.wire.messages.stream_reader import StreamReader
from router.wire.sse import Frame


def read_reply(body: JsonObject, capabilities: Capabilities) -> list[Event]:
    """The events that the same answer would have given as a stream, `Ended` last.

    Raises `Fault` upstream_broken where the body is no message. An error body gives `Failed`."""
    if body.get("type") == "error" or ("error" in body and "content" not in body):
        return StreamReader(capabilities).feed(_frame(body | {"type": "error"}))
    if not isinstance(body.get("content"), list):
        raise Fault("upstream_broken", "The provider's answer is not a message: it has no list of content blocks.")
    reader = StreamReader(capabilities)
    stop = {key: body.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    payloads: list[JsonObject] = [
        {"type": "message_start", "message": body},
        {"type": "message_delta", "delta": stop},
        {"type": "message_stop"},
    ]
    return [event for payload in payloads for event in reader.feed(_frame(payload))]


def _frame(payload: JsonObject) -> Frame:
    return Frame(b"", payload["type"], dumps(payload))
