"""Short ways to say what Gemini sends and what its clients get."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation
from router.wire.dialect import ReplyContext, events_of
from router.wire.events import Event
from router.wire.gemini import SPEC
from router.wire.sse import Splitter

CAPABILITIES = Capabilities(family="gemini-3")


def frame(*parts: dict[str, Any], finish: str | None = None, index: int | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [{**candidate, **more}], "modelVersion": "gemini-3-pro", "responseId": "r1"}


def as_bytes(*payloads: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in payloads)


def read_bytes(data: bytes, cuts: tuple[int, ...] = ()) -> list[Event]:
    """Events of a stream whose bytes arrive in pieces cut at `cuts`."""
    splitter = Splitter()
    edges = [0, *sorted(cuts), len(data)]
    frames = [each for a, b in pairwise(edges) for each in splitter.feed(data[a:b])]
    return events_of(SPEC.stream_reader(CAPABILITIES), [*frames, *splitter.close()])


def read(*payloads: dict[str, Any]) -> list[Event]:
    return read_bytes(as_bytes(*payloads))


def context(**request: Any) -> ReplyContext:
    return ReplyContext(
        response_id="resp1", model="shown", created=1, request=Conversation(dialect="gemini", model="shown", **request)
    )


def write(*events: Event) -> list[bytes]:
    writer = SPEC.stream_writer(context())
    return [out for event in events for out in writer.feed(event)]


def written(*events: Event) -> list[dict[str, Any]]:
    """The payloads that a client decodes, with the strictest client's rules on framing."""
    payloads = []
    for out in write(*events):
        assert out.startswith(b"data: {")
        assert out.endswith(b"}\r\n\r\n")
        assert out.count(b"\r\n\r\n") == 1
        payloads.append(json.loads(out[6:-4]))
    return payloads


def parts_of(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for each in payloads for candidate in each["candidates"] for part in candidate["content"]["parts"]]
