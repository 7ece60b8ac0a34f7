from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire import opaque
from router.wire.conversation import Inline, Opaque, Reasoning, Text, Tool, Turn, Url
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
from router.wire.messages import SPEC
from tests.router.wire.messages.frames import accumulate, context, read_bytes, write, written
from tests.router.wire.strategies import event_streams

BEGIN = Started("up", "m")
END: list[Event] = [Finished("end"), Ended()]


def content(events: list[Event], **fields: Any) -> list[dict[str, Any]]:
    return accumulate(write(events, **fields))["content"]  # type: ignore[no-any-return]


def test_a_text_answer_is_exactly_these_events() -> None:
    payloads = write([BEGIN, TextDelta("Hel"), TextDelta("lo"), UsageReported(Usage(input=9, output=2)), *END])
    assert payloads[0]["type"] == "message_start"
    assert payloads[1:] == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 9,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 2,
            },
        },
        {"type": "message_stop"},
    ]


def test_the_start_has_every_field_that_clients_demand_and_an_estimate_of_the_input() -> None:
    (start,) = write([BEGIN], turns=(Turn("user", (Text(text="x" * 3500),)),))
    message = start["message"]
    usage = message.pop("usage")
    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "shown",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    assert usage == {
        "input_tokens": 1004,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 0,
        "service_tier": "standard",
    }


def test_thinking_gets_its_signature_last() -> None:
    own = Opaque("messages", "sig")
    payloads = write([BEGIN, ThinkingDelta("h"), ThinkingDelta("m"), ThinkingEnded(opaque=own), *END])
    assert payloads[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert [p["delta"] for p in payloads if p["type"] == "content_block_delta"] == [
        {"type": "thinking_delta", "thinking": "h"},
        {"type": "thinking_delta", "thinking": "m"},
        {"type": "signature_delta", "signature": "sig"},
    ]


@pytest.mark.parametrize("foreign", [Opaque("responses", "enc", "gpt-5", "rs_1"), Opaque("gemini", "sig==", "g3")])
def test_a_foreign_signature_travels_in_our_wrapping(foreign: Opaque) -> None:
    (block,) = content([BEGIN, ThinkingEnded(opaque=foreign), *END])
    assert block["thinking"] == ""
    assert block["signature"].startswith(opaque.PREFIX)
    assert opaque.unwrap(block["signature"], "messages") == foreign


def test_thinking_without_a_signature_is_marked_as_ours_and_never_forged() -> None:
    for events in ([ThinkingDelta("h"), ThinkingEnded()], [ThinkingDelta("h")], [ThinkingDelta("h"), TextDelta("t")]):
        block = content([BEGIN, *events, *END])[0]
        unwrapped = opaque.unwrap(block["signature"], "messages")
        assert block["signature"].startswith(opaque.PREFIX)
        assert unwrapped is not None
        assert (unwrapped.dialect, unwrapped.data) == ("chat", "")


def test_redacted_thinking_stays_redacted() -> None:
    redacted = ThinkingEnded(opaque=Opaque("messages", "xyz"), redacted=True)
    assert content([BEGIN, redacted, *END]) == [{"type": "redacted_thinking", "data": "xyz"}]


def call(call_id: str, *pieces: str, **fields: Any) -> list[Event]:
    arguments = [ToolArguments(call_id, piece) for piece in pieces]
    return [ToolStarted(call_id, "f", **fields), *arguments, ToolEnded(call_id)]


def test_a_call_starts_with_an_empty_input_and_streams_its_arguments() -> None:
    payloads = write([BEGIN, *call("c", '{"a"', ":1}"), Finished("tools"), Ended()])
    assert payloads[1]["content_block"] == {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    assert [p["delta"]["partial_json"] for p in payloads if p["type"] == "content_block_delta"] == ['{"a"', ":1}"]
    assert payloads[-2]["delta"]["stop_reason"] == "tool_use"


def test_interleaved_calls_come_one_after_the_other() -> None:
    """OpenAI may mix the deltas of parallel calls (trap 4)."""
    events: list[Event] = [
        BEGIN,
        ToolStarted("a", "f"),
        ToolArguments("a", '{"x":'),
        ToolStarted("b", "g"),
        ToolArguments("b", '{"y":'),
        ToolArguments("a", "1}"),
        ToolArguments("b", "2}"),
        ToolEnded("b"),
        ToolEnded("a"),
        Finished("tools"),
        Ended(),
    ]
    assert content(events) == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {"y": 2}},
    ]


