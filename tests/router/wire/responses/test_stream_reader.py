from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.conversation import Inline, JsonObject, Opaque
from router.wire.dialect import events_of
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
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
from router.wire.responses import SPEC
from router.wire.sse import Frame, Splitter
from tests.data import recorded
from tests.router.wire.responses.builders import CAPABILITIES, CREATED, completed, stream_events

STARTED = Started("resp_up", "up")
MESSAGE: JsonObject = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
CALL: JsonObject = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": ""}


def added(item: JsonObject, index: int = 0) -> JsonObject:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: JsonObject, index: int = 0) -> JsonObject:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, text: str, index: int = 0, **more: object) -> JsonObject:
    return {"type": f"response.{kind}.delta", "output_index": index, "item_id": "x", "delta": text, **more}


def output_text(text: str, **more: object) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def body(*payloads: JsonObject) -> list[Event]:
    """Events between start and end."""
    events = stream_events([CREATED, *payloads, completed()])
    assert events[0] == STARTED
    assert isinstance(events[-1], Ended)
    assert isinstance(events[-2], Finished)
    return events[1:-2]


def test_text_is_told_once_however_often_it_is_repeated() -> None:
    part = output_text("Hello")
    assert body(
        added(MESSAGE),
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": output_text("")},
        delta("output_text", "Hel", content_index=0, logprobs=[]),
        delta("output_text", "lo", content_index=0),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part},
        done({**MESSAGE, "content": [part]}),
    ) == [TextDelta("Hel"), TextDelta("lo"), TextEnded()]


@pytest.mark.parametrize("last", ["text_done", "part_done", "item_done", "completed"])
def test_text_that_was_not_streamed_comes_with_whatever_has_it(last: str) -> None:
    message = {**MESSAGE, "content": [output_text("Hello")]}
    events = {
        "text_done": [added(MESSAGE), {"type": "response.output_text.done", "output_index": 0, "text": "Hello"}],
        "part_done": [{"type": "response.content_part.done", "output_index": 0, "part": output_text("Hello")}],
        "item_done": [done(message)],
        "completed": [],
    }[last]
    told = stream_events([CREATED, *events, completed([message] if last == "completed" else [])])
    assert [event for event in told if isinstance(event, TextDelta)] == [TextDelta("Hello")]


def test_a_second_content_part_is_a_second_text() -> None:
    message = {**MESSAGE, "content": [output_text("a"), output_text("b")]}
    assert body(done(message)) == [TextDelta("a"), TextEnded(), TextDelta("b"), TextEnded()]


def test_logprobs_travel_with_their_delta_in_the_neutral_form() -> None:
    entry = {"token": "a", "logprob": -0.5, "top_logprobs": []}
    told = body(added(MESSAGE), delta("output_text", "a", content_index=0, logprobs=[entry]))
    assert told == [TextDelta("a", logprobs={"content": [entry]})]


