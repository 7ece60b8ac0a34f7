from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.codec import loads
from router.wire.conversation import Inline, JsonObject, Opaque, Url
from router.wire.dialect import ReplyContext, events_of
from router.wire.events import (
    Answer,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
    Reason,
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
from router.wire.opaque import unwrap
from router.wire.responses import SPEC
from router.wire.sse import Splitter
from tests.router.wire.responses.builders import CAPABILITIES, context, written
from tests.router.wire.strategies import answers, event_streams, streams_of

DOCUMENTED = {
    "response.created", "response.in_progress", "response.completed", "response.incomplete", "response.failed", "error",
    "response.output_item.added", "response.output_item.done", "response.content_part.added",
    "response.content_part.done", "response.output_text.delta", "response.output_text.done",
    "response.output_text.annotation.added", "response.refusal.delta", "response.refusal.done",
    "response.reasoning_summary_part.added", "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "response.reasoning_text.delta",
    "response.reasoning_text.done", "response.function_call_arguments.delta", "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done",
}  # fmt: skip
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}


def whole(*events: Event, reason: Reason = "end", asked: ReplyContext | None = None) -> list[JsonObject]:
    return written([Started("up", "m"), *events, Finished(reason), Ended()], asked)


def types(payloads: list[JsonObject]) -> list[str]:
    return [payload["type"].removeprefix("response.") for payload in payloads]


def output(payloads: list[JsonObject]) -> list[JsonObject]:
    items: list[JsonObject] = payloads[-1]["response"]["output"]
    return items


def test_text_has_every_event_that_clients_wait_for() -> None:
    payloads = whole(TextDelta("Hel"), TextDelta("lo"), UsageReported(Usage(input=3, output=2)))
    assert types(payloads) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    item = output(payloads)[0]
    assert payloads[2]["item"] == {**item, "status": "in_progress", "content": []}
    assert payloads[4] == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": item["id"],
        "output_index": 0,
        "content_index": 0,
        "delta": "Hel",
        "logprobs": [],
    }
    assert payloads[6]["text"] == "Hello"
    assert payloads[8]["item"] == item
    assert item["content"] == [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}]
    assert item["status"] == "completed"
    assert item["id"].startswith("msg_")


def test_the_response_object_has_the_fields_that_strict_clients_want() -> None:
    tool = {"type": "function", "name": "look", "description": "d", "strict": True, "parameters": {"type": "object"}}
    asked = context(
        {
            "instructions": "be brief",
            "tools": [tool],
            "tool_choice": "required",
            "temperature": 0,
            "max_output_tokens": 64,
            "metadata": {"k": "v"},
            "store": False,
            "reasoning": {"effort": "low"},
            "parallel_tool_calls": False,
        }
    )
    payloads = whole(
        UsageReported(Usage(input=9, output=5, cache_read=4, cache_write_5m=1, cache_write_1h=1, reasoning=3)),
        asked=asked,
    )
    created, last = payloads[0]["response"], payloads[-1]["response"]
    assert {payload["response"]["id"] for payload in payloads} == {"resp_1"}
    assert (created["status"], created["usage"], created["output"]) == ("in_progress", None, [])
    assert (last["object"], last["created_at"], last["model"]) == ("response", 1_700_000_000, "shown")
    assert (last["tools"], last["tool_choice"], last["parallel_tool_calls"]) == ([tool], "required", False)
    assert (last["instructions"], last["temperature"], last["store"]) == ("be brief", 0.0, False)
    assert last["reasoning"] == {"effort": "low", "summary": None}
    assert (last["error"], last["incomplete_details"], last["metadata"]) == (None, None, {"k": "v"})
    assert last["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 14,
    }


def test_a_call_streams_its_arguments_and_repeats_them() -> None:
    payloads = whole(
        ToolStarted("call_1", "look", namespace="clock"),
        ToolArguments("call_1", '{"a"'),
        ToolArguments("call_1", ":1}"),
        ToolEnded("call_1"),
        reason="tools",
    )
    assert types(payloads)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    item = output(payloads)[0]
    assert item["id"].startswith("fc_")
    assert payloads[5]["arguments"] == '{"a":1}'
    assert payloads[5]["name"] == "look"
    assert {k: v for k, v in item.items() if k != "id"} == {
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "look",
        "namespace": "clock",
        "arguments": '{"a":1}',
    }


