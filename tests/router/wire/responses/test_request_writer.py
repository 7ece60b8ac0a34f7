from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Opaque,
    OutputFormat,
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
from router.wire.responses import SPEC
from router.wire.responses.output_items import item_id
from router.wire.written import Note
from tests.data import capture, captures
from tests.router.wire.responses.builders import CAPABILITIES, HELLO, conversation, read, write
from tests.router.wire.strategies import PNG, conversations

LOOK = Tool("look", schema={"type": "object"})


def items(*turns: Turn, **fields: Any) -> list[JsonObject]:
    written: list[JsonObject] = write(conversation(turns=turns, **fields))["input"]
    return written


def notes(asked: Conversation, **capabilities: Any) -> tuple[Note, ...]:
    return SPEC.write_request(asked, Capabilities(**capabilities)).notes


def test_a_plain_request_stores_nothing_and_asks_for_its_reasoning_back() -> None:
    assert write(conversation(system=(Text("be brief"),), stream=True)) == {
        "model": "m",
        "instructions": "be brief",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "stream": True,
    }


def test_storage_is_kept_where_the_caller_asked_for_it() -> None:
    body = write(conversation(store=True))
    assert body["store"] is True
    assert "include" not in body
    assert "include" not in write(conversation(), thinking="none")


def test_several_system_texts_stay_messages_in_place() -> None:
    body = write(conversation(system=(Text("a"), Text("b")), turns=(HELLO, Turn("system", (Text("c"),)), HELLO)))
    assert "instructions" not in body
    assert [(item["role"], item["content"][0]["text"]) for item in body["input"]] == [
        ("developer", "a"),
        ("developer", "b"),
        ("user", "hello"),
        ("developer", "c"),
        ("user", "hello"),
    ]
    older = write(conversation(system=(Text("a"), Text("b"))), developer_role=False)
    assert [item["role"] for item in older["input"]] == ["system", "system", "user"]


def test_a_tool_round_trip_is_items_in_order() -> None:
    told = items(
        HELLO,
        Turn("assistant", (Text("looking"), ToolCall("c1", "look", '{"a":1}'), ToolCall("c2", "look", "{}"))),
        Turn("user", (ToolResult("c1", (Text("one"),)), ToolResult("c2", (Text("two"),), is_error=True), Text("go"))),
        tools=(LOOK,),
    )
    assert told[1:] == [
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "looking", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": "Error: two"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
    ]


def test_call_ids_that_are_too_long_are_hashed_alike_on_call_and_result() -> None:
    long = "call_" + "x" * 80 + "|fc_1"
    call, result = items(
        Turn("assistant", (ToolCall(long, "look", "{}"),)), Turn("user", (ToolResult(long, (Text("x"),)),))
    )
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64
    assert "id" not in call


def test_media_have_the_forms_of_the_api() -> None:
    (message,) = items(
        Turn(
            "user",
            (
                Image(Inline("image/png", PNG), "low"),
                Image(Url("https://x/y.png")),
                Image(FileId("file_1", "responses")),
                Document(Inline("application/pdf", "JVBERi0=")),
                Document(Url("https://x/a.pdf")),
                Document(Inline("text/plain", "aGk=")),
            ),
        )
    )
    assert message["content"] == [
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_text", "text": "hi"},
    ]


def test_pictures_in_results_and_of_the_assistant_have_a_place() -> None:
    picture = Image(Inline("image/png", PNG))
    told = items(Turn("user", (ToolResult("c1", (Text("see"), picture)),)), Turn("assistant", (Text("here"), picture)))
    assert [part["type"] for part in told[0]["output"]] == ["input_text", "input_image"]
    assert [item.get("role") for item in told] == [None, "assistant", "user"]
    assert told[2]["content"][1]["type"] == "input_image"