def test_a_call_is_told_from_its_deltas() -> None:
    whole = {**CALL, "arguments": '{"a":1}', "status": "completed"}
    events = stream_events(
        [
            CREATED,
            added(CALL),
            delta("function_call_arguments", '{"a"'),
            delta("function_call_arguments", ":1}"),
            {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'},
            done(whole),
            completed([whole]),
        ]
    )
    assert events == [
        STARTED,
        ToolStarted("call_1", "look"),
        ToolArguments("call_1", '{"a"'),
        ToolArguments("call_1", ":1}"),
        ToolEnded("call_1"),
        Finished("tools"),
        Ended(),
    ]


def test_a_call_without_argument_deltas_is_whole_at_its_end() -> None:
    assert body(
        added(CALL), {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{}"}, done(CALL)
    ) == [ToolStarted("call_1", "look"), ToolArguments("call_1", "{}"), ToolEnded("call_1")]


def test_a_call_that_is_named_only_when_done_is_told_then() -> None:
    nameless = {"type": "function_call", "id": "fc_1", "arguments": ""}
    told = body(
        added(nameless), delta("function_call_arguments", "{}"), done({**CALL, "arguments": "{}", "namespace": "clock"})
    )
    assert told == [
        ToolStarted("call_1", "look", namespace="clock"),
        ToolArguments("call_1", "{}"),
        ToolEnded("call_1"),
    ]


def test_a_call_without_an_id_gets_the_same_made_up_one_every_time() -> None:
    payloads = [CREATED, done({"type": "function_call", "name": "look", "arguments": "{}"}), completed()]
    first, second = (stream_events(payloads)[1] for _ in range(2))
    assert isinstance(first, ToolStarted)
    assert first == second
    assert first.call_id.startswith("call_")


def test_parallel_calls_may_interleave() -> None:
    told = body(
        added(CALL, 0),
        added({**CALL, "call_id": "call_2"}, 1),
        delta("function_call_arguments", "[1", 1),
        delta("function_call_arguments", "[0", 0),
        done({**CALL, "arguments": "[0]"}, 0),
        done({**CALL, "call_id": "call_2", "arguments": "[1]"}, 1),
    )
    calls = [(e.call_id, e.text) for e in told if isinstance(e, ToolArguments)]
    assert calls == [("call_2", "[1"), ("call_1", "[0"), ("call_1", "]"), ("call_2", "]")]


def test_free_text_calls_are_custom() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "exec", "input": ""}
    assert body(
        added(item),
        delta("custom_tool_call_input", "ls "),
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "ls -l"},
        done({**item, "input": "ls -l"}),
    ) == [
        ToolStarted("call_1", "exec", custom=True),
        ToolArguments("call_1", "ls "),
        ToolArguments("call_1", "-l"),
        ToolEnded("call_1"),
    ]


def test_encrypted_reasoning_is_taken_from_the_finished_item() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "incomplete"}
    told = body(
        added(item),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
        delta("reasoning_summary_text", "one", summary_index=0),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1},
        delta("reasoning_summary_text", "two", summary_index=1),
        done({**item, "encrypted_content": "whole"}),
    )
    assert told == [
        ThinkingDelta("one"),
        ThinkingDelta("\n\n"),
        ThinkingDelta("two"),
        ThinkingEnded(Opaque("responses", "whole", model="gpt", id="rs_1")),
    ]


def test_reasoning_without_any_text_is_still_kept() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    assert body(added(item), done(item)) == [ThinkingEnded(Opaque("responses", "e", "gpt", "rs_1"))]
    assert body(done({"type": "reasoning", "id": "rs_1", "summary": []})) == []


def test_raw_reasoning_text_is_not_a_summary() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert body(added(item), delta("reasoning_text", "hm", content_index=0), done(item)) == [
        ThinkingDelta("hm", summary=False),
        ThinkingEnded(),
    ]
    assert body(done(item)) == [ThinkingDelta("hm", summary=False), ThinkingEnded()]


def test_a_reasoning_item_that_ends_after_the_answer_adds_nothing() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    part = {"type": "response.content_part.done", "output_index": 0, "part": {"type": "reasoning_text", "text": "hm"}}
    told = body(
        added(item),
        delta("reasoning_text", "hm"),
        done({**MESSAGE, "content": [output_text("4")]}, 1),
        part,
        done(item),
    )
    assert told == [ThinkingDelta("hm", summary=False), TextDelta("4"), TextEnded()]


def test_refusals_and_citations_are_told() -> None:
    refusal = {**MESSAGE, "content": [{"type": "refusal", "refusal": "I will not"}]}
    assert body(added(MESSAGE), delta("refusal", "I will", content_index=0), done(refusal)) == [
        RefusalDelta("I will"),
        RefusalDelta(" not"),
    ]
    note = {"type": "url_citation", "url": "http://x", "title": "X", "start_index": 0, "end_index": 2}
    assert body(
        added(MESSAGE),
        delta("output_text", "hi", content_index=0),
        {"type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0, "annotation": note},
        done({**MESSAGE, "content": [{**output_text("hi"), "annotations": [note, {**note, "url": "http://y"}]}]}),
    ) == [TextDelta("hi"), Cited("http://x", "X", 0, 2), Cited("http://y", "X", 0, 2), TextEnded()]


def test_other_items_are_kept_whole_and_pictures_are_media() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}
    picture = {"type": "image_generation_call", "id": "ig_1", "result": "iVBO", "output_format": "webp"}
    assert body(
        added({**search, "status": "in_progress"}),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        done(search),
        done(picture, 1),
    ) == [ForeignProduced("responses", search), MediaProduced("image", Inline("image/webp", "iVBO"))]


