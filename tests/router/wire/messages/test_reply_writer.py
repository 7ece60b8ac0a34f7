from __future__ import annotations

from router.wire import opaque
from router.wire.conversation import Foreign, Image, Inline, Opaque, Refusal, Text, Thinking, ToolCall
from router.wire.events import Answer, Choice, Cited, Usage
from router.wire.messages import SPEC
from tests.router.wire.messages.frames import context


def test_an_answer_is_written_as_one_message() -> None:
    foreign = {"type": "server_tool_use", "id": "s", "name": "n", "input": {}}
    choice = Choice(
        parts=(
            Thinking(text="hm", opaque=Opaque("messages", "sig")),
            Thinking(text="", opaque=Opaque("messages", "xyz"), redacted=True),
            Text(text="hi"),
            Text(text=""),
            Refusal(text="no"),
            Foreign(dialect="messages", raw=foreign),
            Foreign(dialect="gemini", raw={}),
            ToolCall(call_id="c", name="f", arguments='{"a":1}'),
            ToolCall(call_id="d", name="g", arguments=""),
            ToolCall(call_id="e", name="h", arguments="free", custom=True),
        ),
        reason="tools",
        citations=((2, Cited("https://x", "X", quote="q")),),
    )
    body = SPEC.write_reply(Answer(choices=(choice,), usage=Usage(input=7, cache_read=2, output=3)), context())
    citation = {
        "type": "web_search_result_location",
        "cited_text": "q",
        "url": "https://x",
        "title": "X",
        "encrypted_index": "",
    }
    assert body == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "shown",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "hi", "citations": [citation]},
            {"type": "text", "text": "no"},
            foreign,
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "d", "name": "g", "input": {}},
            {"type": "tool_use", "id": "e", "name": "h", "input": {"input": "free"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 2,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 3,
            "service_tier": "standard",
        },
    }


def test_foreign_thinking_is_wrapped() -> None:
    enc = Opaque("responses", "enc", "gpt-5", "rs_1")
    (block,) = SPEC.write_reply(Answer(choices=(Choice(parts=(Thinking(text="", opaque=enc),)),)), context())["content"]
    assert opaque.unwrap(block["signature"], "messages") == enc


def test_pictures_are_said_in_words_and_missing_usage_is_estimated() -> None:
    parts = (Text(text="x" * 35), Image(source=Inline("image/png", "AA==")))
    body = SPEC.write_reply(Answer(choices=(Choice(parts=parts, reason="end"),)), context())
    assert body["content"][1] == {"type": "text", "text": "[image/png: this API cannot carry it]"}
    assert body["usage"]["output_tokens"] == 10
    assert body["usage"]["input_tokens"] > 0