@pytest.mark.parametrize(
    ("part", "capabilities"),
    [
        (Video(Inline("video/mp4", "AAAA")), {}),
        (Audio(Inline("audio/wav", "AAAA")), {"audio": False}),
        (Audio(Inline("audio/flac", "AAAA")), {"audio": True}),
        (Image(Inline("image/png", PNG)), {"images": False}),
        (Document(Inline("application/pdf", "AAAA")), {"documents": False}),
        (Image(FileId("files/x", "gemini")), {}),
        (Foreign("messages", {"type": "container_upload"}, where="messages[0].content[0]"), {}),
    ],
)
def test_media_the_target_cannot_take_are_refused_with_their_place(part: Any, capabilities: JsonObject) -> None:
    with pytest.raises(Fault) as caught:
        write(conversation(turns=(Turn("user", (part,)),)), **capabilities)
    assert caught.value.kind == "bad_request"
    assert caught.value.param in ("turns[0].parts[0]", "messages[0].content[0]")


def test_wav_and_mp3_go_to_audio_models() -> None:
    turn = Turn("user", (Audio(Inline("audio/mpeg", "AAAA")),))
    content = write(conversation(turns=(turn,)), audio=True)["input"][0]["content"]
    assert content == [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]


def test_foreign_blocks_are_told_as_text_or_left_out_with_a_note() -> None:
    asked = conversation(
        turns=(
            Turn("assistant", (Foreign("messages", {"type": "web_search_tool_result"}, text="found X"), Text("a"))),
            Turn("assistant", (Foreign("gemini", {"type": "thing"}, meaningful=False),)),
        )
    )
    written = SPEC.write_request(asked, CAPABILITIES)
    assert [part["text"] for part in written.body["input"][0]["content"]] == ["found X", "a"]
    assert Note("dropped", "thing") in written.notes


def test_reasoning_goes_back_only_to_its_own_family() -> None:
    def told(opaque: Opaque | None) -> list[str]:
        turn = Turn("assistant", (Thinking("hm", opaque=opaque), ToolCall("c1", "look", "{}")))
        return [item["type"] for item in items(turn, Turn("user", (ToolResult("c1", (Text("x"),)),)))]

    assert told(Opaque("responses", "gAAA", "gpt", "rs_1"))[0] == "reasoning"
    assert told(Opaque("responses", "gAAA"))[0] == "reasoning"
    assert told(Opaque("responses", "gAAA", "other"))[0] == "function_call"
    assert told(Opaque("messages", "c2ln", "gpt"))[0] == "function_call"
    assert told(None)[0] == "function_call"


def test_a_reasoning_item_is_whole_and_never_alone() -> None:
    thinking = Thinking("hm", opaque=Opaque("responses", "gAAA", "gpt", "rs_1"))
    (reasoning, message) = items(Turn("assistant", (thinking, Text("x"))))
    assert reasoning == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "id": "rs_1",
        "encrypted_content": "gAAA",
    }
    assert message["role"] == "assistant"
    assert items(Turn("assistant", (thinking,)), HELLO)[0]["type"] == "message"
    assert len(items(HELLO, Turn("assistant", (thinking,)))) == 1


def test_ids_that_we_made_up_are_not_sent() -> None:
    own = item_id("function_call", "resp_1", 0)
    body = write(
        read(
            {
                "input": [
                    {"type": "function_call", "id": own, "call_id": "c1", "name": "f", "arguments": "{}"},
                    {"type": "function_call", "id": "fc_real", "call_id": "c2", "name": "f", "arguments": "{}"},
                ]
            }
        )
    )
    assert ["id" in item for item in body["input"]] == [False, True]


def test_strict_is_said_explicitly_for_callers_whose_default_is_off() -> None:
    (tool,) = write(conversation(tools=(LOOK,)))["tools"]
    assert tool == {"type": "function", "name": "look", "strict": False, "parameters": {"type": "object"}}
    own = read({"tools": [{"type": "function", "name": "look", "parameters": None}]})
    assert "strict" not in write(own)["tools"][0]
    assert write(conversation(tools=(Tool("f", strict=True),)))["tools"][0]["strict"] is True


