from __future__ import annotations

import json

import pytest

from router.faults import Fault
from router.wire.conversation import Opaque, Refusal, Text, Thinking, ToolCall
from router.wire.events import Answer, Choice, Cited, Ended, Failed, Finished, Usage
from router.wire.fold import fold
from router.wire.gemini import SPEC
from tests.data import recorded
from tests.router.wire.gemini.frames import CAPABILITIES, context, frame


def read(name):
    return SPEC.read_reply(json.loads(recorded(f"gemini/{name}").read_text()), CAPABILITIES)


def test_a_reply_is_a_stream_of_one_frame():
    answer = fold(SPEC.read_reply(frame({"text": "x", "thought": True}, {"text": "hi"}, finish="STOP"), CAPABILITIES))
    assert answer.choices[0].parts == (Thinking("x"), Text("hi"))
    assert (answer.response_id, answer.model, answer.complete) == ("r1", "gemini-3-pro", True)


def test_an_error_body_fails():
    events = SPEC.read_reply({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}, CAPABILITIES)
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind == "rate_limited"


@pytest.mark.parametrize("body", [{}, {"candidates": []}, [], 3, frame({"text": "x"})])
def test_what_is_no_finished_answer_is_broken(body):
    with pytest.raises(Fault) as caught:
        SPEC.read_reply(body, CAPABILITIES)
    assert caught.value.kind == "upstream_broken"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pai-google_model_armor_prompt_template_text_gets_blocked-1.json", "filtered"),
        ("pai-google_model_safety_settings.json", "filtered"),
        ("pai-google_model_max_tokens_thinking_model_empty_response.json", "length"),
        ("pai-google_model_empty_assistant_response.json", "end"),
        ("llm-tools_with_gemini_3_thought_signatures-0.json", "tools"),
    ],
)
def test_recorded_replies(name, reason):
    events = read(name)
    assert isinstance(events[-1], Ended)
    assert [event.reason for event in events if isinstance(event, Finished)] == [reason]


def test_a_recorded_array_stream_keeps_the_signature_on_its_call():
    (call,) = fold(read("llm-tools_with_gemini_3_thought_signatures-0.json")).choices[0].parts
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("multiply", '{"y":3,"x":5}')
    assert call.opaque is not None
    assert call.opaque.data.startswith("Et0BCtoB")


def test_a_reply_is_written_with_everything_in_it():
    signed = Opaque("gemini", "c2ln")
    parts = (Thinking("t", opaque=signed), Text("Größe", opaque=signed), ToolCall("c", "f", "{}"), Refusal("no"))
    answer = Answer(
        choices=(
            Choice(
                parts=parts,
                reason="tools",
                citations=((1, Cited("https://a", "A", 0, 5)),),
            ),
            Choice(reason="filtered", detail="because"),
        ),
        usage=Usage(input=5, output=3, cache_read=2),
        complete=True,
    )
    reply = SPEC.write_reply(answer, context())
    assert reply == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
                        {"text": "Größe", "thoughtSignature": "c2ln"},
                        {"functionCall": {"id": "c", "name": "f", "args": {}}},
                        {"text": "no"},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
                    "groundingSupports": [
                        {"segment": {"startIndex": 0, "endIndex": 7, "text": "Größe"}, "groundingChunkIndices": [0]}
                    ],
                },
            },
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": "SAFETY",
                "finishMessage": "because",
                "index": 1,
            },
        ],
        "usageMetadata": {
            "promptTokenCount": 5,
            "candidatesTokenCount": 3,
            "totalTokenCount": 8,
            "cachedContentTokenCount": 2,
        },
        "modelVersion": "shown",
        "responseId": "resp1",
    }