def test_text_in_the_middle_of_a_call_waits_for_its_end() -> None:
    events: list[Event] = [BEGIN, ToolStarted("a", "f"), TextDelta("t"), ToolArguments("a", "{}"), TextDelta("u")]
    blocks = content([*events, ToolEnded("a"), TextDelta("v"), *END])
    assert [block["type"] for block in blocks] == ["tool_use", "text"]
    assert blocks[1]["text"] == "tuv"


def test_a_text_part_that_waited_and_ended_stays_apart_from_the_next() -> None:
    events: list[Event] = [BEGIN, ToolStarted("a", "f"), TextDelta("t"), TextEnded(), ToolEnded("a"), TextDelta("u")]
    assert [block.get("text", block["type"]) for block in content([*events, *END])] == ["tool_use", "t", "u"]
    failed = write([BEGIN, TextDelta("a"), Failed(Fault("timeout", "x")), TextDelta("b")])
    assert failed[-1]["type"] == "error"


def test_text_after_a_call_opens_a_new_block() -> None:
    blocks = content([BEGIN, TextDelta("a"), *call("c", "{}"), TextDelta("b"), *END])
    assert [block.get("text", block["type"]) for block in blocks] == ["a", "tool_use", "b"]


def test_text_parts_stay_apart() -> None:
    assert [b["text"] for b in content([BEGIN, TextDelta("a"), TextEnded(), TextDelta("b"), *END])] == ["a", "b"]


def test_a_cut_call_keeps_the_length_stop() -> None:
    payloads = write([BEGIN, ToolStarted("a", "f"), ToolArguments("a", '{"x'), Finished("length"), Ended()])
    assert [p["type"] for p in payloads[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert payloads[-2]["delta"]["stop_reason"] == "max_tokens"


def test_a_free_text_call_becomes_an_object_with_input() -> None:
    (block,) = content([BEGIN, *call("c", 'say "', 'hi"', custom=True), Finished("tools"), Ended()])
    assert block["input"] == {"input": 'say "hi"'}


def test_a_gemini_call_signature_goes_to_clients_that_asked_for_thinking() -> None:
    signed = call("c", "{}", opaque=Opaque("gemini", "sig", "g3"))
    thinking = content([BEGIN, *signed, *END], reasoning=Reasoning(adaptive=True))
    assert [block["type"] for block in thinking] == ["thinking", "tool_use"]
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": thinking}]}
    (part,) = SPEC.read_request(body).turns[0].parts
    assert part.opaque == Opaque("gemini", "sig", "g3")  # type: ignore[attr-defined]
    assert [block["type"] for block in content([BEGIN, *signed, *END])] == ["tool_use"]


def test_refusals_are_text_and_filtered_is_a_refusal() -> None:
    payloads = write([BEGIN, TextDelta("a"), RefusalDelta("no"), Finished("filtered"), Ended()])
    message = accumulate(payloads)
    assert [block["text"] for block in message["content"]] == ["a", "no"]
    assert message["stop_reason"] == "refusal"


def test_server_tool_blocks_are_written_whole_and_other_dialects_left_out() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    events: list[Event] = [
        BEGIN,
        ForeignProduced("messages", use),
        ForeignProduced("messages", found),
        ForeignProduced("responses", {"type": "web_search_call"}),
    ]
    assert content([*events, *END]) == [use, found]


def test_citations_belong_to_the_open_text() -> None:
    cited = Cited("https://x", "X", quote="q")
    (block,) = content([BEGIN, cited, TextDelta("a"), cited, TextEnded(), cited, *END])
    assert block["citations"] == [
        {
            "type": "web_search_result_location",
            "cited_text": "q",
            "url": "https://x",
            "title": "X",
            "encrypted_index": "",
        }
    ]


def test_pictures_are_said_in_words() -> None:
    events: list[Event] = [BEGIN, MediaProduced("image", Url("https://x/y.png")), TextEnded()]
    texts = [b["text"] for b in content([*events, MediaProduced("image", Inline("image/png", "AA==")), *END])]
    assert texts == ["![image](https://x/y.png)", "[image/png: this API cannot carry it]"]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end", "end_turn"),
        ("tools", "tool_use"),
        ("length", "max_tokens"),
        ("window", "model_context_window_exceeded"),
        ("filtered", "refusal"),
        ("pause", "pause_turn"),
        ("broken_call", "end_turn"),
        ("other", "end_turn"),
    ],
)
def test_every_reason_is_a_word_that_clients_know(reason: Any, word: str) -> None:
    delta = write([BEGIN, Finished(reason, stop_sequence="x"), Ended()])[-2]["delta"]
    assert delta == {"stop_reason": word, "stop_sequence": None}