def test_a_call_without_arguments_is_an_empty_object() -> None:
    payloads = whole(ToolStarted("call_1", "look"), ToolEnded("call_1"), reason="tools")
    assert output(payloads)[0]["arguments"] == "{}"
    assert [p["delta"] for p in payloads if p["type"].endswith(".delta")] == ["{}"]


def test_calls_in_the_default_namespace_leave_it_out() -> None:
    payloads = whole(ToolStarted("call_1", "exec", custom=True, namespace="functions"), ToolEnded("call_1"))
    assert "namespace" not in output(payloads)[0]


def test_free_text_calls_have_their_own_events() -> None:
    payloads = whole(
        ToolStarted("call_1", "exec", custom=True), ToolArguments("call_1", "ls"), ToolEnded("call_1"), reason="tools"
    )
    assert types(payloads)[3:5] == ["custom_tool_call_input.delta", "custom_tool_call_input.done"]
    item = output(payloads)[0]
    assert (item["type"], item["input"], item["call_id"]) == ("custom_tool_call", "ls", "call_1")
    assert item["id"].startswith("ctc_")
    assert "arguments" not in item


def test_text_after_a_call_opens_a_new_message() -> None:
    payloads = whole(
        TextDelta("a"),
        ToolStarted("call_1", "look"),
        ToolArguments("call_1", "{}"),
        ToolEnded("call_1"),
        TextDelta("b"),
    )
    items = output(payloads)
    assert [item["type"] for item in items] == ["message", "function_call", "message"]
    assert len({item["id"] for item in items}) == 3
    assert types(payloads).index("output_item.done") < types(payloads).index("function_call_arguments.delta")


def test_interleaved_calls_keep_their_indexes_apart() -> None:
    payloads = whole(
        ToolStarted("a", "one"),
        ToolStarted("b", "two"),
        ToolArguments("b", "[1]"),
        ToolArguments("a", "[0]"),
        ToolEnded("b"),
        ToolEnded("a"),
    )
    assert [(i["name"], i["arguments"]) for i in output(payloads)] == [("one", "[0]"), ("two", "[1]")]
    deltas = [(p["output_index"], p["delta"]) for p in payloads if p["type"].endswith("arguments.delta")]
    assert deltas == [(1, "[1]"), (0, "[0]")]


def test_thinking_is_a_reasoning_item_with_its_native_bytes() -> None:
    payloads = whole(ThinkingDelta("let me"), ThinkingEnded(Opaque("responses", "gAAA", "gpt", "rs_9")), TextDelta("x"))
    assert types(payloads)[2:8] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
    ]  # fmt: skip
    item = output(payloads)[0]
    assert item["summary"] == [{"type": "summary_text", "text": "let me"}]
    assert item["encrypted_content"] == "gAAA"
    assert item["id"].startswith("rs_")
    assert payloads[2]["item"] == {"type": "reasoning", "id": item["id"], "summary": []}


def test_foreign_signatures_travel_with_our_prefix_even_without_text() -> None:
    signature = Opaque("messages", "c2ln", model="claude")
    item = output(whole(ThinkingEnded(signature), TextDelta("x")))[0]
    assert item["summary"] == []
    assert item["encrypted_content"].startswith("gw1.messages.")
    assert unwrap(item["encrypted_content"], "responses") == signature


def test_raw_reasoning_is_content_not_summary() -> None:
    payloads = whole(ThinkingDelta("hm", summary=False), ThinkingEnded())
    assert output(payloads)[0]["content"] == [{"type": "reasoning_text", "text": "hm"}]
    assert types(payloads)[3:7] == [
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
    ]


def test_two_thoughts_are_two_items() -> None:
    payloads = whole(ThinkingDelta("a"), ThinkingEnded(), ThinkingDelta("b"), ThinkingEnded(), TextDelta("x"))
    assert [item["type"] for item in output(payloads)] == ["reasoning", "reasoning", "message"]


def test_a_signature_on_a_call_comes_back_on_the_call() -> None:
    signature = Opaque("gemini", "c2ln", model="gemini-3")
    items = output(whole(ToolStarted("call_1", "look", opaque=signature), ToolEnded("call_1"), reason="tools"))
    assert [item["type"] for item in items] == ["reasoning", "function_call"]
    turns = SPEC.read_request({"model": "m", "input": items}).turns
    assert len(turns) == 1
    assert turns[0].parts[0].opaque == signature  # type: ignore[attr-defined]


