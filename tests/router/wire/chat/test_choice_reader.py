"""What the deltas of odd compatible servers become, one kind of content at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.conversation import Inline, Opaque, Url
from router.wire.dialect import events_of
from router.wire.events import (
    Cited,
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
)
from router.wire.sse import Frame


def read(*deltas: dict[str, Any], finish: str = "stop", family: str = "fam") -> list[Event]:
    """The events of these deltas, without the first and the last, which every stream has."""
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    chunks = [json.dumps({"id": "c1", "model": "up", "choices": [choice]}).encode() for choice in choices]
    reader = SPEC.stream_reader(Capabilities(family=family))
    events = events_of(reader, [Frame(b"", None, data) for data in (*chunks, b"[DONE]")])
    assert events[0] == Started("c1", "up")
    return events[1:-1]


def called(name: str = "f", arguments: str = "{}", **keys: Any) -> dict[str, Any]:
    entry = {"index": 0, "id": "call_1", "function": {"name": name, "arguments": arguments}, **keys}
    return {"tool_calls": [entry]}


def test_sound_comes_as_its_transcript_and_as_wav() -> None:
    assert read({"audio": {"transcript": "Hi", "data": "UklGRg=="}}) == [
        TextDelta("Hi"),
        MediaProduced("audio", Inline("audio/wav", "UklGRg==")),
        Finished("end"),
    ]
    assert read({"audio": {"id": "a1", "data": ""}}) == [Finished("end")]


def test_pictures_come_as_objects_or_as_bare_addresses() -> None:
    url = "https://x.test/a.png"
    assert read({"images": [{"image_url": {"url": url}}, {"image_url": url}, {"image_url": None}, "odd"]}) == [
        MediaProduced("image", Url(url)),
        MediaProduced("image", Url(url)),
        Finished("end"),
    ]


def test_a_picture_that_cannot_be_read_is_the_providers_fault() -> None:
    with pytest.raises(Fault) as caught:
        read({"images": [{"image_url": {"url": "data:nonsense"}}]})
    assert caught.value.kind == "upstream_broken"


def test_citations_with_and_without_their_inner_object() -> None:
    full = {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 4}
    bare = {"type": "url_citation", "url": "https://b.test", "title": None, "start_index": "0"}
    odd: list[Any] = [{"type": "url_citation", "url_citation": "x"}, {"url_citation": {"title": "no address"}}, 5]
    annotations = [{"type": "url_citation", "url_citation": full}, bare, *odd]
    assert read({"content": "text", "annotations": annotations}) == [
        TextDelta("text"),
        Cited("https://a.test", "A", 0, 4),
        Cited("https://b.test"),
        Finished("end"),
    ]


def test_half_a_character_at_the_end_of_a_thought_is_not_lost() -> None:
    assert read({"reasoning_content": "a\ud83d"}, {"content": "b"}) == [
        ThinkingDelta("a", summary=False),
        ThinkingDelta("\ud83d", summary=False),
        ThinkingEnded(),
        TextDelta("b"),
        Finished("end"),
    ]


def test_half_a_character_at_the_end_of_arguments_is_not_lost() -> None:
    assert read(called(arguments='{"a":"\ud83d'), finish="length") == [
        ToolStarted("call_1", "f"),
        ToolArguments("call_1", '{"a":"'),
        ToolArguments("call_1", "\ud83d"),
        Finished("length"),
    ]


def test_thinking_ends_before_a_refusal_and_before_a_call() -> None:
    assert read({"reasoning": "hm"}, {"refusal": "no"}) == [
        ThinkingDelta("hm", summary=False),
        ThinkingEnded(),
        RefusalDelta("no"),
        Finished("end"),
    ]
    assert read({"reasoning": "hm"}, called())[:3] == [
        ThinkingDelta("hm", summary=False),
        ThinkingEnded(),
        ToolStarted("call_1", "f"),
    ]


def test_reasoning_content_wins_over_reasoning_and_empty_ones_are_nothing() -> None:
    both = {"reasoning_content": "a", "reasoning": "b"}
    assert read(both, {"reasoning_content": "", "reasoning": ""}, {"reasoning_content": None})[:2] == [
        ThinkingDelta("a", summary=False),
        ThinkingEnded(),
    ]


def test_mistrals_parts_of_other_kinds_are_ignored() -> None:
    content: list[Any] = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "so"},
        {"type": "reference", "reference_ids": [1]},
        "odd",
    ]
    assert read({"content": content}) == [
        ThinkingDelta("hm", summary=False),
        ThinkingEnded(),
        TextDelta("so"),
        Finished("end"),
    ]


def test_a_signature_behind_the_text_ends_it_and_names_the_family_that_made_it() -> None:
    signature = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    assert read({"content": "a"}, {"content": "", **signature}) == [
        TextDelta("a"),
        TextEnded(opaque=Opaque("gemini", "c2ln", "fam")),
        Finished("end"),
    ]
    assert read({"content": "a", **signature}, family="")[1] == TextEnded(opaque=Opaque("gemini", "c2ln"))
    assert read(called(), signature) == [
        ToolStarted("call_1", "f"),
        ToolArguments("call_1", "{}"),
        ToolEnded("call_1"),
        Finished("tools"),
    ]


def test_a_signature_of_the_delta_goes_to_its_first_call_alone() -> None:
    both = {"tool_calls": [*called()["tool_calls"], {"index": 1, "id": "call_2", "function": {"name": "g"}}]}
    events = read({**both, "extra_content": {"google": {"thought_signature": "c2ln"}}})
    started = [event for event in events if isinstance(event, ToolStarted)]
    assert started == [
        ToolStarted("call_1", "f", opaque=Opaque("gemini", "c2ln", "fam")),
        ToolStarted("call_2", "g"),
    ]


def test_the_first_fragment_of_a_parallel_call_stays_with_its_index() -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]},
        {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "["}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}, {"index": 1, "function": {"arguments": "]"}}]},
    ]
    assert read(*deltas, finish="tool_calls") == [
        ToolStarted("a", "f"),
        ToolArguments("a", "{"),
        ToolStarted("b", "g"),
        ToolArguments("b", "["),
        ToolArguments("a", "}"),
        ToolArguments("b", "]"),
        ToolEnded("a"),
        ToolEnded("b"),
        Finished("tools"),
    ]


def test_empty_log_probabilities_are_none_and_others_stay_with_their_text() -> None:
    some = {"content": [{"token": "a", "logprob": -0.1}]}
    chunks = [
        {"index": 0, "delta": {"content": "a"}, "logprobs": some},
        {"index": 0, "delta": {"content": "b"}, "logprobs": {"content": []}},
        {"index": 0, "delta": {"content": ""}, "logprobs": some},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ]
    frames = [Frame(b"", None, json.dumps({"choices": [choice]}).encode()) for choice in chunks]
    events = events_of(SPEC.stream_reader(Capabilities()), frames)
    assert events[1:4] == [TextDelta("a", logprobs=some), TextDelta("b"), TextDelta("", logprobs=some)]


def test_a_whole_message_inside_a_stream_is_read_as_a_delta() -> None:
    data = json.dumps({"choices": [{"index": 0, "message": {"content": "all"}, "finish_reason": "stop"}]}).encode()
    events = events_of(SPEC.stream_reader(Capabilities()), [Frame(b"", None, data)])
    assert events[1:3] == [TextDelta("all"), Finished("end")]


@pytest.mark.parametrize("payload", [{"detail": "broken"}, {"object": "error", "message": "broken", "code": 500}])
def test_an_error_without_its_envelope_is_known_by_what_it_says_and_lacks(payload: dict[str, Any]) -> None:
    reader = SPEC.stream_reader(Capabilities())
    [failed] = reader.feed(Frame(b"", None, json.dumps(payload).encode()))
    assert isinstance(failed, Failed)
    assert failed.fault.message == "broken"


def test_a_chunk_with_choices_may_say_anything_beside_them() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}}], "detail": "fine"}
    reader = SPEC.stream_reader(Capabilities())
    assert reader.feed(Frame(b"", None, json.dumps(chunk).encode()))[-1] == TextDelta("a")
