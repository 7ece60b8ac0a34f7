"""Building and reading Messages streams in tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from router.wire.capabilities import Capabilities
from router.wire.codec import dumps, loads
from router.wire.conversation import Conversation, Text, Turn
from router.wire.dialect import ReplyContext
from router.wire.events import Event
from router.wire.messages import SPEC
from router.wire.sse import Frame, Splitter, typed_frame

CAPABLE = Capabilities()


def frames(*payloads: dict[str, Any]) -> list[Frame]:
    splitter = Splitter()
    return splitter.feed(b"".join(typed_frame(payload) for payload in payloads)) + splitter.close()


def read(*payloads: dict[str, Any], close: bool = True) -> list[Event]:
    reader = SPEC.stream_reader(CAPABLE)
    events = [event for frame in frames(*payloads) for event in reader.feed(frame)]
    return events + (reader.close() if close else [])


def read_bytes(data: bytes) -> list[Event]:
    reader, splitter = SPEC.stream_reader(CAPABLE), Splitter()
    events = [event for frame in splitter.feed(data) + splitter.close() for event in reader.feed(frame)]
    return events + reader.close()


START: dict[str, Any] = {
    "type": "message_start",
    "message": {"id": "msg_up", "type": "message", "role": "assistant", "model": "claude", "content": []},
}
STOP: dict[str, Any] = {"type": "message_stop"}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def finish(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": usage or {"output_tokens": 1}}


def request(**fields: Any) -> Conversation:
    turns = (Turn(role="user", parts=(Text(text="hi"),)),)
    return Conversation(**({"dialect": "messages", "model": "m", "turns": turns} | fields))


def context(**fields: Any) -> ReplyContext:
    return ReplyContext(response_id="msg_1", model="shown", created=1, request=request(**fields))


def write(events: Iterable[Event], **fields: Any) -> list[dict[str, Any]]:
    """Payloads of a written stream; each write is one frame whose ``event:`` line equals its type."""
    writer = SPEC.stream_writer(context(**fields))
    payloads = []
    for event in events:
        for data in writer.feed(event):
            head, _, body = data.partition(b"\ndata: ")
            payload = loads(body.removesuffix(b"\n\n"))
            assert head == b"event: " + payload["type"].encode()
            assert data == typed_frame(payload)
            payloads.append(payload)
    return payloads


def written(events: Iterable[Event], **fields: Any) -> bytes:
    writer = SPEC.stream_writer(context(**fields))
    return b"".join(data for event in events for data in writer.feed(event))


def accumulate(payloads: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the official SDKs make of a stream, as strictly as the strictest of them."""
    message: dict[str, Any] = {}
    arguments: dict[int, str] = {}
    open_index: int | None = None
    for payload in payloads:
        kind = payload["type"]
        if kind == "message_start":
            assert not message
            message = loads(dumps(payload["message"]))
            assert message["content"] == []
        elif kind == "content_block_start":
            assert open_index is None
            open_index = payload["index"]
            assert open_index == len(message["content"])
            message["content"].append(dict(payload["content_block"]))
        elif kind == "content_block_delta":
            assert payload["index"] == open_index
            _add(message["content"][-1], payload["delta"], arguments, payload["index"])
        elif kind == "content_block_stop":
            assert payload["index"] == open_index
            if open_index in arguments:
                message["content"][-1]["input"] = loads(arguments[open_index])
            open_index = None
        elif kind == "message_delta":
            assert open_index is None
            message |= payload["delta"]
            message["usage"] |= payload["usage"]
        else:
            assert kind == "message_stop"
            assert message["stop_reason"] is not None
    return message


def _add(content: dict[str, Any], delta: dict[str, Any], arguments: dict[int, str], index: int) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        content["text"] += delta["text"]
    elif kind == "thinking_delta":
        content["thinking"] += delta["thinking"]
    elif kind == "signature_delta":
        content["signature"] = delta["signature"]
    elif kind == "input_json_delta":
        arguments[index] = arguments.get(index, "") + delta["partial_json"]
    else:
        assert kind == "citations_delta"
        content.setdefault("citations", []).append(delta["citation"])
