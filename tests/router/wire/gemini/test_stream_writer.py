from __future__ import annotations

import json

import pytest
from hypothesis import given

from router.faults import Fault
from router.wire.codec import loads
from router.wire.conversation import FileId, Inline, Opaque, Text, ToolCall, Url
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
from router.wire.gemini import SPEC, array_close, as_array_item, signatures
from tests.router.wire.gemini.frames import CAPABILITIES, context, parts_of, read_bytes, write, written
from tests.router.wire.strategies import event_streams

BEGIN = Started("up", "upstream")
END: list[Event] = [Finished("end"), Ended()]
NATIVE = Opaque("gemini", "c2ln", model="gemini-3")
CLAUDE = Opaque("messages", "claude+signature/==", model="claude-5")


def test_text_goes_out_in_frames_and_the_reason_in_the_last_one():
    payloads = written(
        BEGIN, TextDelta("Hi"), TextDelta("!"), UsageReported(Usage(input=3, output=9, reasoning=4)), *END
    )
    assert payloads[0] == {
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}],
        "modelVersion": "shown",
        "responseId": "resp1",
    }
    assert [each["candidates"][0].get("finishReason") for each in payloads] == [None, None, "STOP"]
    assert payloads[-1]["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 12,
    }


def test_a_call_is_held_until_it_is_whole_and_keeps_its_id():
    writer = SPEC.stream_writer(context())
    assert writer.feed(ToolStarted("c1", "f", opaque=NATIVE)) == []
    assert writer.feed(ToolArguments("c1", '{"a":')) == []
    assert writer.feed(ToolArguments("c1", "1}")) == []
    (out,) = writer.feed(ToolEnded("c1"))
    part = json.loads(out[6:])["candidates"][0]["content"]["parts"][0]
    assert part == {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}


def test_interleaved_calls_come_in_the_order_in_which_they_began():
    payloads = written(
        ToolStarted("a", "f"), ToolStarted("b", "g"), ToolArguments("b", "{}"), ToolEnded("b"),
        ToolArguments("a", '{"x":1}'), ToolEnded("a"), Finished("tools"), Ended(),
    )  # fmt: skip
    calls = [part["functionCall"] for part in parts_of(payloads) if "functionCall" in part]
    assert [(call["name"], call["args"]) for call in calls] == [("f", {"x": 1}), ("g", {})]
    assert payloads[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_call_without_arguments_still_has_args():
    parts = parts_of(written(ToolStarted("a", "f"), ToolEnded("a"), Finished("tools"), Ended()))
    assert parts[0]["functionCall"]["args"] == {}


def test_a_truncated_call_is_not_shown_but_one_that_nobody_ended_is():
    cut = written(ToolStarted("a", "f"), ToolArguments("a", '{"x":'), Finished("length"), Ended())
    assert not any("functionCall" in part for part in parts_of(cut))
    assert cut[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    lax = written(ToolStarted("a", "f"), ToolArguments("a", '{"x":1}'), Finished("tools"), Ended())
    assert parts_of(lax)[0]["functionCall"]["args"] == {"x": 1}


def test_native_signatures_go_back_bare_onto_their_parts():
    parts = parts_of(written(TextDelta("a"), TextEnded(opaque=NATIVE), *END))
    assert parts[:2] == [{"text": "a"}, {"text": "", "thoughtSignature": "c2ln"}]


def test_foreign_signatures_are_wrapped_in_base64_and_found_again():
    parts = parts_of(written(ThinkingDelta("hm"), ThinkingEnded(CLAUDE), TextDelta("a"), *END))
    assert parts[0] == {"text": "hm", "thought": True}
    signature = parts[1]["thoughtSignature"]
    assert signatures.read(signature) == CLAUDE
    assert signatures.read(signature.replace("+", "-").replace("/", "_").rstrip("=")) == CLAUDE


def test_redacted_thinking_survives_the_way_through_the_client():
    parts = parts_of(written(ThinkingEnded(CLAUDE, redacted=True), *END))
    conversation = SPEC.read_request({"contents": [{"role": "model", "parts": parts[:1]}]}, "m")
    (thinking,) = conversation.turns[0].parts
    assert (thinking.opaque, thinking.redacted, thinking.text) == (CLAUDE, True, "")


def test_pictures_refusals_and_own_foreign_parts():
    code = {"executableCode": {"code": "1"}}
    parts = parts_of(
        written(
            MediaProduced("image", Inline("image/png", "AA==")),
            MediaProduced("image", Url("https://x/y", "image/png")),
            MediaProduced("audio", FileId("files/1", "gemini")), RefusalDelta("no"), ForeignProduced("gemini", code),
            ForeignProduced("messages", {"type": "x"}), *END,
        )
    )  # fmt: skip
    assert parts == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"fileUri": "https://x/y", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "files/1"}},
        {"text": "no"},
        code,
        {"text": ""},
    ]


