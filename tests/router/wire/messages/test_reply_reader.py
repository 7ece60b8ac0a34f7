from __future__ import annotations

import json
from typing import Any

import pytest

from router.faults import Fault
from router.wire.conversation import Foreign, Opaque, Text, Thinking, ToolCall
from router.wire.events import Ended, Failed, Finished, Usage
from router.wire.fold import fold
from router.wire.messages import SPEC
from tests.data import recorded
from tests.router.wire.messages.frames import CAPABLE


def body(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": list(content)}
    return message | {"stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}} | fields


def test_every_block_becomes_its_part() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    answer = fold(
        SPEC.read_reply(
            body(
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "xyz"},
                {"type": "text", "text": "hi"},
                server,
                {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": [2]}},
                {"type": "tool_use", "id": "u", "name": "g", "input": {}},
                stop_reason="tool_use",
            ),
            CAPABLE,
        )
    )
    assert answer.choices[0].parts == (
        Thinking(text="hm", opaque=Opaque("messages", "sig")),
        Thinking(text="", opaque=Opaque("messages", "xyz"), redacted=True),
        Text(text="hi"),
        Foreign(dialect="messages", raw=server, text=answer.choices[0].parts[3].text),  # type: ignore[attr-defined]
        ToolCall(call_id="t", name="f", arguments='{"b":1,"a":[2]}'),
        ToolCall(call_id="u", name="g", arguments="{}"),
    )
    assert (answer.response_id, answer.model, answer.complete) == ("msg_1", "claude", True)
    assert answer.choices[0].reason == "tools"
    assert answer.usage == Usage(input=1, output=2)


def test_a_stop_sequence_is_told() -> None:
    events = SPEC.read_reply(body(stop_reason="stop_sequence", stop_sequence="END"), CAPABLE)
    assert events[-2:] == [Finished("stop_sequence", stop_sequence="END"), Ended()]


def test_an_error_body_with_a_success_status_fails() -> None:
    (failed,) = SPEC.read_reply({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, CAPABLE)
    assert isinstance(failed, Failed)
    assert failed.fault.kind == "overloaded"


@pytest.mark.parametrize("wrong", [{}, {"content": "text"}, {"choices": []}])
def test_a_body_that_is_no_message_is_a_broken_upstream(wrong: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_reply(wrong, CAPABLE)
    assert caught.value.kind == "upstream_broken"


@pytest.mark.parametrize(
    ("name", "kinds", "usage"),
    [
        ("pai-anthropic_opus_5_features.json", "Thinking Text", Usage(input=13, output=44, reasoning=33)),
        (
            "pai-anthropic_native_tool_search.json",
            "Text Foreign Foreign Text ToolCall",
            Usage(input=1867, output=242),
        ),
        ("pai-anthropic_compaction_round_trip.json", "Text", Usage(input=136, output=16)),
    ],
)
def test_recorded_messages_are_read(name: str, kinds: str, usage: Usage) -> None:
    answer = fold(SPEC.read_reply(json.loads(recorded(f"anthropic/{name}").read_text()), CAPABLE))
    assert " ".join(type(part).__name__ for part in answer.choices[0].parts) == kinds
    assert answer.usage == usage
    assert answer.complete


def test_the_recorded_cache_figures_are_part_of_the_input() -> None:
    raw = json.loads(recorded("anthropic/pai-anthropic_cache_real_api-1.json").read_text())
    usage = fold(SPEC.read_reply(raw, CAPABLE)).usage
    assert usage is not None
    assert usage.cache_read == raw["usage"]["cache_read_input_tokens"] > 0
    assert usage.fresh_input == raw["usage"]["input_tokens"]