def test_redacted_thinking_comes_back_redacted() -> None:
    kept = Opaque("messages", "ZGF0YQ", model="claude")
    items = output(whole(ThinkingEnded(kept, redacted=True), TextDelta("x")))
    part = SPEC.read_request({"model": "m", "input": items}).turns[0].parts[0]
    assert (part.opaque, part.redacted, part.text) == (kept, True, "")  # type: ignore[attr-defined]


def test_refusals_and_several_parts_share_one_message() -> None:
    payloads = whole(TextDelta("a"), TextEnded(), TextDelta("b"), RefusalDelta("no"))
    assert [p["delta"] for p in payloads if p["type"] == "response.refusal.delta"] == ["no"]
    content = output(payloads)[0]["content"]
    assert [part.get("text", part.get("refusal")) for part in content] == ["a", "b", "no"]
    assert [p["content_index"] for p in payloads if p["type"].endswith("part.added")] == [0, 1, 2]


def test_citations_are_url_citations_with_offsets() -> None:
    payloads = whole(TextDelta("see X"), Cited("http://x", "X", 4, 5), Cited("http://y"))
    annotations = output(payloads)[0]["content"][0]["annotations"]
    assert annotations == [
        {"type": "url_citation", "start_index": 4, "end_index": 5, "url": "http://x", "title": "X"},
        {"type": "url_citation", "start_index": 5, "end_index": 5, "url": "http://y", "title": ""},
    ]
    told = [p for p in payloads if p["type"].endswith("annotation.added")]
    assert [(p["annotation_index"], p["annotation"]) for p in told] == list(enumerate(annotations))


def test_logprobs_stand_on_the_delta_and_on_the_part() -> None:
    entry = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    payloads = whole(TextDelta("a", logprobs={"content": [entry]}))
    assert payloads[4]["logprobs"] == [entry]
    assert output(payloads)[0]["content"][0]["logprobs"] == [entry]