def test_citations_go_out_as_grounding_in_bytes():
    payloads = written(TextDelta("Größe World"), Cited("https://a", "A", 6, 11), Cited("https://b"), *END)
    assert payloads[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b", "title": ""}}],
        "groundingSupports": [
            {"segment": {"startIndex": 8, "endIndex": 13, "text": "World"}, "groundingChunkIndices": [0]}
        ],
    }


@pytest.mark.parametrize(
    ("reason", "wire"),
    [("end", "STOP"), ("stop_sequence", "STOP"), ("tools", "STOP"), ("length", "MAX_TOKENS"), ("window", "MAX_TOKENS"),
     ("filtered", "SAFETY"), ("pause", "STOP"), ("broken_call", "MALFORMED_FUNCTION_CALL"), ("other", "STOP")],
)  # fmt: skip
def test_every_reason_is_one_that_sdks_know(reason, wire):
    assert written(TextDelta("x"), Finished(reason), Ended())[-1]["candidates"][0]["finishReason"] == wire


def test_an_error_in_the_stream_is_framed_and_then_a_raw_line_of_its_own():
    fault = Fault("overloaded", "busy", retry_after=3)
    writes = write(TextDelta("a"), Failed(fault))[1:]
    assert len(writes) == 2
    assert writes[0].startswith(b'data: {"error":')
    assert writes[0].endswith(b"}\r\n\r\n")
    assert writes[1].endswith(b"}\n")
    assert json.loads(writes[1]) == json.loads(writes[0][6:])
    assert json.loads(writes[1])["error"]["code"] == 503
    assert json.loads(writes[1])["error"]["status"] == "UNAVAILABLE"


def test_nothing_follows_an_error_or_the_end():
    for last in (Failed(Fault("timeout", "late")), Ended()):
        writer = SPEC.stream_writer(context())
        writer.feed(last)
        assert writer.feed(TextDelta("x")) == []
        assert writer.feed(Ended()) == []


def test_several_answers_end_in_one_frame():
    payloads = written(TextDelta("a"), TextDelta("b", choice=1), Finished("end"), Finished("length", choice=1), Ended())
    ends = payloads[-1]["candidates"]
    assert [(each["index"], each["finishReason"]) for each in ends] == [(0, "STOP"), (1, "MAX_TOKENS")]


def test_no_heartbeat_reaches_these_clients():
    assert SPEC.heartbeat == b""


def test_without_alt_sse_the_frames_are_one_json_array():
    frames = write(TextDelta("a"), TextDelta("b"), *END)
    body = b"".join(as_array_item(each, index == 0) for index, each in enumerate(frames)) + array_close(False)
    assert [each["candidates"][0]["content"]["parts"] for each in loads(body)] == [
        [{"text": "a"}],
        [{"text": "b"}],
        [{"text": ""}],
    ]
    failed = write(TextDelta("a"), Failed(Fault("internal", "x")))
    body = b"".join(as_array_item(each, index == 0) for index, each in enumerate(failed)) + array_close(False)
    assert loads(body)[1]["error"]["message"] == "x"
    assert array_close(True) == b"[]"


def normal(events):
    """What this dialect can say of an answer: refusals are text, thoughts have no ends of their own."""
    answer = fold(events)
    choice = answer.choices[0]
    parts = []
    for part in choice.parts:
        if isinstance(part, ToolCall):
            parts.append((part.call_id, part.name, loads(part.arguments)))
        elif isinstance(part, Text) and parts and isinstance(parts[-1], str):
            parts[-1] += part.text
        else:
            parts.append(part.text if isinstance(part, Text) else ("thinking", part.text))
    return parts, choice.reason, answer.usage, answer.complete


@given(event_streams(interleave=True, ordered=False))
def test_what_is_written_reads_back_as_the_same_answer(events):
    out = write(*events)
    assert sum(b'"finishReason"' in each for each in out) == 1
    back = normal(read_bytes(b"".join(out)))
    parts, reason, usage, complete = normal(events)
    assert back[0] == parts
    assert back[1] == reason
    assert (back[2] and (back[2].input, back[2].output, back[2].reasoning)) == (
        usage and (usage.input, usage.output, usage.reasoning)
    )
    assert back[3] is complete


@given(event_streams(ordered=False))
def test_the_unstreamed_reply_is_the_folded_stream(events):
    reply = SPEC.write_reply(fold(events), context())
    streamed = normal(read_bytes(b"".join(write(*events))))
    assert normal(SPEC.read_reply(reply, CAPABILITIES)) == streamed
    assert json.loads(json.dumps(reply)) == reply
