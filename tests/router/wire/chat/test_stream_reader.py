"""Chunks of real and odd servers as events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.conversation import Image, Inline, Opaque, Refusal, Text, Thinking, ToolCall
from router.wire.dialect import events_of
from router.wire.events import (
    Answer,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
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
from router.wire.sse import Frame, Splitter
from tests.data import recorded

MODEL = Capabilities(family="fam")
STOP = {"delta": {}, "finish_reason": "stop"}
CALLED = {"delta": {}, "finish_reason": "tool_calls"}


def recorded_stream(name: str) -> bytes:
    """The bytes of a recorded stream; ``.jsonl`` files hold its payloads, one per line."""
    data = recorded(name).read_bytes()
    if not name.endswith(".jsonl"):
        return data
    return b"".join(b"data: " + line + b"\n\n" for line in data.splitlines())


def frames(*payloads: Any) -> list[Frame]:
    return [Frame(b"", None, p if isinstance(p, bytes) else json.dumps(p).encode()) for p in payloads]


def chunk(*choices: dict[str, Any], **keys: Any) -> dict[str, Any]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up"}
    return {**base, "choices": [{"index": 0, **choice} for choice in choices], **keys}


def delta(**keys: Any) -> dict[str, Any]:
    return chunk({"delta": keys, "finish_reason": None})


def tool(**entry: Any) -> dict[str, Any]:
    return delta(tool_calls=[entry])


def read(*payloads: Any, capabilities: Capabilities = MODEL) -> list[Event]:
    return events_of(SPEC.stream_reader(capabilities), frames(*payloads))


def folded(*payloads: Any, capabilities: Capabilities = MODEL) -> Answer:
    return fold(read(*payloads, capabilities=capabilities))


def parts(*payloads: Any) -> tuple[Any, ...]:
    return folded(*payloads).choices[0].parts


def test_a_plain_stream_in_full() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    events = read(
        delta(role="assistant", content=""),
        delta(content="Hel"),
        delta(content="lo"),
        chunk(STOP),
        {**chunk(), "usage": usage},
        b"[DONE]",
    )
    assert events == [
        Started("chatcmpl-1", "up"),
        TextDelta("Hel"),
        TextDelta("lo"),
        Finished("end"),
        UsageReported(Usage(input=7, output=2)),
        Ended(),
    ]


def test_missing_done_after_a_finish_reason_is_a_success() -> None:
    assert read(delta(content="a"), chunk(STOP))[-2:] == [Finished("end"), Ended()]


def test_a_close_before_the_finish_reason_is_a_broken_stream() -> None:
    with pytest.raises(Fault) as caught:
        read(delta(content="a"))
    assert caught.value.kind == "upstream_broken"
    with pytest.raises(Fault):
        read()


def test_a_close_before_the_second_answer_finished_is_a_broken_stream() -> None:
    with pytest.raises(Fault):
        read(delta(content="a"), chunk({"index": 1, "delta": {"content": "b"}}), chunk(STOP))


def test_done_without_a_finish_reason_finishes_the_answer() -> None:
    assert read(delta(content="a"), b"[DONE]")[-2:] == [Finished("end"), Ended()]
    assert read(tool(index=0, id="c", function={"name": "f"}), b"[DONE]")[-2:] == [Finished("tools"), Ended()]


def test_done_without_any_answer_is_a_broken_stream() -> None:
    with pytest.raises(Fault) as caught:
        read(b"[DONE]")
    assert caught.value.kind == "upstream_broken"


def test_nothing_follows_the_end() -> None:
    reader = SPEC.stream_reader(MODEL)
    for frame in frames(delta(content="a"), chunk(STOP), b"[DONE]"):
        reader.feed(frame)
    assert reader.feed(frames(delta(content="late"))[0]) == []
    assert reader.close() == []


@pytest.mark.parametrize("data", [b"{not json", b"[1]", b'"text"', b'{"choices":["x"]}'])
def test_a_malformed_chunk_is_a_broken_stream(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read(delta(content="a"), data)
    assert caught.value.kind == "upstream_broken"


def test_comments_and_empty_data_are_nothing() -> None:
    reader = SPEC.stream_reader(MODEL)
    assert reader.feed(Frame(b": hi\n\n", None, None)) == []
    assert reader.feed(Frame(b"data:\n\n", None, b"")) == []


def test_azure_begins_with_an_empty_chunk() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "prompt_filter_results": []}
    assert read(first, delta(content="a"), chunk(STOP))[0] == Started("chatcmpl-1", "up")


def test_an_empty_finish_reason_is_none() -> None:
    assert folded(chunk({"delta": {"content": "a"}, "finish_reason": ""}), chunk(STOP)).choices[0].parts == (Text("a"),)


def test_finish_reason_and_usage_with_the_last_delta() -> None:
    last = chunk(
        {"delta": {"content": "b"}, "finish_reason": "length"}, usage={"prompt_tokens": 1, "completion_tokens": 2}
    )
    answer = folded(delta(content="a"), last)
    assert (answer.choices[0].parts, answer.choices[0].reason) == ((Text("ab"),), "length")
    assert answer.usage == Usage(input=1, output=2)


def test_groq_reports_usage_in_its_own_key() -> None:
    answer = folded(
        delta(content="a"), {**chunk(STOP), "x_groq": {"usage": {"prompt_tokens": 4, "completion_tokens": 5}}}
    )
    assert answer.usage == Usage(input=4, output=5)


def test_a_chunk_without_usage_does_not_reset_it() -> None:
    answer = folded(chunk({"delta": {"content": "a"}}, usage={"prompt_tokens": 3, "completion_tokens": 1}), chunk(STOP))
    assert answer.usage == Usage(input=3, output=1)


def test_interleaved_parallel_calls_are_told_apart_by_index() -> None:
    assert parts(
        tool(index=0, id="a", type="function", function={"name": "f", "arguments": ""}),
        tool(index=1, id="b", type="function", function={"name": "g", "arguments": ""}),
        tool(index=1, function={"arguments": '{"y"'}),
        tool(index=0, function={"arguments": '{"x":1}'}),
        tool(index=1, function={"arguments": ":2}"}),
        chunk(CALLED),
    ) == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", '{"y":2}'))


def test_calls_without_index_are_told_apart_by_id_else_appended_to_the_last() -> None:
    assert parts(
        tool(id="a", function={"name": "f", "arguments": '{"x"'}),
        tool(function={"arguments": ":1}"}),
        tool(id="b", function={"name": "g", "arguments": "{}"}),
        chunk(CALLED),
    ) == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))


def test_calls_without_index_and_id_begin_anew_with_a_name() -> None:
    found = parts(
        tool(function={"name": "f", "arguments": "{}"}), tool(function={"name": "f", "arguments": "{}"}), chunk(CALLED)
    )
    assert [(call.name, call.arguments) for call in found] == [("f", "{}"), ("f", "{}")]
    assert found[0].call_id != found[1].call_id


def test_parallel_calls_that_all_say_index_0_are_told_apart_by_id() -> None:
    assert parts(
        tool(index=0, id="a", function={"name": "f", "arguments": "{}"}),
        tool(index=0, id="b", function={"name": "f", "arguments": "[]"}),
        chunk(CALLED),
    ) == (ToolCall("a", "f", "{}"), ToolCall("b", "f", "[]"))


def test_the_same_id_on_every_chunk_and_a_repeated_name_are_one_call() -> None:
    assert parts(
        tool(index=0, id="a", function={"name": "f", "arguments": '{"x"'}),
        tool(index=0, id="a", function={"name": "f", "arguments": ":1}"}),
        chunk(CALLED),
    ) == (ToolCall("a", "f", '{"x":1}'),)


def test_missing_and_repeated_ids_are_made_up_alike_each_time() -> None:
    stream = [
        tool(index=0, id="", function={"name": "f", "arguments": "{}"}),
        tool(index=1, id="x", function={"name": "g"}),
        tool(index=2, id="x", function={"name": "h"}),
        chunk(CALLED),
    ]
    ids = [call.call_id for call in parts(*stream)]
    assert ids == [call.call_id for call in parts(*stream)]
    assert len(set(ids)) == 3
    assert ids[1] == "x"


def test_a_name_later_than_the_id_starts_the_call_with_what_was_said_before() -> None:
    assert parts(
        tool(index=0, id="a", function={"arguments": '{"x"'}),
        tool(index=0, function={"name": "f", "arguments": ":1}"}),
        chunk(CALLED),
    ) == (ToolCall("a", "f", '{"x":1}'),)


def test_arguments_may_be_null_or_an_object() -> None:
    found = parts(
        tool(index=0, id="a", function={"name": "f", "arguments": None}),
        tool(index=1, id="b", function={"name": "g", "arguments": {"big": 2**70}}),
        chunk(CALLED),
    )
    assert found == (ToolCall("a", "f", ""), ToolCall("b", "g", '{"big":1180591620717411303424}'))


def test_the_legacy_function_call_is_a_call() -> None:
    found = parts(
        delta(function_call={"name": "f", "arguments": "{"}),
        delta(function_call={"arguments": "}"}),
        chunk({"delta": {}, "finish_reason": "function_call"}),
    )
    assert [(call.name, call.arguments) for call in found] == [("f", "{}")]


def test_custom_tool_calls_carry_free_text() -> None:
    events = read(tool(index=0, id="a", type="custom", custom={"name": "patch", "input": "*** Begin"}), chunk(CALLED))
    assert events[1:] == [
        ToolStarted("a", "patch", custom=True),
        ToolArguments("a", "*** Begin"),
        ToolEnded("a"),
        Finished("tools"),
        Ended(),
    ]


def test_stop_with_a_complete_call_means_tools() -> None:
    events = read(tool(index=0, id="a", function={"name": "f", "arguments": "{}"}), chunk(STOP))
    assert Finished("tools") in events


def test_tool_calls_without_any_call_is_an_ordinary_end() -> None:
    assert Finished("end") in read(delta(content="a"), chunk(CALLED))


def test_length_in_the_middle_of_a_call_stays_length_and_leaves_the_call_open() -> None:
    events = read(
        tool(index=0, id="a", function={"name": "f", "arguments": "{}"}),
        tool(index=1, id="b", function={"name": "g", "arguments": '{"x'}),
        chunk({"delta": {}, "finish_reason": "length"}),
    )
    assert ToolEnded("a") in events
    assert ToolEnded("b") not in events
    assert Finished("length") in events


@pytest.mark.parametrize(
    ("word", "reason"),
    [("content_filter", "filtered"), ("eos", "end"), ("STOP", "end"), ("weird", "other"), ("model_length", "window")],
)
def test_finish_words(word: str, reason: Any) -> None:
    assert Finished(reason) in read(delta(content="a"), chunk({"delta": {}, "finish_reason": word}))


def test_deepseek_reasoning_comes_before_the_text_and_ends_with_it() -> None:
    assert read(
        delta(role="assistant", content=None, reasoning_content=""),
        delta(content=None, reasoning_content="Hm"),
        delta(content="", reasoning_content="m."),
        delta(content="Yes", reasoning_content=None),
        chunk(STOP),
    )[1:] == [
        ThinkingDelta("Hm", summary=False),
        ThinkingDelta("m.", summary=False),
        ThinkingEnded(),
        TextDelta("Yes"),
        Finished("end"),
        Ended(),
    ]


def test_openrouter_details_are_kept_as_opaque_bytes_and_their_text_is_not_doubled() -> None:
    first = [{"type": "reasoning.text", "text": "Hm", "index": 0, "format": "anthropic-claude-v1"}]
    second = [{"type": "reasoning.text", "text": "m", "signature": "SIG", "index": 0}]
    found = parts(
        delta(content="", reasoning="Hm", reasoning_details=first),
        delta(content="", reasoning="m", reasoning_details=second),
        delta(content="Yes"),
        chunk(STOP),
    )
    assert isinstance(found[0], Thinking)
    assert found[0].text == "Hmm"
    assert found[0].opaque is not None
    assert (found[0].opaque.dialect, found[0].opaque.model) == ("chat", "fam")
    assert json.loads(found[0].opaque.data) == [
        {"type": "reasoning.text", "text": "Hmm", "index": 0, "format": "anthropic-claude-v1", "signature": "SIG"}
    ]
    assert found[1] == Text("Yes")


def test_encrypted_details_without_text_are_a_thinking_part() -> None:
    found = parts(
        delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "AAA", "index": 0}]),
        tool(index=0, id="a", function={"name": "f", "arguments": "{}"}),
        chunk(CALLED),
    )
    assert (found[0].text, json.loads(found[0].opaque.data)[0]["data"]) == ("", "AAA")


def test_mistral_streams_arrays_of_parts() -> None:
    assert parts(
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
        delta(content=[{"type": "text", "text": "Yes"}]),
        chunk(STOP),
    ) == (Thinking("Hm", summary=False), Text("Yes"))


def test_refusals_and_annotations_and_pictures() -> None:
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 1},
    }
    events = read(
        delta(content="x", annotations=[cited]),
        delta(images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]),
        delta(refusal="No"),
        chunk(STOP),
    )
    assert Cited("https://a.test", "A", 0, 1) in events
    answer = fold(events)
    assert answer.choices[0].parts == (Text("x"), Image(Inline("image/png", "iVBORw0KGgo=")), Refusal("No"))


def test_googles_signatures_are_read_from_the_call() -> None:
    signed = {"google": {"thought_signature": "c2ln"}}
    found = parts(tool(index=0, id="a", function={"name": "f", "arguments": "{}"}, extra_content=signed), chunk(CALLED))
    assert found == (ToolCall("a", "f", "{}", opaque=Opaque("gemini", "c2ln", "fam")),)


def test_a_signature_of_the_message_belongs_to_its_first_call_else_to_its_text() -> None:
    signed = {"google": {"thought_signature": "c2ln"}}
    call = delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f"}}], extra_content=signed)
    assert parts(call, chunk(CALLED))[0].opaque == Opaque("gemini", "c2ln", "fam")
    events = read(delta(content="x"), delta(extra_content=signed), chunk(STOP))
    assert TextEnded(opaque=Opaque("gemini", "c2ln", "fam")) in events


def test_several_answers_are_kept_apart() -> None:
    answer = folded(
        chunk({"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}),
        chunk({"index": 1, "delta": {"content": "c"}}),
        chunk({"index": 0, **STOP}, {"index": 1, "delta": {}, "finish_reason": "length"}),
    )
    assert [(choice.parts, choice.reason) for choice in answer.choices] == [
        ((Text("a"),), "end"),
        ((Text("bc"),), "length"),
    ]


def test_logprobs_travel_with_their_delta() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.1}], "refusal": None}
    assert TextDelta("a", logprobs=logprobs) in read(
        chunk({"delta": {"content": "a"}, "logprobs": logprobs}), chunk(STOP)
    )


@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
def test_a_surrogate_pair_cut_in_two_deltas_is_joined(field: str) -> None:
    first = b'{"id":"i","choices":[{"index":0,"delta":{"%b":"a\\ud83d"}}]}' % field.encode()
    second = b'{"id":"i","choices":[{"index":0,"delta":{"%b":"\\ude00b"}}]}' % field.encode()
    found = parts(first, second, chunk(STOP))
    assert found[0].text == "a\U0001f600b"


def test_a_surrogate_pair_cut_in_arguments_is_joined() -> None:
    head = b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":'
    first, second = head + b'"\\"\\ud83d"}}]}}]}', head + b'"\\ude00\\""}}]}}]}'
    assert parts(first, second, chunk(CALLED)) == (ToolCall("a", "f", '"\U0001f600"'),)


def test_half_a_character_that_is_never_completed_is_not_lost() -> None:
    found = parts(b'{"id":"i","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}', chunk(STOP))
    assert found[0].text == "a\ud83d"


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ({"error": {"message": "busy", "type": "server_error", "code": 503}}, "overloaded", "busy"),
        ({"error": "it broke"}, "upstream_broken", "it broke"),
        ({"object": "error", "message": "too long: maximum context length", "code": 400}, "too_long", "too long"),
        (
            chunk({"delta": {}, "finish_reason": "error", "error": {"code": 429, "message": "slow"}}),
            "rate_limited",
            "slow",
        ),
    ],
)
def test_an_error_inside_the_stream_fails_it(payload: Any, kind: str, message: str) -> None:
    events = read(delta(content="a"), payload, delta(content="never"))
    assert isinstance(events[-1], Failed)
    assert (events[-1].fault.kind, message in events[-1].fault.message) == (kind, True)


def test_a_typed_error_frame_fails_the_stream() -> None:
    reader = SPEC.stream_reader(MODEL)
    events = reader.feed(Frame(b"", "error", b'{"message":"boom"}'))
    assert isinstance(events[0], Failed)
    assert events[0].fault.message == "boom"
    assert reader.close() == []


def test_null_errors_and_usage_are_nothing() -> None:
    assert read({**delta(content="a"), "error": None, "usage": None}, chunk(STOP))[1] == TextDelta("a")


def test_names_of_the_answer_are_kept_for_the_raw_lane() -> None:
    reader = SPEC.stream_reader(MODEL)
    reader.feed(frames(delta(content="a"))[0])
    assert (reader.response_id, reader.model, reader.sequence) == ("chatcmpl-1", "up", 0)


RECORDED = {
    "pai-run_stream_sync_streams_real_model-1.sse": (["The capital of the UK is London."], "end", 78),
    "sdk-173417d553.sse": (["I'm sorry, I can't assist with that request."], "end", 79),
    "sdk-4cc50a6135.sse": (['{"'], "length", 79),
    "sdk-f82268f2fe.sse": (
        ['{"city": "Edinburgh", "country": "GB", "units": "c"}', '{"ticker": "AAPL", "exchange": "NASDAQ"}'],
        "tools",
        149,
    ),
    "vercel-azure-model-router.1.jsonl": (["Capital of Denmark."], "end", 15),
    "vercel-groq-tool-call.jsonl": (["{}"], "tools", 210),
}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_streams(name: str) -> None:
    splitter = Splitter()
    stream = splitter.feed(recorded_stream(f"openai-chat/{name}")) + splitter.close()
    answer = fold(events_of(SPEC.stream_reader(MODEL), stream))
    texts = [p.arguments if isinstance(p, ToolCall) else p.text for p in answer.choices[0].parts]  # type: ignore[attr-defined]
    expected, reason, prompt = RECORDED[name]
    assert (texts, answer.choices[0].reason, answer.complete) == (expected, reason, True)
    assert answer.usage is not None
    assert answer.usage.input == prompt


def test_the_recorded_deepseek_stream() -> None:
    splitter = Splitter()
    stream = splitter.feed(recorded_stream("openai-chat/vercel-deepseek-tool-call.jsonl")) + splitter.close()
    answer = fold(events_of(SPEC.stream_reader(MODEL), stream))
    thinking, call = answer.choices[0].parts
    assert isinstance(thinking, Thinking)
    assert thinking.text.startswith("The user is asking for the weather")
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"location": "San Francisco"}
    assert answer.usage == Usage(input=339, output=83, cache_read=320, reasoning=39)


@given(st.data())
def test_any_split_of_the_bytes_gives_the_same_events(data: st.DataObject) -> None:
    stream = b"".join(
        b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"
        for payload in (delta(role="assistant", content=""), delta(content="Grüße \U0001f600"), chunk(STOP))
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    splitter = Splitter()
    found: list[Frame] = []
    for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[a:b])
    assert events_of(SPEC.stream_reader(MODEL), found + splitter.close())[1:3] == [
        TextDelta("Grüße \U0001f600"),
        Finished("end"),
    ]


@pytest.mark.parametrize("beside", [{"usage": None}, {"usage": {}}, {"x_groq": {"id": "r"}}])
def test_a_piece_of_text_beside_no_usage_is_a_piece_of_text(beside: dict[str, Any]) -> None:
    """OpenAI writes `usage: null` into every chunk once usage is asked for."""
    events = read(delta(content="a"), {**delta(content="b"), **beside}, chunk(STOP))
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("a"), TextDelta("b")]


@pytest.mark.parametrize("beside", [lambda usage: {"usage": usage}, lambda usage: {"x_groq": {"usage": usage}}])
def test_usage_beside_a_piece_of_text_is_not_lost(beside: Any) -> None:
    told = beside({"prompt_tokens": 4, "completion_tokens": 5})
    events = read(delta(content="a"), {**delta(content="b"), **told}, chunk(STOP))
    assert UsageReported(Usage(input=4, output=5)) in events and TextDelta("b") in events
