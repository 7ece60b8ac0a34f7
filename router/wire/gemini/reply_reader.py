"""An unstreamed answer as events: it is a stream of one frame."""

from __future__ import annotations

from router.wire.capabilities import Capabilities
from router.wire.codec import Malformed, dumps, loads, replace_top_level
from router.wire.conversation import Json
from router.wire.events import Event, Failed
from router.wire.gemini.stream_reader import GeminiStreamReader


def read_reply(body: Json, capabilities: Capabilities) -> list[Event]:
    """Events of a whole answer, `Ended` last; also of the JSON array that streams without ``alt=sse`` give.

    Raises `Fault` upstream_broken for what is no answer, or an unfinished one."""
    reader = GeminiStreamReader(capabilities)
    events = reader.payload(body)
    return events if events and isinstance(events[-1], Failed) else events + reader.close()


def rename_model(data: bytes, shown: str) -> bytes:
    """The JSON of a frame or a body with ``modelVersion`` replaced, everything else as it was."""
    if b'"modelVersion"' not in data:
        return data
    try:
        payload = loads(data)
    except Malformed:
        return data
    if isinstance(payload, dict) and "modelVersion" in payload:
        return replace_top_level(data, {"modelVersion": shown})
    if isinstance(payload, list):
        return dumps([{**each, "modelVersion": shown} if "modelVersion" in each else each for each in payload])
    return data