def test_items_are_known_by_index_where_ids_rotate() -> None:
    told = body(
        added({**MESSAGE, "id": "a"}),
        delta("output_text", "x", item_id="b", content_index=0),
        done({**MESSAGE, "id": "c", "content": [output_text("x")]}),
    )
    assert told == [TextDelta("x"), TextEnded()]


def test_the_phase_of_a_message_is_kept() -> None:
    commentary = {**MESSAGE, "phase": "commentary"}
    told = body(added(commentary), done({**commentary, "content": [output_text("x")]}))
    assert told[-1] == TextEnded(extra={"responses": {"phase": "commentary"}})


@pytest.mark.parametrize(
    ("status", "why", "reason"),
    [
        ("incomplete", "max_output_tokens", "length"),
        ("incomplete", "content_filter", "filtered"),
        ("incomplete", "something new", "other"),
        ("completed", None, "end"),
    ],
)
def test_the_end_says_why(status: str, why: str | None, reason: str) -> None:
    response = {"status": status, "output": [], "incomplete_details": {"reason": why} if why else None}
    events = stream_events([CREATED, {"type": f"response.{status}", "response": response}])
    assert events == [STARTED, Finished(reason), Ended()]  # type: ignore[arg-type]


def test_a_call_cut_by_the_limit_is_no_finished_call() -> None:
    cut = {**CALL, "arguments": '{"a', "status": "incomplete"}
    response = {"status": "incomplete", "output": [cut], "incomplete_details": {"reason": "max_output_tokens"}}
    events = stream_events([CREATED, added(CALL), done(cut), {"type": "response.incomplete", "response": response}])
    assert Finished("length") in events
    assert not any(isinstance(event, ToolEnded) for event in events)


def test_usage_counts_caches_and_reasoning_inside_their_wholes() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 150,
    }
    events = stream_events([CREATED, completed(usage=usage)])
    expected = Usage(input=100, output=50, cache_read=60, cache_write_5m=10, reasoning=30)
    assert UsageReported(expected) in events
    odd = stream_events([CREATED, completed(usage={"input_tokens": None, "input_tokens_details": None})])
    assert UsageReported(Usage()) in odd


@pytest.mark.parametrize(
    "failure",
    [
        {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow", "param": None}},
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None},
        {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}},
        {"error": {"code": 429, "message": "slow"}},
    ],
)
def test_every_form_of_failure_ends_the_stream_once(failure: JsonObject) -> None:
    again = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "again"}}}
    frames = [Frame(b"", None, json.dumps(payload).encode()) for payload in (CREATED, failure, again)]
    events = events_of(SPEC.stream_reader(CAPABILITIES), frames)
    assert events[0] == STARTED
    assert len(events) == 2
    assert isinstance(events[1], Failed)
    assert (events[1].fault.kind, events[1].fault.message) == ("rate_limited", "slow")


@pytest.mark.parametrize("payloads", [[], [CREATED], [CREATED, added(MESSAGE), delta("output_text", "x")]])
def test_an_end_without_a_terminal_event_is_a_broken_upstream(payloads: list[JsonObject]) -> None:
    with pytest.raises(Fault) as caught:
        stream_events(payloads)
    assert caught.value.kind == "upstream_broken"


@pytest.mark.parametrize("data", [b"not json", b"[1]", b'{"type":'])
def test_a_frame_that_is_no_event_is_a_broken_upstream(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.stream_reader(CAPABILITIES).feed(Frame(data, None, data))
    assert caught.value.kind == "upstream_broken"


def test_unknown_events_comments_and_done_are_ignored() -> None:
    reader = SPEC.stream_reader(CAPABILITIES)
    for data in (None, b"[DONE]", b'{"type":"response.future.delta","delta":{"x":1}}', b'{"type":7}', b"{}"):
        assert reader.feed(Frame(b"", None, data)) == []


def test_a_stream_without_created_still_starts() -> None:
    frame = Frame(b"", None, json.dumps(delta("output_text", "x", content_index=0)).encode())
    assert SPEC.stream_reader(CAPABILITIES).feed(frame) == [Started(), TextDelta("x")]


def test_a_character_cut_in_two_deltas_comes_whole() -> None:
    def frame(half: str) -> Frame:
        data = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"%s"}' % half.encode()
        return Frame(b"", None, data)

    reader = SPEC.stream_reader(CAPABILITIES)
    reader.feed(Frame(b"", None, json.dumps(CREATED).encode()))
    assert reader.feed(frame("a\\ud83d")) == [TextDelta("a")]
    assert reader.feed(frame("\\ude00b")) == [TextDelta("😀b")]


