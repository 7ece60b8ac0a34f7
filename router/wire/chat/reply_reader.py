"""An unstreamed Chat Completions answer as events: read as one chunk, by the stream reader."""

from __future__ import annotations

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat.stream_reader import ChatStreamReader
from router.wire.conversation import JsonObject
from router.wire.events import Event, Failed
from router.wire.sse import DONE, Frame


def read_reply(body: JsonObject, capabilities: Capabilities) -> list[Event]:
    """Events of a whole answer, `Ended` last. Raises `Fault` upstream_broken for what is no answer."""
    reader = ChatStreamReader(capabilities)
    events = reader.read_chunk(body)
    if events and isinstance(events[-1], Failed):
        return events
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Fault("upstream_broken", "The provider's answer holds no choices.")
    return [*events, *reader.feed(Frame(b"", None, DONE.encode()))]