def test_pictures_and_own_foreign_items_are_items_others_are_left_out() -> None:
    raw = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    payloads = whole(
        ForeignProduced("responses", raw),
        ForeignProduced("messages", {"type": "server_tool_use"}),
        MediaProduced("image", Inline("image/webp", "QUJD")),
        MediaProduced("image", Url("http://x")),
        MediaProduced("audio", Inline("audio/wav", "QUJD")),
    )
    items = output(payloads)
    assert items[0] == raw
    assert len(items) == 2
    assert (items[1]["type"], items[1]["result"], items[1]["output_format"]) == (
        "image_generation_call",
        "QUJD",
        "webp",
    )


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("end", "completed", None),
        ("stop_sequence", "completed", None),
        ("tools", "completed", None),
        ("pause", "completed", None),
        ("other", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("window", "incomplete", "max_output_tokens"),
        ("filtered", "incomplete", "content_filter"),
    ],
)
def test_each_reason_has_its_status(reason: Reason, status: str, why: str | None) -> None:
    last = whole(TextDelta("x"), reason=reason)[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status
    assert last["response"]["incomplete_details"] == (None if why is None else {"reason": why})
    assert last["response"]["output"][0]["status"] == status


def test_a_call_cut_by_the_limit_is_closed_as_incomplete() -> None:
    payloads = whole(TextDelta("so"), ToolStarted("call_1", "look"), ToolArguments("call_1", '{"a'), reason="length")
    message, call = output(payloads)
    assert (message["status"], call["status"], call["arguments"]) == ("completed", "incomplete", '{"a')
    assert types(payloads)[-2:] == ["output_item.done", "incomplete"]


def test_a_broken_call_with_nothing_else_is_a_failed_response() -> None:
    last = written([Started(), Finished("broken_call", detail="malformed"), Ended()])[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "malformed"}


def test_usage_that_comes_after_the_finish_is_in_the_last_event() -> None:
    payloads = written([Started(), TextDelta("x"), Finished("end"), UsageReported(Usage(input=1, output=1)), Ended()])
    assert payloads[-1]["response"]["usage"]["total_tokens"] == 2


def test_a_stream_that_begins_with_content_is_created_first() -> None:
    assert types(written([TextDelta("x")]))[:2] == ["created", "in_progress"]


def test_a_failure_is_one_error_event_and_a_failed_response() -> None:
    fault = Fault("rate_limited", "slow down", retry_after=3)
    payloads = written([Started(), TextDelta("x"), Failed(fault), TextDelta("y"), Ended()])
    error, failed = payloads[-2:]
    assert error == {
        "type": "error",
        "sequence_number": 5,
        "code": "rate_limit_exceeded",
        "message": "slow down",
        "param": None,
        "error": {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        },
    }
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 6)
    response = failed["response"]
    assert (response["id"], response["status"]) == ("resp_1", "failed")
    assert response["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
    assert response["output"] == []


def test_a_failure_keeps_what_was_finished_and_nothing_follows() -> None:
    writer = SPEC.stream_writer(context())
    for event in (TextDelta("a"), ToolStarted("call_1", "x"), ToolEnded("call_1"), ToolStarted("call_2", "x")):
        writer.feed(event)
    frames = writer.fail(Fault("timeout", "silence"))
    assert len(frames) == 2
    frame = Splitter().feed(frames[1])[0]
    failed = loads(frame.data or b"")
    assert [item["type"] for item in failed["response"]["output"]] == ["message", "function_call"]
    assert failed["response"]["error"]["code"] == "server_error"
    assert writer.feed(Ended()) == []
    assert writer.fail(Fault("timeout", "again")) == []


def test_other_choices_are_not_mixed_in() -> None:
    payloads = whole(TextDelta("a"), TextDelta("other", choice=1))
    assert output(payloads)[0]["content"][0]["text"] == "a"


def test_the_same_answer_gets_the_same_ids_and_another_gets_others() -> None:
    def ids(response_id: str) -> list[str]:
        items = output(whole(TextDelta("a"), ThinkingDelta("b"), asked=context(response_id=response_id)))
        return [item["id"] for item in items]

    assert ids("resp_1") == ids("resp_1")
    assert not set(ids("resp_1")) & set(ids("resp_2"))


def read_back(payload_frames: list[bytes]) -> list[Event]:
    return events_of(SPEC.stream_reader(CAPABILITIES), Splitter().feed(b"".join(payload_frames)))


FEATURES = st.fixed_dictionaries({"ordered": st.booleans(), "custom": st.just(True), "refusals": st.just(True)})


@given(FEATURES.flatmap(lambda features: event_streams(interleave=True, **features)))
def test_any_valid_stream_is_numbered_densely_and_ends_once(events: list[Event]) -> None:
    payloads = written(events)
    assert [payload["sequence_number"] for payload in payloads] == list(range(len(payloads)))
    assert {payload["type"] for payload in payloads} <= DOCUMENTED
    assert [p["type"] in TERMINAL for p in payloads] == [False] * (len(payloads) - 1) + [True]
    opened = [p["output_index"] for p in payloads if p["type"] == "response.output_item.added"]
    closed = [p["output_index"] for p in payloads if p["type"] == "response.output_item.done"]
    assert opened == list(range(len(opened)))
    assert sorted(closed) == opened
    done = {p["output_index"]: p["item"] for p in payloads if p["type"] == "response.output_item.done"}
    assert [done[index] for index in opened] == payloads[-1]["response"]["output"]
    assert all(p["item_id"] == done[p["output_index"]]["id"] for p in payloads if "item_id" in p)


@given(st.data(), FEATURES)
def test_what_is_written_reads_back_as_the_same_answer(data: st.DataObject, features: dict[str, bool]) -> None:
    answer: Answer = data.draw(answers(**features))
    events = data.draw(streams_of(answer, interleave=data.draw(st.booleans())))
    asked = context()
    writer = SPEC.stream_writer(asked)
    again = fold(read_back([frame for event in events for frame in writer.feed(event)]))
    assert again.choices == answer.choices
    assert again.usage == answer.usage
    assert again.complete
    assert (again.response_id, again.model) == ("resp_1", "shown")


@given(st.data(), FEATURES)
def test_the_unstreamed_answer_is_the_streams_last_event(data: st.DataObject, features: dict[str, bool]) -> None:
    answer: Answer = data.draw(answers(**features))
    events = data.draw(streams_of(answer))
    asked = context()
    reply = SPEC.write_reply(answer, asked)
    assert reply == written(events, asked)[-1]["response"]
    assert fold(SPEC.read_reply(reply, CAPABILITIES)).choices == answer.choices