def test_long_names_are_bent_everywhere_alike_and_undone() -> None:
    name = "mcp__" + "x" * 70
    asked = conversation(
        tools=(Tool(name, schema={}),),
        tool_choice=ToolChoice("tool", (name,)),
        turns=(HELLO, Turn("assistant", (ToolCall("c", name, "{}"),)), Turn("user", (ToolResult("c", ()),))),
    )
    written = SPEC.write_request(asked, CAPABILITIES)
    upstream = written.body["tools"][0]["name"]
    assert len(upstream) <= 64
    assert written.body["tool_choice"] == {"type": "function", "name": upstream}
    assert written.body["input"][1]["name"] == upstream
    assert written.undo.names == {upstream: (name, None)}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("any"), "required"),
        (ToolChoice("tool", ("look",)), {"type": "function", "name": "look"}),
        (
            ToolChoice("allowed", ("look",), required=True),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]},
        ),
    ],
)
def test_tool_choice_has_its_form(choice: ToolChoice, expected: Any) -> None:
    assert write(conversation(tools=(LOOK,), tool_choice=choice))["tool_choice"] == expected


def test_tool_choice_without_tools_is_left_out() -> None:
    body = write(conversation(tool_choice=ToolChoice("any"), parallel_tool_calls=False))
    assert not {"tool_choice", "tools", "parallel_tool_calls"} & set(body)


def test_a_forced_tool_the_model_refuses_becomes_auto_with_a_note() -> None:
    asked = conversation(tools=(LOOK,), tool_choice=ToolChoice("any"))
    assert write(asked, forced_tool=False)["tool_choice"] == "auto"
    assert Note("changed", "tool_choice") in notes(asked, forced_tool=False)


def test_free_text_tools_become_functions_where_there_are_none() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    asked = read(
        {
            "tools": [{"type": "custom", "name": "exec", "description": "runs", "format": grammar}],
            "input": [
                {"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": 'say "hi"'},
                {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
            ],
        }
    )
    written = SPEC.write_request(asked, Capabilities(custom_tools=False))
    (tool,) = written.body["tools"]
    assert (tool["type"], tool["parameters"]["required"]) == ("function", ["input"])
    assert "start: /x/" in tool["description"]
    call, result = written.body["input"]
    assert (call["type"], call["arguments"]) == ("function_call", '{"input":"say \\"hi\\""}')
    assert result["type"] == "function_call_output"
    assert written.undo.custom == {"exec"}
    assert Note("emulated", "custom_tools") in written.notes


def test_searches_of_other_dialects_are_web_searches_and_unknown_tools_are_refused() -> None:
    search = Tool("web_search", kind="web_search", settings={"allowed_domains": ["a.b"], "max_uses": 3})
    written = SPEC.write_request(conversation(tools=(search, Tool("code", kind="code"))), CAPABILITIES)
    assert written.body["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.b"]}},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    assert Note("dropped", "web_search.max_uses") in written.notes
    with pytest.raises(Fault, match=r"tools\[0\]"):
        write(conversation(tools=(Tool("computer", kind="foreign", extra={"messages": {}}),)))


def test_what_only_tunes_is_dropped_with_a_note() -> None:
    asked = conversation(
        sampling=Sampling(temperature=0.5, top_k=4, seed=1, presence_penalty=1.0, frequency_penalty=1.0, logit_bias={})
    )
    written = SPEC.write_request(asked, CAPABILITIES)
    assert written.body["temperature"] == 0.5
    assert {note.what for note in written.notes} == {
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
    }
    assert "temperature" not in write(asked, sampling=False)


def test_stop_sequences_are_cut_on_the_way_back() -> None:
    written = SPEC.write_request(conversation(stop=("END",)), CAPABILITIES)
    assert "stop" not in written.body
    assert written.undo.stop == ("END",)
    assert Note("emulated", "stop") in written.notes


def test_several_answers_and_spoken_ones_are_refused() -> None:
    for fields, param in (({"n": 2}, "n"), ({"modalities": ("text", "audio")}, "modalities")):
        with pytest.raises(Fault) as caught:
            write(conversation(**fields))
        assert caught.value.param == param
    assert "n" not in write(conversation(n=1))


def test_log_probabilities_are_asked_for_in_two_places() -> None:
    body = write(conversation(logprobs=0))
    assert body["top_logprobs"] == 0
    assert "message.output_text.logprobs" in body["include"]


