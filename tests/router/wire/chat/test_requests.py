"""Requests of Chat clients: read, written back, and written for conversations of other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.codec import dumps
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Url,
    Video,
)
from router.wire.written import Note, Undo
from tests.data import capture, captures
from tests.router.wire import strategies
from tests.router.wire.strategies import PNG

ANY = Capabilities()
HI = {"role": "user", "content": "hi"}
PICTURE = Image(Inline("image/png", PNG))


def read(*messages: Any, **keys: Any) -> Conversation:
    return SPEC.read_request({"model": "m", "messages": list(messages or [HI]), **keys})


def body(conversation: Conversation, **capabilities: Any) -> dict[str, Any]:
    return SPEC.write_request(conversation, Capabilities(**capabilities)).body


def round_trip(*messages: Any, **keys: Any) -> dict[str, Any]:
    return body(read(*messages, **keys))


def foreign(*turns: Turn, **fields: Any) -> Conversation:
    return Conversation(dialect="messages", model="m", turns=turns or (Turn("user", (Text("hi"),)),), **fields)


def asked(*parts: Part) -> Turn:
    return Turn("user", parts)


def said(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def refused(conversation: Conversation, **capabilities: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        SPEC.write_request(conversation, Capabilities(**capabilities))
    assert caught.value.kind == "bad_request"
    return caught.value


def normalised(value: dict[str, Any]) -> dict[str, Any]:
    """The documented normalisations, and usage, which is always asked for."""
    value = json.loads(json.dumps(value))
    if value.get("stream") is True:
        value["stream_options"] = {"include_usage": True}
    elif "stream" in value:
        del value["stream"]
    for message in value["messages"]:
        content = message.get("content")
        if isinstance(content, list) and len(content) == 1 and content[0].keys() == {"type", "text"}:
            message["content"] = content[0]["text"]
        for key in ("refusal", "annotations"):
            message.pop(key, None)
        for call in message.get("tool_calls", []):
            call.pop("index", None)
        if message["role"] == "assistant" and content == "":
            message["content"] = None
    return value


@pytest.mark.parametrize("name", [name for name in captures("openai-py") if "chat" in name])
def test_captured_requests_survive_the_neutral_form(name: str) -> None:
    sent = capture(name)["body"]
    assert SPEC.write_request(SPEC.read_request(sent), ANY).body == normalised(sent)


def test_unknown_keys_survive_at_every_level() -> None:
    messages = [
        {"role": "developer", "content": "be brief", "name": "boss", "x_sys": 1},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
            "x_user": 1,
        },
        {
            "role": "assistant",
            "content": "b",
            "x_turn": [1],
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "x_call": 0}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r", "x_tool": None},
    ]
    tools = [{"type": "function", "x_tool": 1, "function": {"name": "f", "parameters": {"type": "object"}, "x_fn": 2}}]
    assert round_trip(*messages, tools=tools, vendor={"a": 0}, top_k=5) == {
        "model": "m",
        "messages": messages,
        "tools": tools,
        "vendor": {"a": 0},
        "top_k": 5,
    }


def test_zero_false_and_empty_are_values() -> None:
    sent = {"temperature": 0, "presence_penalty": 0.0, "parallel_tool_calls": False, "store": False, "seed": 0}
    tools = [{"type": "function", "function": {"name": "f", "description": "", "strict": False}}]
    written = round_trip(HI, {"role": "assistant", "content": "x"}, tools=tools, **sent)
    assert {key: written[key] for key in sent} == sent
    assert written["tools"] == tools


def test_leading_system_messages_are_system_text_and_later_ones_stay_in_place() -> None:
    messages = [
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
        HI,
        {"role": "system", "content": "four"},
    ]
    conversation = read(*messages)
    assert [part.text for part in conversation.system if isinstance(part, Text)] == ["one", "two", "three"]
    assert [turn.role for turn in conversation.turns] == ["user", "system"]
    assert body(conversation)["messages"] == messages
    assert body(conversation, developer_role=False)["messages"][1]["role"] == "system"


def test_one_turn_per_message_and_results_know_the_name_of_their_call() -> None:
    conversation = read(
        HI,
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "free"}},
        ]},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "rb"}]},
        {"role": "tool", "tool_call_id": "a", "content": "ra"},
    )  # fmt: skip
    assert conversation.turns[1].parts == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "free", custom=True))
    assert conversation.turns[2:] == (
        asked(ToolResult("b", (Text("rb"),), name="g", custom=True)),
        asked(ToolResult("a", (Text("ra"),), name="f")),
    )


def test_deprecated_functions_become_tools() -> None:
    conversation = read(
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
    )
    call, result = conversation.turns[1].parts[0], conversation.turns[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.call_id == result.call_id
    assert conversation.tool_choice == ToolChoice("tool", ("f",))
    written = body(conversation)
    assert "functions" not in written
    assert written["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def test_images_files_and_audio() -> None:
    conversation = read(
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://a.test/p.png", "detail": "low"}},
            {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"},
            {"type": "file", "file": {"filename": "d.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ]}
    )  # fmt: skip
    assert conversation.turns[0].parts == (
        Image(Url("https://a.test/p.png"), detail="low"),
        PICTURE,
        Document(Inline("application/pdf", "JVBERi0xLjQK"), filename="d.pdf"),
        Document(FileId("file-1", "chat")),
        Audio(Inline("audio/wav", "UklGRg==")),
    )
    content = body(conversation)["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url", "image_url", "file", "file", "input_audio"]
    assert content[2]["file"] == {"filename": "d.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}
    assert content[4]["input_audio"] == {"data": "UklGRg==", "format": "wav"}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages[0]"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]},
        "messages[0].content[0].image_url.url",
    ),
    ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages[0].content[0].file"),
    ({"messages": [HI, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "messages[0].tool_calls[0].function"),
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"model": " "}, "model"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_completion_tokens": 0}, "max_completion_tokens"),
    ({"n": 0}, "n"),
    ({"stream": "yes"}, "stream"),
    ({"stop": [1]}, "stop[0]"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters"),
    ({"tool_choice": "maybe"}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"response_format": {"type": "yaml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
]


@pytest.mark.parametrize(("wrong", "path"), BAD)
def test_mistakes_name_their_path(wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.read_request({"model": "m", "messages": [HI], **wrong})
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)
    assert path in caught.value.message


def test_model_and_stream_of_the_path_win() -> None:
    conversation = SPEC.read_request({"messages": [HI], "stream": False}, "other", True)
    assert (conversation.model, conversation.stream) == ("other", True)


def test_the_newer_limit_wins_and_is_written_under_the_targets_key() -> None:
    conversation = read(HI, max_tokens=5, max_completion_tokens=7)
    assert body(conversation)["max_completion_tokens"] == 7
    written = body(conversation, max_tokens_key="max_tokens")
    assert (written["max_tokens"], "max_completion_tokens" in written) == (7, False)


def test_reasoning_in_the_forms_that_chat_clients_use() -> None:
    assert read(HI, reasoning_effort="high").reasoning == Reasoning(effort="high")
    assert read(HI, reasoning={"effort": "low", "exclude": True}).reasoning == Reasoning(effort="low", show=False)
    assert read(HI, thinking={"type": "enabled", "budget_tokens": 2000}).reasoning == Reasoning(budget=2000)
    assert read(HI, thinking={"type": "disabled"}).reasoning == Reasoning(effort="none")
    routed = read(HI, reasoning={"effort": "low"})
    assert body(routed, reasoning_field="reasoning")["reasoning"] == {"effort": "low"}
    assert "reasoning" not in body(routed)
    assert body(routed)["reasoning_effort"] == "low"


def test_budgets_become_efforts_unless_the_model_has_no_control() -> None:
    assert body(foreign(reasoning=Reasoning(budget=8000)))["reasoning_effort"] == "medium"
    assert "reasoning_effort" not in body(foreign(reasoning=Reasoning(budget=-1)))
    assert "reasoning_effort" not in body(foreign(reasoning=Reasoning(effort="high", form="none")))


def test_streams_always_ask_for_usage_where_the_server_knows_it() -> None:
    conversation = read(HI, stream=True, stream_options={"include_obfuscation": False})
    assert conversation.include_usage is False
    assert body(conversation)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in body(conversation, stream_usage=False)


def test_stops_beyond_the_targets_limit_are_cut_by_the_gateway() -> None:
    written = SPEC.write_request(read(HI, stop=["a", "b", "c", "d", "e"]), ANY)
    assert (written.body["stop"], written.undo.stop) == (["a", "b", "c", "d"], ("e",))
    without = SPEC.write_request(read(HI, stop="a"), Capabilities(stop=False))
    assert ("stop" in without.body, without.undo.stop) == (False, ("a",))
    assert Note("emulated", "stop") in without.notes


def test_tool_choices() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    some = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }
    for choice in ("auto", "none", "required", {"type": "function", "function": {"name": "f"}}, some):
        assert round_trip(HI, tools=tools, tool_choice=choice)["tool_choice"] == choice
    assert "tool_choice" not in round_trip(HI, tool_choice="auto")


def test_foreign_tool_names_are_mapped_everywhere_and_undone() -> None:
    long = "mcp__" + "x" * 70
    conversation = foreign(
        asked(Text("a")),
        said(ToolCall("t", long, "{}"), ToolCall("u", "f", "{}", namespace="ns")),
        asked(ToolResult("t", (Text("r"),)), ToolResult("u", (Text("s"),))),
        tools=(Tool(long), Tool("f", namespace="ns"), Tool("same")),
        tool_choice=ToolChoice("tool", (long,)),
    )
    written = SPEC.write_request(conversation, ANY)
    names = [tool["function"]["name"] for tool in written.body["tools"]]
    assert all(len(name) <= 64 for name in names)
    assert names[1:] == ["ns__f", "same"]
    assert written.body["tool_choice"]["function"]["name"] == names[0]
    assert [call["function"]["name"] for call in written.body["messages"][1]["tool_calls"]] == names[:2]
    assert written.undo == Undo(names={names[0]: (long, None), "ns__f": ("f", "ns")})


def test_long_call_ids_are_hashed_alike_in_call_and_result() -> None:
    long = "call_x|" + "y" * 83
    messages = body(foreign(asked(Text("a")), said(ToolCall(long, "f", "{}")), asked(ToolResult(long, (Text("r"),)))))[
        "messages"
    ]
    sent = messages[1]["tool_calls"][0]["id"]
    assert len(sent) <= 40
    assert messages[2]["tool_call_id"] == sent


def test_free_text_tools_become_functions_where_the_model_has_none() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    conversation = Conversation(
        dialect="responses",
        model="m",
        turns=(asked(Text("a")), said(ToolCall("c", "exec", "ls", custom=True)), asked(ToolResult("c", (Text("r"),)))),
        tools=(Tool("exec", "Runs.", kind="custom", extra={"responses": {"format": grammar}}),),
    )
    written = SPEC.write_request(conversation, ANY)
    function = written.body["tools"][0]["function"]
    assert function["parameters"]["properties"] == {"input": {"type": "string"}}
    assert "start: X" in function["description"]
    assert written.body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input":"ls"}'
    assert written.undo.custom == frozenset({"exec"})
    native = SPEC.write_request(conversation, Capabilities(custom_tools=True))
    assert native.body["tools"][0]["custom"]["format"] == {
        "type": "grammar",
        "grammar": {"syntax": "lark", "definition": "start: X"},
    }
    assert native.body["messages"][1]["tool_calls"][0] == {
        "id": "c",
        "type": "custom",
        "custom": {"name": "exec", "input": "ls"},
    }
    assert native.undo.nothing


def test_images_of_results_follow_in_one_user_message_after_the_last_result() -> None:
    messages = body(
        foreign(
            asked(Text("a")),
            said(ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}")),
            asked(ToolResult("c", (Text("see"), PICTURE)), ToolResult("d", (Text("ok"),)), Text("go on")),
        )
    )["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[2]["content"] == "see\n(see image below)"
    content = messages[4]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert "call c" in content[0]["text"]


def test_errors_of_tools_are_said_in_words() -> None:
    turns = (
        asked(Text("a")),
        said(ToolCall("c", "f", "")),
        asked(ToolResult("c", (Text("no such file"),), is_error=True)),
    )
    messages = body(foreign(*turns))["messages"]
    assert messages[2]["content"] == "Error: no such file"
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_broken_arguments_of_other_dialects_stay_json() -> None:
    turns = (asked(Text("a")), said(ToolCall("c", "f", '{"cut')), asked(ToolResult("c", ())))
    assert json.loads(body(foreign(*turns))["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {
        "_raw": '{"cut'
    }


def test_pictures_that_the_model_made_move_to_the_next_user_message() -> None:
    messages = body(foreign(asked(Text("a")), said(Text("b"), PICTURE), asked(Text("c"))))["messages"]
    assert messages[1] == {"role": "assistant", "content": "b"}
    assert [part["type"] for part in messages[2]["content"]] == ["text", "image_url", "text"]


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (Video(Inline("video/mp4", "AAAA")), "video"),
        (Audio(Inline("audio/wav", "AAAA")), "audio"),
        (Image(FileId("f", "messages")), "file id"),
        (Document(FileId("f", "messages")), "file id"),
        (Document(Url("https://a.test/d.pdf")), "document"),
        (Image(Inline("image/heic", "AAAA")), "image/heic"),
    ],
)
def test_what_cannot_be_carried_is_refused(part: Part, word: str) -> None:
    fault = refused(foreign(asked(part)))
    assert word in fault.message
    assert fault.param == "messages"


def test_media_of_a_model_without_eyes_is_refused() -> None:
    assert "image" in refused(foreign(asked(PICTURE)), images=False).message
    assert (
        "document" in refused(foreign(asked(Document(Inline("application/pdf", "JVBERi0=")))), documents=False).message
    )


def test_blocks_of_other_dialects_are_told_refused_or_left_out() -> None:
    told = Foreign("messages", {"type": "web_search_tool_result"}, text="Results: …")
    assert body(foreign(asked(told)))["messages"][0]["content"] == "Results: …"
    fault = refused(foreign(asked(Foreign("messages", {"type": "container_upload"}, where="messages[0].content[0]"))))
    assert (fault.param, "container_upload" in fault.message) == ("messages[0].content[0]", True)
    written = SPEC.write_request(foreign(asked(Text("a"), Foreign("messages", {"type": "x"}, meaningful=False))), ANY)
    assert (written.body["messages"][0]["content"], written.notes) == ("a", (Note("dropped", "x"),))


def test_tools_that_run_at_another_provider_are_refused() -> None:
    fault = refused(foreign(tools=(Tool("f"), Tool("computer", kind="foreign", extra={"messages": {}}))))
    assert fault.param == "tools[1]"
    search = foreign(tools=(Tool("web_search", kind="web_search", settings={"context_size": "low"}),))
    assert body(search)["web_search_options"] == {"search_context_size": "low"}
    refused(search, server_tools=False)


def test_what_the_target_cannot_answer_is_refused() -> None:
    assert refused(read(HI, n=2), n=False).param == "n"
    assert refused(read(HI, logprobs=True), logprobs=False).param == "logprobs"
    assert refused(foreign(previous_response_id="resp_1")).param == "previous_response_id"
    assert refused(foreign(modalities=("audio",))).param == "modalities"


def test_what_only_tunes_is_dropped_with_a_note() -> None:
    written = SPEC.write_request(
        foreign(sampling=Sampling(top_k=3, temperature=0.0), metadata={"user_id": "u"}, verbosity="low", store=True),
        ANY,
    )
    assert written.body == {"model": "m", "messages": [HI], "temperature": 0.0}
    assert {note.what for note in written.notes} == {"top_k", "metadata", "verbosity", "store"}


def test_thinking_goes_back_only_where_it_is_demanded_and_never_another_providers() -> None:
    turns = (
        asked(Text("a")),
        said(Thinking("mine", summary=False), ToolCall("c", "f", "{}")),
        asked(ToolResult("c", (Text("r"),))),
        said(Thinking("theirs", opaque=Opaque("messages", "SIG")), Text("b")),
        asked(Text("c")),
    )
    plain = body(foreign(*turns))["messages"]
    assert not any("reasoning_content" in message for message in plain)
    echoed = body(foreign(*turns), reasoning_field="reasoning_content", echo_reasoning=True)["messages"]
    assert echoed[1]["reasoning_content"] == "mine"
    assert "reasoning_content" not in echoed[3]


def test_openrouter_details_go_back_unchanged() -> None:
    details = [{"type": "reasoning.encrypted", "data": "AAA", "index": 0}]
    conversation = read(
        HI,
        {"role": "assistant", "content": None, "reasoning": "Hm", "reasoning_details": details, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "r"},
    )  # fmt: skip
    message = body(conversation, reasoning_field="reasoning", echo_reasoning=True)["messages"][1]
    assert (message["reasoning"], message["reasoning_details"]) == ("Hm", details)


def test_json_mode_says_json_and_enums_are_told() -> None:
    written = body(foreign(output=OutputFormat("json")))
    assert written["response_format"] == {"type": "json_object"}
    assert "JSON" in written["messages"][0]["content"]
    silent = body(foreign(asked(Text("as json please")), output=OutputFormat("json")))
    assert silent["messages"] == [{"role": "user", "content": "as json please"}]
    told = body(foreign(output=OutputFormat("enum", {"enum": ["a", "b"]})))
    assert ('["a","b"]' in told["messages"][0]["content"], "response_format" in told) == (True, False)
    named = body(foreign(output=OutputFormat("schema", {"type": "object"})))
    assert named["response_format"]["json_schema"] == {"name": "response", "schema": {"type": "object"}}


def test_gemini_signatures_reach_only_a_target_that_knows_them() -> None:
    turns = (
        asked(Text("a")),
        said(ToolCall("c", "f", "{}", opaque=Opaque("gemini", "c2ln", "g3"))),
        asked(ToolResult("c", (Text("r"),))),
    )
    assert "extra_content" not in body(foreign(*turns))["messages"][1]["tool_calls"][0]
    call = body(foreign(*turns), family="g3")["messages"][1]["tool_calls"][0]
    assert call["extra_content"] == {"google": {"thought_signature": "c2ln"}}


def test_a_turn_that_holds_nothing_for_the_target_is_left_out() -> None:
    turns = (asked(Text("a")), said(Thinking("x", opaque=Opaque("messages", "S"))), asked(Text("b")))
    assert [message["role"] for message in body(foreign(*turns))["messages"]] == ["user", "user"]


@given(strategies.conversations(dialect="chat"))
def test_chat_to_neutral_to_chat_keeps_everything(conversation: Conversation) -> None:
    written = SPEC.write_request(conversation, ANY).body
    again = SPEC.write_request(SPEC.read_request(json.loads(dumps(written))), ANY).body
    assert again == written


@given(st.sampled_from(["responses", "messages", "gemini"]), st.data())
def test_the_same_request_twice_gives_the_same_bytes(dialect: str, data: st.DataObject) -> None:
    conversation = data.draw(strategies.conversations(dialect=dialect))
    first = dumps(SPEC.write_request(conversation, ANY).body)
    assert first == dumps(SPEC.write_request(replace(conversation), ANY).body)
    read_again = SPEC.read_request(json.loads(first))
    calls = [p.call_id for turn in conversation.turns for p in turn.parts if isinstance(p, ToolCall)]
    assert [p.call_id for turn in read_again.turns for p in turn.parts if isinstance(p, ToolCall)] == calls


def test_system_text_of_other_dialects_is_one_message_and_foreign_blocks_in_it_are_refused() -> None:
    several = foreign(system=(Text("one"), Text("two")))
    assert body(several)["messages"][0] == {"role": "system", "content": "one\n\ntwo"}
    fault = refused(foreign(system=(Foreign("messages", {"type": "odd"}, where="system[0]"),)))
    assert fault.param == "system[0]"


def test_text_documents_become_tagged_text() -> None:
    inline = Inline("text/plain", "aGVsbG8=")
    messages = body(foreign(asked(Document(inline, title="T")), said(Text("ok")), asked(Document(inline))))["messages"]
    assert messages[0]["content"] == '<document title="T">\nhello\n</document>'
    assert messages[2]["content"] == "hello"


def test_audio_and_video_go_to_models_that_take_them() -> None:
    turn = asked(Audio(Inline("audio/mpeg", "AAAA")), Video(Url("https://a.test/v.mp4")))
    content = body(foreign(turn), audio=True, video=True)["messages"][0]["content"]
    assert content == [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "https://a.test/v.mp4"}},
    ]
    assert "audio/ogg" in refused(foreign(asked(Audio(Inline("audio/ogg", "AAAA")))), audio=True).message
    assert "address" in refused(foreign(asked(Image(Url("https://a.test/p.png")))), image_urls=False).message


def test_details_of_pictures_and_addresses_of_chat_callers_pass() -> None:
    detailed = Image(Inline("image/png", PNG), detail="original")
    assert body(foreign(asked(detailed)))["messages"][0]["content"][0]["image_url"]["detail"] == "high"
    parts = [
        {"type": "video_url", "video_url": {"url": "https://a.test/v.mp4"}},
        {"type": "file", "file": {"file_data": "https://a.test/d.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "flac"}},
    ]
    assert round_trip({"role": "user", "content": parts})["messages"][0]["content"] == parts


def test_odd_parts_of_compatible_clients() -> None:
    conversation = read(
        {"role": "user", "content": ["bare", {"type": "input_text", "text": "b"}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
            {"type": "thinking", "thinking": "m"},
            {"type": "refusal", "refusal": "No"},
        ], "images": [{"type": "image_url", "index": 0, "image_url": {"url": f"data:image/png;base64,{PNG}"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}}]},
    )  # fmt: skip
    assert conversation.turns[0].parts == (Text("bare"), Text("b"))
    assert [type(part).__name__ for part in conversation.turns[1].parts] == ["Thinking", "Thinking", "Refusal", "Image"]
    assert conversation.turns[2].parts == (PICTURE,)


def test_arguments_as_an_object_and_calls_without_ids_pair_with_their_results() -> None:
    conversation = read(
        HI,
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "r"},
    )
    call, result = conversation.turns[1].parts[0], conversation.turns[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert (call.arguments, result.call_id) == ('{"a":1}', call.call_id)


def test_custom_foreign_and_search_tools_of_chat_callers() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    tools = [
        {"type": "custom", "custom": {"name": "patch", "description": "Edits.", "format": grammar}},
        {"type": "vendor_tool", "size": 0},
    ]
    options = {"search_context_size": "low"}
    conversation = read(
        HI, tools=tools, web_search_options=options, tool_choice={"type": "custom", "custom": {"name": "patch"}}
    )
    assert [tool.kind for tool in conversation.tools] == ["custom", "foreign", "web_search"]
    written = body(conversation, custom_tools=True)
    assert (written["tools"], written["web_search_options"]) == (tools, options)
    assert written["tool_choice"] == {"type": "custom", "custom": {"name": "patch"}}
    emulated = body(conversation)
    assert emulated["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    assert "start: X" in emulated["tools"][0]["function"]["description"]


def test_strict_is_left_out_where_the_server_does_not_know_it() -> None:
    tools = [{"type": "function", "function": {"name": "f", "strict": True}}]
    written = SPEC.write_request(read(HI, tools=tools), Capabilities(strict_tools=False))
    assert "strict" not in written.body["tools"][0]["function"]
    assert written.notes == (Note("dropped", "strict"),)


def test_log_probabilities_user_tier_and_cache_key() -> None:
    keys = {"logprobs": True, "top_logprobs": 3, "user": "u", "safety_identifier": "s", "service_tier": "scale"}
    conversation = read(HI, **keys, prompt_cache_key="k")
    assert (conversation.logprobs, conversation.user, conversation.service_tier) == (3, "s", None)
    assert body(conversation) == {"model": "m", "messages": [HI], **keys, "prompt_cache_key": "k"}
    other = foreign(user="u", cache_key="k", service_tier="flex", modalities=("text", "image"))
    written = body(other, cache_key=True, image_output=True)
    assert (written["user"], written["prompt_cache_key"], written["service_tier"]) == ("u", "k", "flex")
    assert written["modalities"] == ["text", "image"]
    assert refused(other).param == "modalities"
