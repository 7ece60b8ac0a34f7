"""An answer on its way: upstream bytes, stream reader, undo, the client's stream writer and its reading."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from msgspec import structs

from router.wire import opaque
from router.wire.capabilities import Capabilities
from router.wire.codec import Malformed, loads
from router.wire.conversation import Conversation, Dialect, Refusal, Text, Thinking, ToolCall
from router.wire.dialect import ReplyContext, StreamReader, events_of
from router.wire.dialects import DIALECTS
from router.wire.events import Answer, Event, TextEnded, ThinkingEnded, ToolStarted
from router.wire.fold import fold
from router.wire.sse import Splitter
from router.wire.undo import apply
from router.wire.written import Undo

JOINS_REFUSALS: frozenset[Dialect] = frozenset(("messages", "gemini"))
"""Dialects in which a refusal is ordinary text."""
NO_CACHE_WRITES: frozenset[Dialect] = frozenset(("gemini",))
"""Dialects whose usage does not say what was written to a cache."""


def context(request: Conversation | None = None, dialect: Dialect = "chat") -> ReplyContext:
    asked = request or Conversation(dialect=dialect, model="shown")
    asked = structs.replace(asked, include_usage=True)
    return ReplyContext(response_id="id_1", model="shown", created=1_790_000_000, request=asked)


def frames_of(events: Iterable[Event], dialect: Dialect, request: Conversation | None = None) -> list[bytes]:
    """The writes of a stream in `dialect`."""
    writer = DIALECTS[dialect].stream_writer(context(request, dialect))
    return [frame for event in events for frame in writer.feed(event)]


def reader_of(dialect: Dialect) -> StreamReader:
    return DIALECTS[dialect].stream_reader(Capabilities())


def events_in(data: bytes, dialect: Dialect, cuts: Iterable[int] = ()) -> list[Event]:
    """What the reader of `dialect` makes of a whole stream, fed in pieces."""
    splitter, places = Splitter(), [0, *sorted(cuts), len(data)]
    frames = [frame for a, b in itertools.pairwise(places) for frame in splitter.feed(data[a:b])]
    return events_of(reader_of(dialect), [*frames, *splitter.close()])


def carried(data: bytes, upstream: Dialect, client: Dialect, request: Conversation | None = None) -> list[bytes]:
    """The client's writes for an upstream's bytes, as the router makes them."""
    events = [stamped(event, "family") for event in apply(Undo(), events_in(data, upstream))]
    return frames_of(events, client, request)


def stamped(event: Event, family: str) -> Event:
    """The event with the family that made its bytes, as the typed lane tells the writer."""
    if isinstance(event, ToolStarted | ThinkingEnded | TextEnded) and event.opaque is not None:
        return structs.replace(event, opaque=opaque.stamped(event.opaque, family))
    return event


def read_back(frames: Iterable[bytes], client: Dialect) -> Answer:
    return fold(events_in(b"".join(frames), client))


def said(answer: Answer, *dialects: Dialect) -> dict[str, Any]:
    """What an answer says, up to what one of `dialects` cannot say: the table of losses of the answer path."""
    choice = answer.choices[0]
    texts: list[str] = []
    refusals: list[str] = []
    for part in choice.parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Refusal):
            (texts if JOINS_REFUSALS & set(dialects) else refusals).append(part.text)
    usage = answer.usage
    written = None if usage is None or NO_CACHE_WRITES & set(dialects) else usage.cache_write
    counts = None if usage is None else (usage.input, usage.output, usage.cache_read, usage.reasoning, written)
    return {
        "text": "".join(texts),
        "refusal": "".join(refusals),
        "thinking": "".join(part.text for part in choice.parts if isinstance(part, Thinking)),
        "calls": [(p.call_id, p.name, _arguments(p)) for p in choice.parts if isinstance(p, ToolCall)],
        "reason": choice.reason,
        "usage": counts,
        "complete": answer.complete,
    }


def _arguments(call: ToolCall) -> Any:
    """An object, or the text where there is none: free text, or arguments that were cut."""
    try:
        return call.arguments if call.custom else loads(call.arguments or "{}")
    except Malformed:
        return call.arguments


def payloads(frames: Iterable[bytes]) -> list[dict[str, Any]]:
    """The JSON payloads of a stream; ``[DONE]`` is left out."""
    splitter = Splitter()
    found = splitter.feed(b"".join(frames)) + splitter.close()
    return [loads(frame.data) for frame in found if frame.data is not None and frame.data != b"[DONE]"]


def obeys(frames: list[bytes], client: Dialect) -> None:
    """Assert what clients of `client` demand of every stream: dense indices, one end, sums that add up."""
    _CHECKS[client](frames, payloads(frames))


def _chat(frames: list[bytes], chunks: list[dict[str, Any]]) -> None:
    assert frames[-1] == b"data: [DONE]\n\n"
    assert len({(one["id"], one["created"], one["model"], one["object"]) for one in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [choice["index"] for choice in choices] == [0] * len(choices)
    assert [choice["finish_reason"] is not None for choice in choices] == [False] * (len(choices) - 1) + [True]
    assert ["role" in choice["delta"] for choice in choices] == [True] + [False] * (len(choices) - 1)
    opened = [call for choice in choices for call in choice["delta"].get("tool_calls", ()) if "id" in call]
    assert [call["index"] for call in opened] == list(range(len(opened)))
    for usage in (chunk["usage"] for chunk in chunks if chunk.get("usage")):
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def _responses(frames: list[bytes], sent: list[dict[str, Any]]) -> None:
    assert [one["sequence_number"] for one in sent] == list(range(len(sent)))
    terminal = [one["type"] in ("response.completed", "response.incomplete", "response.failed") for one in sent]
    assert terminal == [False] * (len(sent) - 1) + [True]
    added = [one["output_index"] for one in sent if one["type"] == "response.output_item.added"]
    assert added == list(range(len(added)))
    response = sent[-1]["response"]
    assert len(response["output"]) == len(added)
    assert len({one["response"]["id"] for one in sent if "response" in one}) == 1
    if (usage := response["usage"]) is not None:
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def _messages(frames: list[bytes], sent: list[dict[str, Any]]) -> None:
    kinds = [one["type"] for one in sent]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert (kinds.count("message_start"), kinds.count("message_delta"), kinds.count("message_stop")) == (1, 1, 1)
    open_block: int | None = None
    seen = 0
    for one in sent[1:-2]:
        if one["type"] == "content_block_start":
            assert (open_block, one["index"]) == (None, seen)
            open_block, seen = one["index"], seen + 1
        elif one["type"] == "content_block_stop":
            assert one["index"] == open_block
            open_block = None
        else:
            assert (one["type"], one["index"]) == ("content_block_delta", open_block)
    assert open_block is None
    assert all(count >= 0 for count in sent[-2]["usage"].values() if isinstance(count, int))


def _gemini(frames: list[bytes], sent: list[dict[str, Any]]) -> None:
    assert all(frame.startswith(b"data: ") and frame.endswith(b"\r\n\r\n") for frame in frames)
    finished = ["finishReason" in candidate for one in sent for candidate in one["candidates"]]
    assert finished == [False] * (len(finished) - 1) + [True]
    for usage in (one["usageMetadata"] for one in sent if "usageMetadata" in one):
        parts = usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
        assert usage["totalTokenCount"] == parts


_CHECKS: dict[Dialect, Any] = {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