def test_tiny_limits_are_raised_to_the_minimum() -> None:
    asked = conversation(max_tokens=1)
    assert write(asked)["max_output_tokens"] == 16
    assert Note("clamped", "max_output_tokens") in notes(asked)
    assert write(conversation(max_tokens=17))["max_output_tokens"] == 17


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        (Reasoning(), None),
        (Reasoning(effort="high"), {"effort": "high"}),
        (Reasoning(effort="low", show=True), {"effort": "low", "summary": "auto"}),
        (Reasoning(summary="detailed", show=True), {"summary": "detailed"}),
        (Reasoning(effort="low", show=False), {"effort": "low"}),
        (Reasoning(effort="low", form="none"), None),
    ],
)
def test_summaries_are_asked_for_only_where_they_are_shown(reasoning: Reasoning, expected: Any) -> None:
    assert write(conversation(reasoning=reasoning)).get("reasoning") == expected


def test_structured_output_is_written_flat() -> None:
    schema = {"type": "object"}
    body = write(conversation(output=OutputFormat("schema", schema, "my shape!", strict=True), verbosity="low"))
    assert body["text"]["format"]["type"] == "json_schema"
    assert body["text"]["format"]["schema"] == schema
    assert body["text"]["format"]["strict"] is True
    assert body["text"]["format"]["name"].startswith("my_shape_")
    assert body["text"]["verbosity"] == "low"
    assert write(conversation(output=OutputFormat("schema", schema)))["text"]["format"]["name"] == "response"


def test_json_mode_always_mentions_json() -> None:
    silent = write(conversation(output=OutputFormat("json")))
    assert silent["text"]["format"] == {"type": "json_object"}
    assert "JSON" in silent["instructions"]
    asked = conversation(output=OutputFormat("json"), turns=(Turn("user", (Text("give me json"),)),))
    assert "instructions" not in write(asked)


def test_formats_the_model_lacks_are_asked_for_in_words() -> None:
    asked = conversation(output=OutputFormat("schema", {"type": "object", "title": "Dog"}), system=(Text("be brief"),))
    written = SPEC.write_request(asked, Capabilities(json_schema=False))
    assert "text" not in written.body
    assert written.body["instructions"].startswith("be brief\n\n")
    assert '"title":"Dog"' in written.body["instructions"]
    assert written.undo.unfence
    enum = SPEC.write_request(conversation(output=OutputFormat("enum", {"enum": ["a", "b"]})), CAPABILITIES)
    assert enum.body["instructions"].endswith("a, b")
    assert not enum.undo.unfence


def test_identity_metadata_and_tier_are_mapped() -> None:
    body = write(conversation(user="u" * 65, metadata={"k": "v"}, cache_key="key", service_tier="flex"))
    assert len(body["safety_identifier"]) == 64
    assert body["metadata"] == {"k": "v"}
    assert (body["prompt_cache_key"], body["service_tier"]) == ("key", "flex")
    foreign = conversation(dialect="messages", metadata={"user_id": "x"}, service_tier="standard_only")
    assert not {"metadata", "service_tier"} & set(write(foreign))
    assert {Note("dropped", "metadata"), Note("dropped", "service_tier")} <= set(notes(foreign))