def test_the_reader_knows_what_the_raw_lane_must_continue() -> None:
    reader = SPEC.stream_reader(CAPABILITIES)
    assert (reader.response_id, reader.model, reader.sequence) == ("", "", 0)
    reader.feed(Frame(b"", None, json.dumps({**CREATED, "sequence_number": 0}).encode()))
    reader.feed(Frame(b"", None, json.dumps({**added(MESSAGE), "sequence_number": 7}).encode()))
    assert (reader.response_id, reader.model, reader.sequence) == ("resp_up", "up", 7)


STREAM = "\n\n".join(
    "data: " + json.dumps(payload, ensure_ascii=False)
    for payload in [
        CREATED,
        added(MESSAGE),
        delta("output_text", "ü😀", content_index=0),
        done({**MESSAGE, "content": [output_text("ü😀!")]}),
        completed(),
    ]
).encode()


@given(st.sets(st.integers(1, len(STREAM) - 1), max_size=8))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: set[int]) -> None:
    splitter = Splitter()
    frames = [frame for a, b in pairwise([0, *sorted(cuts), len(STREAM)]) for frame in splitter.feed(STREAM[a:b])]
    events = events_of(SPEC.stream_reader(CAPABILITIES), frames + splitter.close())
    assert events == [STARTED, TextDelta("ü😀"), TextDelta("!"), TextEnded(), Finished("end"), Ended()]


RECORDED = {
    "pai-openai_responses_stream-1.sse": ("The capital of France is Paris.", "end", []),
    "pai-openai_responses_raw_cot_stream_openrouter.sse": ("4", "end", []),
    "vercel-openai-custom-tool.1.jsonl": ("", "tools", [("write_sql", "SELECT * FROM users WHERE age > 25")]),
    "vercel-lmstudio-tool-call.1.jsonl": (
        "I'll get the current weather information for San Francisco for you.",
        "tools",
        [("weather", '{"location":"San Francisco"}')],
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_streams_fold_to_what_the_model_said(name: str) -> None:
    data = recorded(f"openai-responses/{name}").read_bytes()
    if name.endswith("jsonl"):
        data = b"".join(b"data: " + line + b"\n\n" for line in data.splitlines() if line.strip())
    splitter = Splitter()
    answer = fold(events_of(SPEC.stream_reader(CAPABILITIES), splitter.feed(data) + splitter.close()))
    text, reason, calls = RECORDED[name]
    parts = answer.choices[0].parts
    assert answer.complete
    assert answer.usage is not None
    assert answer.choices[0].reason == reason
    assert "".join(part.text for part in parts if type(part).__name__ == "Text") == text  # type: ignore[attr-defined]
    told = [(p.name, p.arguments) for p in parts if type(p).__name__ == "ToolCall"]  # type: ignore[attr-defined]
    assert told == calls


def test_recorded_failure_is_a_spent_quota() -> None:
    lines = recorded("openai-responses/vercel-openai-error.1.jsonl").read_bytes().splitlines()
    events = events_of(SPEC.stream_reader(CAPABILITIES), [Frame(line, None, line) for line in lines if line])
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind == "quota_spent"


def test_citations_are_counted_for_each_part_of_a_message() -> None:
    def cited(url: str, part: int) -> JsonObject:
        note = {"type": "url_citation", "url": url, "title": "", "start_index": 0, "end_index": 1}
        kind = "response.output_text.annotation.added"
        return {"type": kind, "output_index": 0, "content_index": part, "annotation": note}

    second = cited("http://b", 1)
    content = [
        {**output_text("a"), "annotations": [cited("http://a", 0)["annotation"]]},
        {**output_text("b"), "annotations": [second["annotation"]]},
    ]
    told = body(
        added(MESSAGE),
        delta("output_text", "a", content_index=0),
        delta("output_text", "b", content_index=1),
        second,
        done({**MESSAGE, "content": content}),
    )
    assert sorted(event.url for event in told if isinstance(event, Cited)) == ["http://a", "http://b"]


def test_an_annotation_without_a_known_kind_is_left_out() -> None:
    kind = "response.output_text.annotation.added"
    notes = ({"type": "file_citation", "file_id": "f"}, None, "x")
    frames = [{"type": kind, "output_index": 0, "content_index": 0, "annotation": note} for note in notes]
    assert body(added(MESSAGE), delta("output_text", "a"), *frames) == [TextDelta("a")]


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        (CALL, {"type": "response.function_call_arguments.done", "arguments": "{}"}, ToolArguments("call_1", "{}")),
        (
            {"type": "custom_tool_call", "id": "c", "call_id": "call_1", "name": "look", "input": ""},
            {"type": "response.custom_tool_call_input.done", "input": "free"},
            ToolArguments("call_1", "free"),
        ),
        (
            {"type": "custom_tool_call", "id": "c", "call_id": "call_1", "name": "look", "input": ""},
            {"type": "response.custom_tool_call_input.delta", "delta": "free"},
            ToolArguments("call_1", "free"),
        ),
        (MESSAGE, {"type": "response.refusal.delta", "delta": "no"}, RefusalDelta("no")),
        (MESSAGE, {"type": "response.refusal.done", "refusal": "no"}, RefusalDelta("no")),
        (MESSAGE, {"type": "response.output_text.done", "text": "hi"}, TextDelta("hi")),
        (
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
            ThinkingDelta("hm", summary=True),
        ),
        (
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "response.reasoning_text.delta", "delta": "hm"},
            ThinkingDelta("hm", summary=False),
        ),
    ],
)
def test_each_event_alone_tells_what_it_holds(item: JsonObject, event: JsonObject, expected: Event) -> None:
    assert expected in body(added(item), {"output_index": 0, "content_index": 0, **event})


