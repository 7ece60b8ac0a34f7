"""Events as the chunks that Chat clients need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.conversation import Conversation, Inline, Opaque, Tool
from router.wire.dialect import ReplyContext, events_of
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaProduced,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.fold import fold
from router.wire.sse import Splitter
from tests.router.wire import strategies

HEAD = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 7, "model": "alias"}


def context(**settings: Any) -> ReplyContext:
    request = Conversation(
        dialect="chat", model="alias", include_usage=settings.pop("usage", False), **settings.pop("request", {})
    )
    return ReplyContext(response_id="chatcmpl-9", model="alias", created=7, request=request, **settings)


def written(*events: Event, **settings: Any) -> list[Any]:
    writer = SPEC.stream_writer(context(**settings))
    frames = [frame for event in events for frame in writer.feed(event)]
    assert all(frame.startswith(b"data: ") and frame.endswith(b"\n\n") for frame in frames)
    return [frame[6:-2].decode() if frame == b"data: [DONE]\n\n" else json.loads(frame[6:-2]) for frame in frames]


def deltas(*events: Event, **settings: Any) -> list[Any]:
    chunks = written(Started("up", "up"), *events, **settings)
    return [c["choices"][0]["delta"] for c in chunks if c != "[DONE]" and c["choices"]]


def test_a_plain_answer_in_full() -> None:
    chunks = written(
        Started("up", "up"), TextDelta("Hel"), TextDelta("lo\u2028\"'"), TextEnded(), Finished("end"), Ended()
    )
    choice = {"index": 0, "logprobs": None, "finish_reason": None}
    assert chunks == [
        {**HEAD, "choices": [{**choice, "delta": {"role": "assistant", "content": ""}}]},
        {**HEAD, "choices": [{**choice, "delta": {"content": "Hel"}}]},
        {**HEAD, "choices": [{**choice, "delta": {"content": "lo\u2028\"'"}}]},
        {**HEAD, "choices": [{**choice, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ]


def test_usage_only_where_it_was_asked_for() -> None:
    events = [
        Started(),
        TextDelta("a"),
        UsageReported(Usage(input=5, output=3, cache_read=2, reasoning=1)),
        Finished("end"),
        Ended(),
    ]
    asked, silent = written(*events, usage=True), written(*events)
    assert [chunk["usage"] for chunk in asked[:-2]] == [None, None, None]
    assert asked[-2]["choices"] == []
    usage = asked[-2]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 3, 8)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 2
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 1
    assert all("usage" not in chunk for chunk in silent[:-1])


def test_tool_calls_count_from_0_and_say_id_type_and_name_once() -> None:
    assert deltas(
        TextDelta("x"),
        ToolStarted("a", "f"),
        ToolStarted("b", "g"),
        ToolArguments("b", "{}"),
        ToolArguments("a", "[]"),
        ToolEnded("a"),
        ToolEnded("b"),
    )[2:] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "[]"}}]},
    ]


def test_custom_calls_carry_their_input() -> None:
    assert deltas(ToolStarted("a", "patch", custom=True), ToolArguments("a", "*** B"))[1:] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": ""}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "*** B"}}]},
    ]


def test_legacy_callers_get_a_function_call() -> None:
    request = {"tools": (Tool("f", extra={"chat": {"legacy": True}}),)}
    chunks = written(
        Started(), ToolStarted("a", "f"), ToolArguments("a", "{}"), Finished("tools"), Ended(), request=request
    )
    assert [c["choices"][0]["delta"] for c in chunks[1:4]] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert chunks[3]["choices"][0]["finish_reason"] == "function_call"


def test_thinking_as_reasoning_content() -> None:
    assert deltas(ThinkingDelta("Hm"), ThinkingEnded(), TextDelta("Yes"))[1:] == [
        {"reasoning_content": "Hm"},
        {"content": "Yes"},
    ]


def test_thinking_as_tags_and_closed_before_anything_else() -> None:
    settings = {"thinking_output": "tags"}
    assert deltas(ThinkingDelta("Hm"), ThinkingDelta("m"), ThinkingEnded(), TextDelta("Yes"), **settings)[1:] == [
        {"content": "<think>\nHm"},
        {"content": "m"},
        {"content": "\n</think>\n\n"},
        {"content": "Yes"},
    ]
    for event in (TextDelta("x"), ToolStarted("a", "f"), RefusalDelta("no"), Finished("length")):
        assert deltas(ThinkingDelta("Hm"), event, **settings)[2] == {"content": "\n</think>\n\n"}


def test_thinking_can_be_left_out() -> None:
    assert deltas(ThinkingDelta("Hm"), ThinkingEnded(), TextDelta("Yes"), thinking_output="none")[1:] == [
        {"content": "Yes"}
    ]


def test_gemini_signatures_are_bare_and_others_wrapped() -> None:
    bare = deltas(ToolStarted("a", "f", opaque=Opaque("gemini", "c2ln", "fam")))[1]
    assert bare["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    wrapped = deltas(ThinkingDelta("Hm"), ThinkingEnded(Opaque("messages", "SIG", "claude")), ToolStarted("a", "f"))[2]
    assert wrapped["tool_calls"][0]["extra_content"]["google"]["thought_signature"].startswith("gw1.messages.")


def test_details_of_the_same_dialect_come_back_and_several_thoughts_cannot_travel_on_one_call() -> None:
    details = [{"type": "reasoning.encrypted", "data": "AAA", "index": 0}]
    found = deltas(ThinkingEnded(Opaque("chat", json.dumps(details))), TextDelta("x"))
    assert found[1] == {"reasoning_details": details}
    assert deltas(ThinkingEnded(Opaque("chat", "not json")), TextDelta("x"))[1] == {"content": "x"}
    signed = ThinkingEnded(Opaque("messages", "S"))
    assert "extra_content" not in deltas(signed, signed, ToolStarted("a", "f"))[1]["tool_calls"][0]


def test_text_signatures_and_sound() -> None:
    assert deltas(TextDelta("x"), TextEnded(opaque=Opaque("gemini", "c2ln")))[2] == {
        "extra_content": {"google": {"thought_signature": "c2ln"}}
    }
    assert deltas(MediaProduced("audio", Inline("audio/wav", "AAAA")))[1] == {"audio": {"data": "AAAA"}}


def test_each_choice_begins_with_its_role() -> None:
    chunks = written(
        Started(),
        TextDelta("a", 0),
        TextDelta("b", 1),
        Finished("end", choice=1),
        Finished("length", choice=0),
        Ended(),
    )
    first = {}
    for chunk in chunks[:-1]:
        first.setdefault(chunk["choices"][0]["index"], chunk["choices"][0]["delta"])
    assert first == {0: {"role": "assistant", "content": ""}, 1: {"role": "assistant", "content": ""}}
    reasons = {c["choices"][0]["index"]: c["choices"][0]["finish_reason"] for c in chunks[:-1]}
    assert reasons == {0: "length", 1: "stop"}


def test_an_end_without_a_reason_still_finishes_every_choice() -> None:
    chunks = written(Started(), TextDelta("a"), Ended())
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1] == "[DONE]"


def test_citations_come_once_with_offsets_in_the_whole_content() -> None:
    found = deltas(
        TextDelta("one "),
        TextEnded(),
        TextDelta("two"),
        Cited("https://a.test", "A", 0, 3),
        Cited("https://b.test", "B"),
        Finished("end"),
    )
    citations = [item["url_citation"] for item in found[3]["annotations"]]
    assert [(c["url"], c["start_index"], c["end_index"]) for c in citations] == [
        ("https://a.test", 4, 7),
        ("https://b.test", 4, 7),
    ]
    assert "annotations" not in found[4]


def test_pictures_and_refusals() -> None:
    picture = MediaProduced("image", Inline("image/png", "AAAA"))
    assert deltas(picture, picture, RefusalDelta("No"))[1:] == [
        {"images": [{"type": "image_url", "index": 0, "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"images": [{"type": "image_url", "index": 1, "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"refusal": "No"},
    ]


def test_a_filtered_answer_says_why_if_somebody_said_why() -> None:
    chunks = written(Started(), Finished("filtered", detail="against the rules"), Ended())
    assert chunks[1]["choices"][0]["delta"] == {"refusal": "against the rules"}
    assert chunks[2]["choices"][0]["finish_reason"] == "content_filter"


def test_logprobs_stand_beside_their_delta() -> None:
    logprobs = {"content": [{"token": "a"}]}
    assert written(Started(), TextDelta("a", logprobs=logprobs))[1]["choices"][0]["logprobs"] == logprobs


def test_a_failure_is_an_error_chunk_without_done() -> None:
    fault = Fault("overloaded", "busy")
    for frames in (written(Started(), TextDelta("a"), Failed(fault), Ended()),):
        assert frames[-1] == {
            "error": {
                "message": "busy",
                "type": "service_unavailable_error",
                "param": None,
                "code": "server_is_overloaded",
            }
        }
    writer = SPEC.stream_writer(context())
    assert len(writer.fail(fault)) == 1
    assert writer.fail(fault) == []
    assert writer.feed(TextDelta("late")) == []


def test_nothing_follows_the_end_and_nothing_follows_a_choices_finish() -> None:
    assert written(Started(), Finished("end"), TextDelta("late"), Ended(), TextDelta("later"))[-1] == "[DONE]"
    assert len(written(Started(), Finished("end"), TextDelta("late"), Ended())) == 3


def test_half_a_character_is_written_as_an_escape() -> None:
    assert b"\\ud83d" in SPEC.stream_writer(context()).feed(TextDelta("\ud83d"))[1]


@given(strategies.event_streams(interleave=True, ordered=False, refusals=True, custom=True))
def test_what_is_written_reads_as_the_same_answer(stream: list[Event]) -> None:
    writer = SPEC.stream_writer(context(usage=True))
    splitter = Splitter()
    frames = splitter.feed(b"".join(frame for event in stream for frame in writer.feed(event)))
    found, meant = fold(events_of(SPEC.stream_reader(Capabilities()), frames)), fold(stream)
    assert _texts(found) == _texts(meant)
    assert found.usage == meant.usage
    assert (found.choices[0].reason, found.complete) == (meant.choices[0].reason, True)


def _texts(answer: Any) -> dict[str, Any]:
    """Chat has one content per message: what is said, by kind."""
    parts = answer.choices[0].parts
    kinds: dict[str, Any] = {}
    for part in parts:
        name = type(part).__name__
        if name == "ToolCall":
            kinds.setdefault(name, []).append((part.call_id, part.name, part.arguments, part.custom))
        else:
            kinds[name] = kinds.get(name, "") + part.text
    return kinds


@given(st.data())
def test_the_same_events_give_the_same_bytes_and_one_end(data: st.DataObject) -> None:
    stream = data.draw(strategies.event_streams())
    first, second = SPEC.stream_writer(context()), SPEC.stream_writer(context())
    out = [frame for event in stream for frame in first.feed(event)]
    assert out == [frame for event in stream for frame in second.feed(event)]
    assert [frame for frame in out if frame.startswith(b"data: [DONE]")] == [b"data: [DONE]\n\n"]
    assert out[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize("fault", [Fault("upstream_broken", "cut"), Fault("timeout", "silence")])
def test_the_raw_lane_fails_alike(fault: Fault) -> None:
    reader = SPEC.stream_reader(Capabilities())
    assert SPEC.stream_failure(fault, reader) == SPEC.stream_writer(context()).fail(fault)