@given(conversations())
def test_writing_is_deterministic_and_reads_back_as_the_same_request(asked: Conversation) -> None:
    written = SPEC.write_request(asked, CAPABILITIES)
    assert dumps(written.body) == dumps(SPEC.write_request(asked, CAPABILITIES).body)
    again = SPEC.read_request(written.body)

    def flat(turns: tuple[Turn, ...]) -> list[tuple[str, Any]]:
        return [(turn.role, part) for turn in turns for part in turn.parts]

    def plain(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
        return [(role, repr(part).partition("extra=")[0]) for role, part in flat(turns)]

    assert plain(again.turns) == plain(asked.turns)
    assert [tool.name for tool in again.tools] == [tool.name for tool in asked.tools]
    assert (again.max_tokens, again.sampling, again.stream) == (asked.max_tokens, asked.sampling, asked.stream)
    assert again.reasoning.effort == asked.reasoning.effort


REAL = [
    name
    for client in ("codex", "openai-py")
    for name in captures(client)
    if capture(name)["path"].startswith("/v1/responses") and (capture(name).get("body") or {}).get("input") is not None
]


@pytest.mark.parametrize("name", REAL)
def test_real_requests_lose_nothing_on_the_way_through(name: str) -> None:
    body = capture(name)["body"]
    written = SPEC.write_request(SPEC.read_request(body), CAPABILITIES)
    expected = {"store": False, **body}
    if isinstance(body["input"], str):
        content = [{"type": "input_text", "text": body["input"]}]
        expected["input"] = [{"type": "message", "role": "user", "content": content}]
    if not expected["store"]:
        expected.setdefault("include", ["reasoning.encrypted_content"])
    assert written.body == expected
    assert written.notes == ()
    assert written.undo.nothing


@pytest.mark.parametrize("key", ["conversation", "prompt"])
def test_what_only_the_api_honours_goes_back_to_its_place(key: str) -> None:
    body = write(read({key: {"id": "x"}, "input": "hi"}))
    assert body[key] == {"id": "x"}
    assert [item["role"] for item in body["input"]] == ["user"]


def test_own_items_of_every_kind_go_back_as_they_came() -> None:
    items = [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {"type": "message", "role": "user", "content": [{"type": "input_video", "url": "x"}]},
        {
            "type": "message",
            "id": "msg_2",
            "status": "completed",
            "phase": "commentary",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x"}, {"type": "refusal", "refusal": "no"}],
        },
    ]
    assert write(read({"input": items}))["input"] == items


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "custom", "name": "exec"},
        {"type": "web_search"},
        {"type": "function", "name": "sleep", "namespace": "clock"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "exec"}]},
    ],
)
def test_own_tool_choices_go_back_as_they_came(choice: JsonObject) -> None:
    tools = [{"type": "custom", "name": "exec"}, {"type": "web_search"}]
    body = write(read({"tools": tools, "tool_choice": choice}))
    assert body["tool_choice"] == choice
    assert body["tools"] == tools


def test_a_forced_free_text_tool_of_another_dialect_is_custom() -> None:
    grammar = {"syntax": "lark", "definition": "start: /x/"}
    tool = Tool("exec", kind="custom", extra={"chat": {"format": {"type": "grammar", "grammar": grammar}}})
    body = write(conversation(tools=(tool,), tool_choice=ToolChoice("tool", ("exec",))))
    assert body["tools"] == [{"type": "custom", "name": "exec", "format": {"type": "grammar", **grammar}}]
    assert body["tool_choice"] == {"type": "custom", "name": "exec"}


def test_provider_tools_of_other_dialects_are_mapped_or_left_out_with_a_note() -> None:
    fetch = Tool("web_fetch", kind="web_fetch", settings={"allowed_domains": ["a.b"], "context_size": "low"})
    place = Tool("web_search", kind="web_search", settings={"user_location": {"country": "DE"}})
    habit = Tool("computer", kind="foreign", optional=True)
    written = SPEC.write_request(conversation(tools=(fetch, place, habit)), CAPABILITIES)
    assert written.body["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.b"]}, "search_context_size": "low"},
        {"type": "web_search", "user_location": {"type": "approximate", "country": "DE"}},
    ]
    assert {Note("changed", "web_fetch"), Note("dropped", "computer")} <= set(written.notes)
    bare = SPEC.write_request(conversation(tools=(place,)), Capabilities(server_tools=False))
    assert "tools" not in bare.body
    assert Note("dropped", "web_search") in bare.notes


def test_tools_found_by_a_search_are_not_declared_twice() -> None:
    found = {"type": "function", "name": "found", "parameters": {}, "strict": False}
    output = {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [found]}
    call = {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {}}
    asked = read({"input": [{"role": "user", "content": "x"}, call, output]})
    body = write(asked)
    assert "tools" not in body
    assert body["input"][1:] == [call, output]
    assert [tool.name for tool in asked.tools] == ["found"]


def test_reasoning_without_bytes_goes_back_where_it_is_stored_or_raw() -> None:
    def told(item: JsonObject, **fields: Any) -> list[str]:
        body = read({"input": [item, {"role": "assistant", "content": "x"}], **fields})
        return [one.get("type", "message") for one in write(body)["input"]]

    by_id = {"type": "reasoning", "id": "rs_1", "summary": []}
    raw = {**by_id, "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert told(by_id, store=True) == ["reasoning", "message"]
    assert told(by_id, store=False) == ["message"]
    assert told(raw, store=False) == ["reasoning", "message"]