def test_a_stop_sequence_is_named() -> None:
    delta = write([BEGIN, Finished("stop_sequence", stop_sequence="END"), Ended()])[-2]["delta"]
    assert delta == {"stop_reason": "stop_sequence", "stop_sequence": "END"}


def test_usage_that_comes_after_the_finish_is_still_told() -> None:
    usage = Usage(input=10, cache_read=4, cache_write_5m=3, output=8, reasoning=5)
    payloads = write([BEGIN, TextDelta("a"), Finished("end"), UsageReported(usage), Ended()])
    assert payloads[-2]["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "output_tokens": 8,
        "output_tokens_details": {"thinking_tokens": 5},
    }


def test_missing_usage_is_estimated_and_never_zero() -> None:
    usage = write([BEGIN, TextDelta("x" * 35), *END])[-2]["usage"]
    assert usage["output_tokens"] == 10
    assert usage["input_tokens"] > 0


def test_an_error_is_an_error_event_and_the_last_one() -> None:
    fault = Fault("overloaded", "Busy.")
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}
    assert write([BEGIN, TextDelta("a"), Failed(fault), TextDelta("b"), *END])[-1] == error
    writer = SPEC.stream_writer(context())
    assert writer.fail(fault) == SPEC.stream_failure(fault, SPEC.stream_reader(None))  # type: ignore[arg-type]
    assert writer.feed(BEGIN) == []


def test_content_without_a_start_and_an_empty_answer_are_whole_messages() -> None:
    assert write([TextDelta("a"), *END])[0]["type"] == "message_start"
    assert accumulate(write([Ended()]))["content"] == []


def test_other_choices_have_no_place() -> None:
    assert content([BEGIN, TextDelta("a"), TextDelta("b", choice=1), *END]) == [{"type": "text", "text": "a"}]


def test_the_heartbeat_is_a_ping() -> None:
    assert SPEC.heartbeat == b'event: ping\ndata: {"type":"ping"}\n\n'


KNOWN = {"thinking_delta", "text_delta", "input_json_delta", "signature_delta", "citations_delta"}


@given(event_streams(interleave=True, ordered=False, refusals=True))
def test_a_written_stream_is_what_every_client_can_read(events: list[Event]) -> None:
    payloads = write(events)
    message = accumulate(payloads)
    kinds = [payload["type"] for payload in payloads]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    starts = [p["index"] for p in payloads if p["type"] == "content_block_start"]
    assert starts == list(range(len(starts)))
    assert {p["delta"]["type"] for p in payloads if p["type"] == "content_block_delta"} <= KNOWN
    assert message == SPEC.write_reply(fold(events), context()) | {"usage": message["usage"]}


@given(event_streams(interleave=True))
def test_a_stream_written_and_read_again_folds_to_the_same_answer(events: list[Event]) -> None:
    before, after = fold(events), fold(read_bytes(written(events)))
    assert after.usage == before.usage
    assert after.complete
    assert after.choices[0].reason == before.choices[0].reason

    def said(parts: Any) -> list[Any]:
        return [(type(p).__name__, getattr(p, "text", None) or (p.call_id, p.name, p.arguments)) for p in parts]

    assert said(after.choices[0].parts) == said(before.choices[0].parts)


@given(event_streams(custom=True), st.just(Tool("f")))
def test_the_same_events_give_the_same_bytes(events: list[Event], tool: Tool) -> None:
    assert written(events, tools=(tool,)) == written(events, tools=(tool,))
