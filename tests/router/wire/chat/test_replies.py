"""Unstreamed answers, errors, token counts and signatures of the Chat dialect."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.chat.finish import READ, WRITE, read_finish
from router.wire.chat.usage import read_usage, write_usage
from router.wire.conversation import Conversation, Inline, Opaque, Refusal, Text, Thinking, Tool, ToolCall
from router.wire.dialect import ReplyContext, events_of
from router.wire.events import (
    Answer,
    Choice,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaProduced,
    Reason,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
)
from router.wire.fold import fold
from router.wire.sse import Splitter
from tests.data import recorded
from tests.router.wire import strategies

MODEL = Capabilities(family="fam")


def context(**settings: Any) -> ReplyContext:
    request = Conversation(dialect="chat", model="alias", **settings.pop("request", {}))
    return ReplyContext(response_id="chatcmpl-9", model="alias", created=7, request=request, **settings)


def reply(*events: Event, **settings: Any) -> dict[str, Any]:
    return SPEC.write_reply(fold([Started("up", "up"), *events, Ended()]), context(**settings))


def message(*events: Event, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = reply(*events, **settings)["choices"][0]["message"]
    return found


def test_a_whole_answer_in_full() -> None:
    answer = Answer(
        "up",
        "up",
        (Choice((Text("Hi"), ToolCall("a", "f", "{}")), "tools"),),
        Usage(input=5, output=3),
        True,
        {"chat": {"service_tier": "default", "system_fingerprint": "fp"}},
    )
    assert SPEC.write_reply(answer, context()) == {
        "id": "chatcmpl-9",
        "object": "chat.completion",
        "created": 7,
        "model": "alias",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "refusal": None,
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": write_usage(Usage(input=5, output=3)),
        "service_tier": "default",
        "system_fingerprint": "fp",
    }


def test_content_is_null_where_only_calls_were_made() -> None:
    assert message(ToolStarted("a", "f"), ToolEnded("a"), Finished("tools"))["content"] is None


def test_thinking_in_whole_answers_follows_the_setting() -> None:
    events = (ThinkingDelta("Hm"), ThinkingEnded(), TextDelta("Yes"))
    assert message(*events)["reasoning_content"] == "Hm"
    assert message(*events, thinking_output="tags")["content"] == "<think>\nHm\n</think>\n\nYes"
    silent = message(*events, thinking_output="none")
    assert ("reasoning_content" in silent, silent["content"]) == (False, "Yes")


def test_refusals_and_filters() -> None:
    assert reply(Finished("filtered", detail="why"))["choices"][0]["message"]["refusal"] == "why"
    assert reply(Finished("filtered"))["choices"][0]["finish_reason"] == "content_filter"


def test_citations_and_media() -> None:
    found = message(
        TextDelta("one "),
        TextEnded(),
        TextDelta("two"),
        Cited("https://a.test", "A", 0, 2),
        MediaProduced("image", Inline("image/png", "AAAA")),
        MediaProduced("audio", Inline("audio/wav", "BBBB")),
    )
    assert found["annotations"][0]["url_citation"] == {
        "start_index": 4,
        "end_index": 6,
        "url": "https://a.test",
        "title": "A",
    }
    assert found["images"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert found["audio"] == {"data": "BBBB"}


def test_custom_calls_details_and_signatures_in_whole_answers() -> None:
    details = [{"type": "reasoning.encrypted", "data": "AAA"}]
    found = message(
        ThinkingEnded(Opaque("chat", json.dumps(details))),
        ToolStarted("a", "patch", custom=True, opaque=Opaque("gemini", "c2ln")),
        ToolArguments("a", "*** B"),
    )
    assert found["reasoning_details"] == details
    assert found["tool_calls"] == [
        {
            "id": "a",
            "type": "custom",
            "custom": {"name": "patch", "input": "*** B"},
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        }
    ]


def test_legacy_callers_get_a_function_call() -> None:
    request = {"tools": (Tool("f", extra={"chat": {"legacy": True}}),)}
    choice = reply(ToolStarted("a", "f"), ToolArguments("a", "{}"), Finished("tools"), request=request)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert ("tool_calls" in choice["message"], choice["finish_reason"]) == (False, "function_call")


def test_an_unstreamed_answer_is_read_like_a_stream() -> None:
    body = {
        "id": "r",
        "model": "up",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "reasoning_content": "Hm",
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    answer = fold(SPEC.read_reply(body, MODEL))
    assert answer.choices[0].parts == (Thinking("Hm", summary=False), Text("Hi"), ToolCall("a", "f", "{}"))
    assert (answer.choices[0].reason, answer.usage, answer.complete) == ("tools", Usage(input=1, output=2), True)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None, "id": "x"}])
def test_an_answer_without_choices_is_broken(body: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_reply(body, MODEL)
    assert caught.value.kind == "upstream_broken"


def test_an_error_with_status_200_fails() -> None:
    events = SPEC.read_reply({"error": {"message": "busy", "code": 503}}, MODEL)
    assert isinstance(events[-1], Failed)


def test_the_recorded_answer_of_googles_layer() -> None:
    body = json.loads(recorded("openai-chat/pai-compatible_api_with_tool_calls_without_id-0.json").read_bytes())
    answer = fold(SPEC.read_reply(body, MODEL))
    (call,) = answer.choices[0].parts
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments, call.call_id.startswith("call_")) == ("get_current_time", "{}", True)
    assert call.opaque is not None
    assert call.opaque.data == body["choices"][0]["message"]["thought_signature"]
    assert answer.usage == Usage(input=35, output=74, reasoning=62)


@given(strategies.event_streams(ordered=False, refusals=True))
def test_an_unstreamed_answer_is_the_folded_stream(stream: list[Event]) -> None:
    whole = SPEC.write_reply(fold(stream), context())
    writer = SPEC.stream_writer(context())
    frames = Splitter().feed(b"".join(frame for event in stream for frame in writer.feed(event)))
    again = SPEC.write_reply(fold(events_of(SPEC.stream_reader(Capabilities()), frames)), context())
    whole.pop("usage", None)
    again.pop("usage", None)
    assert again == whole


@given(strategies.answers(refusals=True))
def test_what_is_written_unstreamed_reads_as_the_same_answer(answer: Answer) -> None:
    found = fold(SPEC.read_reply(SPEC.write_reply(answer, context()), Capabilities()))
    meant = answer.choices[0]
    thoughts = tuple(Thinking(p.text, summary=False) if isinstance(p, Thinking) else p for p in meant.parts)
    assert (found.choices[0].parts, found.choices[0].reason, found.usage) == (thoughts, meant.reason, answer.usage)


def test_every_reason_has_a_word_and_every_word_reads_back() -> None:
    assert set(WRITE) == set(get_args(Reason))
    assert set(WRITE.values()) <= {"stop", "length", "tool_calls", "content_filter"}
    assert set(READ.values()) <= set(get_args(Reason))
    assert (read_finish("length", called=True), read_finish("content_filter", called=True)) == ("length", "filtered")


@pytest.mark.parametrize(
    ("wire", "outside", "expected"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, False, Usage()),
        ({"prompt_tokens": None, "completion_tokens": 3}, False, Usage(output=3)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            },
            False,
            Usage(input=9, output=1, cache_read=4, cache_write_5m=2),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8},
            False,
            Usage(input=9, output=1, cache_read=8),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 5,
                "total_tokens": 6,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            True,
            Usage(input=1, output=5, reasoning=3),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 5,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            False,
            Usage(input=1, output=8, reasoning=3),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            True,
            Usage(input=1, output=8, reasoning=3),
        ),
        (
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
            False,
            Usage(input=35, output=74, reasoning=62),
        ),
    ],
)
def test_token_counts(wire: dict[str, Any], outside: bool, expected: Usage) -> None:
    assert read_usage(wire, reasoning_outside=outside) == expected


@given(strategies.usages())
def test_token_counts_survive_the_wire_and_add_up(usage: Usage) -> None:
    written = write_usage(usage)
    assert read_usage(written) == usage
    assert written["total_tokens"] == written["prompt_tokens"] + written["completion_tokens"]


SHAPES: list[tuple[int, bytes, str]] = [
    (
        400,
        b'{"error":{"message":"This model\'s maximum context length is 8","code":"context_length_exceeded"}}',
        "too_long",
    ),
    (429, b'{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}', "quota_spent"),
    (429, b'{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}', "rate_limited"),
    (401, b'{"error":{"message":"Incorrect API key provided"}}', "upstream_auth"),
    (403, b'{"detail":"not allowed"}', "refused"),
    (404, b'{"error":{"message":"no such model","code":"model_not_found"}}', "not_found"),
    (503, b"", "overloaded"),
    (529, b'{"message":"busy"}', "overloaded"),
    (500, b'{"error":"text"}', "upstream_broken"),
    (502, b"<html><head><title>Bad gateway</title></head></html>", "upstream_broken"),
]


@pytest.mark.parametrize(("status", "body", "kind"), SHAPES)
def test_errors_of_any_shape(status: int, body: bytes, kind: str) -> None:
    fault = SPEC.read_fault(status, {"retry-after": "3"}, body)
    assert (fault.kind, fault.status, fault.retry_after) == (kind, status, 3.0)
    assert fault.message
    assert fault.http_status != 401


def test_request_faults_keep_the_providers_words_and_pages_blame_the_address() -> None:
    body = b'{"error":{"message":"context_management: Extra inputs are not permitted","type":"invalid_request_error"}}'
    fault = SPEC.read_fault(400, {}, body)
    assert (fault.passthrough, fault.message) == (body, "context_management: Extra inputs are not permitted")
    assert "base URL" in SPEC.read_fault(404, {"content-type": "text/html"}, b"<html>").message


def test_the_envelope_has_all_four_keys() -> None:
    status, headers, body = SPEC.render_fault(Fault("bad_request", "wrong", param="a.b"), "req_1")
    assert (status, headers["x-request-id"]) == (400, "req_1")
    assert body == {"error": {"message": "wrong", "type": "invalid_request_error", "param": "a.b", "code": None}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"id":"x","model":"up","n":1.50}', b'{"id":"x","model":"alias","n":1.50}'),
        (b'{"id":"x","choices":[{"model":"up"}]}', b'{"id":"x","choices":[{"model":"up"}]}'),
        (b'{"model":"up","t":"\\ud83d"}', b'{"model":"alias","t":"\\ud83d"}'),
        (b"[DONE]", b"[DONE]"),
        (b'"model"', b'"model"'),
        (b'["model"]', b'["model"]'),
    ],
)
def test_only_the_top_level_model_is_renamed(data: bytes, expected: bytes) -> None:
    assert SPEC.rename_model(data, "alias") == expected


def _echoed(thinking_output: str, *thinking: Event) -> list[Any]:
    """What the reader makes of an answer that a client sends back as it got it."""
    events = (*thinking, TextDelta("x"), ToolStarted("a", "f"), ToolArguments("a", "{}"), Finished("tools"))
    sent = message(*events, thinking_output=thinking_output)
    return list(SPEC.read_request({"model": "m", "messages": [{"role": "user", "content": "q"}, sent]}).turns[1].parts)


def test_signatures_of_thinking_come_back_to_the_thinking_they_signed() -> None:
    opaque = Opaque("messages", "SIG", "claude")
    found = _echoed("reasoning_content", ThinkingDelta("Hm"), ThinkingEnded(opaque))
    assert (found[0].text, found[0].opaque) == ("Hm", opaque)
    assert found[2] == ToolCall("a", "f", "{}")


def test_a_signature_without_the_text_that_it_signed_is_left_out() -> None:
    found = _echoed("none", ThinkingDelta("Hm"), ThinkingEnded(Opaque("messages", "SIG", "claude")))
    assert found == [Text("x"), ToolCall("a", "f", "{}")]


def test_signatures_without_text_and_redacted_thinking_need_no_echo() -> None:
    opaque = Opaque("messages", "SIG", "claude")
    assert _echoed("none", ThinkingEnded(opaque))[0] == Thinking("", opaque=opaque)
    assert _echoed("none", ThinkingEnded(opaque, redacted=True))[0] == Thinking("", opaque=opaque, redacted=True)


def test_encrypted_reasoning_of_responses_keeps_its_item_id() -> None:
    opaque = Opaque("responses", "ENC", "gpt", "rs_1")
    assert _echoed("none", ThinkingDelta("Hm"), ThinkingEnded(opaque))[0] == Thinking("", opaque=opaque)


def test_damaged_signatures_are_left_out() -> None:
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "gw1.messages.!!"}},
    }
    turns = SPEC.read_request(
        {"model": "m", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]}
    ).turns
    assert turns[1].parts == (ToolCall("a", "f", "{}"),)


def test_a_signature_of_the_whole_message_comes_back_to_its_text() -> None:
    opaque = Opaque("gemini", "c2ln")
    sent = message(TextDelta("x"), TextEnded(opaque=opaque), Finished("end"))
    turns = SPEC.read_request({"model": "m", "messages": [{"role": "user", "content": "q"}, sent]}).turns
    assert turns[1].parts == (Text("x", opaque=opaque),)


def test_refusals_read_back_as_refusals() -> None:
    sent = reply(Finished("filtered", detail="why"))["choices"][0]["message"]
    turns = SPEC.read_request({"model": "m", "messages": [{"role": "user", "content": "q"}, sent]}).turns
    assert turns[1].parts == (Refusal("why"),)
