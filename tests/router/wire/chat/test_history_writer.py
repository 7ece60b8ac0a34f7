"""Turns of other dialects as Chat messages: what each message says exactly."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.conversation import (
    Audio,
    Conversation,
    FileId,
    Foreign,
    Image,
    Inline,
    Opaque,
    OutputFormat,
    Part,
    Refusal,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Url,
    Video,
)
from router.wire.written import Note
from tests.router.wire.strategies import PNG

PICTURE = Image(Inline("image/png", PNG))
SHOWN = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
HI = Turn("user", (Text("hi"),))
HI_SENT = {"role": "user", "content": "hi"}


def said(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def asked(*parts: Part) -> Turn:
    return Turn("user", parts)


def conversation(*turns: Turn, dialect: Any = "messages", **fields: Any) -> Conversation:
    return Conversation(dialect=dialect, model="m", turns=turns, **fields)


def messages(*turns: Turn, capabilities: Capabilities | None = None, **fields: Any) -> list[dict[str, Any]]:
    written = SPEC.write_request(conversation(*turns, **fields), capabilities or Capabilities())
    found: list[dict[str, Any]] = written.body["messages"]
    return found


def test_refusals_of_the_model_go_back_as_refusals() -> None:
    assert messages(HI, said(Refusal("I "), Refusal("can't")), HI)[1] == {
        "role": "assistant",
        "content": None,
        "refusal": "I can't",
    }


def test_calls_without_arguments_say_an_empty_object() -> None:
    call = ToolCall("call_1", "f", "  ")
    sent = messages(HI, said(call), asked(ToolResult("call_1", (Text("ok"),))), tools=(Tool("f"),))
    assert sent[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "content": "ok"}


def test_free_text_calls_stay_free_text_where_the_model_has_such_tools() -> None:
    call = ToolCall("call_1", "patch", "*** Begin", custom=True)
    turns = (HI, said(call), asked(ToolResult("call_1", (Text("ok"),))))
    tools = (Tool("patch", kind="custom"),)
    [native] = messages(*turns, tools=tools, capabilities=Capabilities(custom_tools=True))[1]["tool_calls"]
    assert native == {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    [emulated] = messages(*turns, tools=tools)[1]["tool_calls"]
    assert emulated["function"] == {"name": "patch", "arguments": '{"input":"*** Begin"}'}


@pytest.mark.parametrize(
    ("family", "needs", "made_by", "sent"),
    [
        ("g3", False, "g3", True),
        ("g3", True, "g25", False),
        ("g3", True, None, True),
        ("g3", False, None, False),
    ],
)
def test_a_gemini_signature_goes_to_its_own_family_or_to_who_asks_for_any(
    family: str, needs: bool, made_by: str | None, sent: bool
) -> None:
    call = ToolCall("call_1", "f", "{}", opaque=Opaque("gemini", "c2ln", made_by))
    turns = (HI, said(call), asked(ToolResult("call_1", (Text("ok"),))))
    target = Capabilities(family=family, needs_signature=needs)
    [written] = messages(*turns, tools=(Tool("f"),), capabilities=target)[1]["tool_calls"]
    slot = {"google": {"thought_signature": "c2ln"}}
    assert written.get("extra_content") == (slot if sent else None)


def test_pictures_of_results_wait_behind_the_last_result() -> None:
    calls = said(ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))
    results = asked(ToolResult("a", (Text("one"), PICTURE)), ToolResult("b", (Text("two"), Text("three"))), Text("go"))
    assert messages(HI, calls, results, tools=(Tool("f"),))[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "one\n(see image below)"},
        {"role": "tool", "tool_call_id": "b", "content": "two\nthree"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the result of tool call a:"},
                SHOWN,
                {"type": "text", "text": "go"},
            ],
        },
    ]


def test_pictures_that_the_model_made_go_back_labelled() -> None:
    assert messages(HI, said(Text("here"), PICTURE), HI)[1:] == [
        {"role": "assistant", "content": "here"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "You made this earlier:"},
                SHOWN,
                {"type": "text", "text": "hi"},
            ],
        },
    ]


def test_pictures_that_nothing_follows_go_before_the_next_answer() -> None:
    assert [message["role"] for message in messages(HI, said(PICTURE), said(Text("next")), HI)] == [
        "user",
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("no such file", "Error: no such file"), ("Error: gone", "Error: gone"), ("ERROR 5", "ERROR 5"), ("", "Error: ")],
)
def test_a_failed_tool_says_so(text: str, expected: str) -> None:
    result = ToolResult("a", (Text(text),), is_error=True)
    sent = messages(HI, said(ToolCall("a", "f", "{}")), asked(result), tools=(Tool("f"),))
    assert sent[2]["content"] == expected


def test_thinking_is_left_out_with_a_note_unless_the_server_wants_it() -> None:
    turns = (HI, said(Thinking("hm"), Text("a")), HI)
    written = SPEC.write_request(conversation(*turns), Capabilities())
    assert written.notes == (Note("dropped", "thinking"),)
    assert written.body["messages"][1] == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_of_tool_loops_goes_back_in_the_servers_field(field: Any) -> None:
    details = '[{"type":"reasoning.encrypted","data":"x"}]'
    own = Thinking("hm", opaque=Opaque("chat", details))
    foreign = Thinking("other", opaque=Opaque("messages", "sig"))
    turns = (HI, said(own, foreign, ToolCall("a", "f", "{}")), asked(ToolResult("a", (Text("ok"),))))
    target = Capabilities(echo_reasoning=True, reasoning_field=field)
    written = SPEC.write_request(conversation(*turns, tools=(Tool("f"),)), target)
    message = written.body["messages"][1]
    assert message[field] == "hm"
    expected = [{"type": "reasoning.encrypted", "data": "x"}] if field == "reasoning" else None
    assert message.get("reasoning_details") == expected
    assert written.notes == (Note("dropped", "thinking"),)


def test_a_server_without_a_field_for_thinking_gets_none_even_where_it_wants_it_back() -> None:
    turns = (HI, said(Thinking("hm"), ToolCall("a", "f", "{}")))
    written = SPEC.write_request(conversation(*turns, tools=(Tool("f"),)), Capabilities(echo_reasoning=True))
    assert written.body["messages"][1].keys() == {"role", "content", "tool_calls"}
    assert written.notes == (Note("dropped", "thinking"),)


def test_free_text_tools_sent_as_functions_are_noted_and_undone() -> None:
    written = SPEC.write_request(conversation(HI, tools=(Tool("patch", kind="custom"),)), Capabilities())
    assert written.notes == (Note("emulated", "patch"),)
    assert written.undo.custom == {"patch"}


@pytest.mark.parametrize("data", ["not json", '{"an":"object"}'])
def test_damaged_details_are_left_out(data: str) -> None:
    turns = (HI, said(Thinking("hm", opaque=Opaque("chat", data)), ToolCall("a", "f", "{}")))
    target = Capabilities(echo_reasoning=True, reasoning_field="reasoning")
    message = messages(*turns, tools=(Tool("f"),), capabilities=target)[1]
    assert (message["reasoning"], "reasoning_details" in message) == ("hm", False)


def test_an_empty_answer_of_a_chat_caller_stays_an_empty_text() -> None:
    sent = SPEC.write_request(
        SPEC.read_request({"model": "m", "messages": [HI_SENT, {"role": "assistant", "content": ""}, HI_SENT]}),
        Capabilities(),
    )
    assert sent.body["messages"] == [HI_SENT, {"role": "assistant", "content": ""}, HI_SENT]
    assert messages(HI, said(), HI) == [HI_SENT, HI_SENT]


def test_system_text_in_the_middle_stays_where_it_is() -> None:
    assert messages(HI, Turn("system", (Text("a"), Text("b"))), HI, system=(Text("x"), Text("y"))) == [
        {"role": "system", "content": "x\n\ny"},
        HI_SENT,
        {"role": "system", "content": "a\n\nb"},
        HI_SENT,
    ]


def test_developer_messages_become_system_messages_where_the_role_is_unknown() -> None:
    request = {"model": "m", "messages": [{"role": "developer", "content": "be brief", "name": "boss"}, HI_SENT]}
    for known, role in ((True, "developer"), (False, "system")):
        written = SPEC.write_request(SPEC.read_request(request), Capabilities(developer_role=known))
        assert written.body["messages"][0] == {"role": role, "content": "be brief", "name": "boss"}


@pytest.mark.parametrize(
    "part",
    [
        Audio(Inline("audio/flac", "AAAA")),
        Video(FileId("v1", "gemini")),
        Audio(Url("https://x.test/a.wav")),
        Foreign("messages", {"type": "container_upload"}),
    ],
)
def test_what_has_no_place_in_chat_is_a_400(part: Part) -> None:
    with pytest.raises(Fault) as caught:
        messages(asked(part), capabilities=Capabilities(audio=True, video=True))
    assert (caught.value.kind, caught.value.param) == ("bad_request", "messages")


def test_sound_and_video_have_their_parts() -> None:
    parts = (Audio(Inline("audio/mpeg", "AAAA")), Video(Inline("video/mp4", "AAAA")), Video(Url("https://x.test/v")))
    assert messages(asked(*parts), capabilities=Capabilities(audio=True, video=True)) == [
        {
            "role": "user",
            "content": [
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
                {"type": "video_url", "video_url": {"url": "https://x.test/v"}},
            ],
        }
    ]


def test_a_schema_is_sent_with_everything_that_was_said_about_it() -> None:
    output = OutputFormat("schema", {"type": "object"}, None, "a shape", True)
    body = SPEC.write_request(conversation(HI, output=output), Capabilities()).body
    assert body["response_format"]["type"] == "json_schema"
    shape = body["response_format"]["json_schema"]
    assert (shape["name"], shape["description"], shape["strict"]) == ("response", "a shape", True)


def test_knobs_that_are_not_openais_are_noted_and_a_chat_callers_own_are_kept() -> None:
    foreign = SPEC.write_request(
        conversation(HI, sampling=Sampling(top_k=5), verbosity="low", modalities=("text",)), Capabilities()
    )
    assert set(foreign.notes) == {Note("dropped", "top_k"), Note("dropped", "verbosity")}
    assert not {"top_k", "verbosity", "modalities"} & foreign.body.keys()
    own = SPEC.read_request(
        {"model": "m", "messages": [HI_SENT], "top_k": 5, "verbosity": "low", "modalities": ["text"]}
    )
    body = SPEC.write_request(own, Capabilities()).body
    assert (body["top_k"], body["verbosity"], body["modalities"]) == (5, "low", ["text"])
    shown = SPEC.write_request(
        conversation(HI, verbosity="low", modalities=("text", "image")), Capabilities(verbosity=True, image_output=True)
    ).body
    assert (shown["verbosity"], shown["modalities"]) == ("low", ["text", "image"])


@pytest.mark.parametrize(("count", "expected"), [(0, {"logprobs": True}), (3, {"logprobs": True, "top_logprobs": 3})])
def test_log_probabilities_are_asked_for_as_chat_says_it(count: int, expected: dict[str, Any]) -> None:
    body = SPEC.write_request(conversation(HI, logprobs=count, n=2), Capabilities()).body
    assert {key: body[key] for key in ("logprobs", "top_logprobs") if key in body} == expected
    assert body["n"] == 2
