from __future__ import annotations

import json

import pytest

from router.faults import Fault
from router.wire.conversation import Opaque, Text, ToolCall
from router.wire.events import Answer, Choice, Failed, Usage
from router.wire.fold import fold
from router.wire.responses import SPEC
from tests.data import recorded
from tests.router.wire.responses.builders import CAPABILITIES, context


def test_an_unstreamed_answer_is_read_like_a_stream() -> None:
    body = {
        "id": "resp_up",
        "model": "up",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    answer = fold(SPEC.read_reply(body, CAPABILITIES))
    assert (answer.response_id, answer.model, answer.complete) == ("resp_up", "up", True)
    assert answer.usage == Usage(input=1, output=2)
    assert answer.choices[0].reason == "tools"
    assert [type(part).__name__ for part in answer.choices[0].parts] == ["Thinking", "Text", "ToolCall"]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "failed", "error": {"code": "server_error", "message": "boom"}, "output": []},
        {"error": {"message": "boom", "code": 500}},
        {"status": "cancelled", "output": []},
    ],
)
def test_failed_answers_are_failures(body: dict[str, object]) -> None:
    (event,) = SPEC.read_reply(body, CAPABILITIES)
    assert isinstance(event, Failed)
    assert event.fault.kind == "upstream_broken"


def test_a_body_that_is_no_response_is_a_broken_upstream() -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_reply({"choices": []}, CAPABILITIES)
    assert caught.value.kind == "upstream_broken"


def test_an_answer_that_was_cut_is_no_answer() -> None:
    with pytest.raises(Fault) as caught:
        SPEC.write_reply(Answer(choices=(Choice(parts=(Text("x"),)),), complete=False), context())
    assert caught.value.kind == "upstream_broken"


def test_the_unstreamed_answer_shows_our_id_and_model() -> None:
    answer = Answer("up", "upstream", (Choice((Text("x"),), "length"),), Usage(1, 2), complete=True)
    reply = SPEC.write_reply(answer, context())
    assert (reply["id"], reply["model"], reply["status"]) == ("resp_1", "shown", "incomplete")
    assert reply["output"][0]["content"][0]["text"] == "x"
    assert "output_text" not in reply


def test_recorded_reasoning_with_a_call_keeps_its_encrypted_content() -> None:
    path = recorded("openai-responses/pai-openai_responses_thinking_with_tool_calls-0.json")
    body = json.loads(path.read_bytes())
    parts = fold(SPEC.read_reply(body, CAPABILITIES)).choices[0].parts
    reasoning = next(item for item in body["output"] if item["type"] == "reasoning")
    assert parts[0].opaque == Opaque("responses", reasoning["encrypted_content"], "gpt", reasoning["id"])  # type: ignore[attr-defined]
    assert isinstance(parts[-1], ToolCall)