@pytest.mark.parametrize("kind", ["created", "in_progress", "queued"])
def test_any_first_snapshot_names_the_response(kind: str) -> None:
    first = {"type": f"response.{kind}", "response": {"id": "resp_q", "model": "q", "created_at": 7.0}}
    reader = SPEC.stream_reader(CAPABILITIES)
    frames = Splitter().feed(b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (first, first)))
    assert [event for frame in frames for event in reader.feed(frame)] == [Started("resp_q", "q")]


@pytest.mark.parametrize("kind", ["completed", "done", "incomplete"])
def test_each_last_snapshot_ends_the_answer(kind: str) -> None:
    last = {**completed(), "type": f"response.{kind}"}
    assert stream_events([CREATED, last]) == [STARTED, Finished("end"), Ended()]


@pytest.mark.parametrize("kind", ["failed", "cancelled"])
def test_each_failed_snapshot_fails_with_its_own_words(kind: str) -> None:
    response = {"id": "r", "status": kind, "error": {"code": "server_error", "message": "it broke"}}
    (failed,) = stream_events([{"type": f"response.{kind}", "response": response}])
    assert isinstance(failed, Failed)
    assert "it broke" in failed.fault.message


def test_text_before_any_snapshot_begins_the_answer() -> None:
    told = stream_events([delta("output_text", "hi", content_index=0), completed()])
    assert told[:2] == [Started("", ""), TextDelta("hi")]


def test_another_summary_part_is_another_paragraph() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}

    def part(number: int) -> JsonObject:
        return {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": number}

    told = body(
        added(item), part(0), delta("reasoning_summary_text", "a"), part(1), delta("reasoning_summary_text", "b")
    )
    assert "".join(each.text for each in told if isinstance(each, ThinkingDelta)) == "a\n\nb"


def test_encrypted_reasoning_without_an_id_has_none() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    (ended,) = [each for each in body(done(item)) if isinstance(each, ThinkingEnded)]
    assert ended.opaque == Opaque("responses", "gAAA", "gpt")
