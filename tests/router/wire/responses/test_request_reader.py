from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.conversation import (
    Audio,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
    JsonObject,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Url,
)
from router.wire.opaque import wrap
from router.wire.responses import SPEC
from tests.router.wire.responses.builders import read
from tests.router.wire.strategies import PNG


def turns(*items: JsonObject) -> tuple[Turn, ...]:
    return read({"input": list(items)}).turns


def only(*items: JsonObject) -> Any:
    """The only part of the only turn."""
    (turn,) = turns(*items)
    (part,) = turn.parts
    return part


def user(*content: JsonObject) -> JsonObject:
    return {"type": "message", "role": "user", "content": list(content)}


def test_a_string_is_one_user_turn_and_instructions_are_system_text() -> None:
    asked = SPEC.read_request({"model": "m", "input": "hello", "instructions": "be brief"})
    assert asked.turns == (Turn("user", (Text("hello"),)),)
    assert asked.system == (Text("be brief"),)
    assert (asked.model, asked.dialect, asked.stream) == ("m", "responses", False)


def test_settings_have_their_fields() -> None:
    asked = read(
        {
            "max_output_tokens": 64,
            "temperature": 0,
            "top_p": 0.5,
            "metadata": {"k": "v"},
            "store": False,
            "stream": True,
            "parallel_tool_calls": False,
            "reasoning": {"effort": "xhigh", "summary": "auto", "context": "all_turns"},
            "text": {"verbosity": "low"},
            "prompt_cache_key": "key",
            "previous_response_id": "resp_1",
            "service_tier": "flex",
            "safety_identifier": "u",
            "user": "older",
            "top_logprobs": 3,
            "include": ["message.output_text.logprobs"],
        }
    )
    assert (asked.max_tokens, asked.sampling.temperature, asked.sampling.top_p) == (64, 0.0, 0.5)
    assert (asked.metadata, asked.store, asked.stream, asked.parallel_tool_calls) == ({"k": "v"}, False, True, False)
    assert asked.reasoning == Reasoning(effort="xhigh", summary="auto", show=True)
    assert (asked.verbosity, asked.cache_key, asked.previous_response_id) == ("low", "key", "resp_1")
    assert (asked.service_tier, asked.user, asked.logprobs) == ("flex", "u", 3)
    assert asked.extra["responses"]["reasoning"] == {"context": "all_turns"}


def test_model_and_stream_of_the_path_win() -> None:
    asked = SPEC.read_request({"input": "x", "model": "body"}, model="path", stream=True)
    assert (asked.model, asked.stream) == ("path", True)


def test_logprobs_asked_by_include_alone_are_of_the_chosen_token() -> None:
    assert read({"include": ["message.output_text.logprobs"]}).logprobs == 0
    assert read({"top_logprobs": 0}).logprobs is None


def test_leading_developer_messages_are_system_text_later_ones_stay_in_place() -> None:
    asked = read(
        {
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]},
                {"role": "system", "content": "b"},
                {"role": "user", "content": "hi"},
                {"role": "developer", "content": "c"},
            ]
        }
    )
    assert [part.text for part in asked.system if isinstance(part, Text)] == ["a", "b"]
    assert [turn.role for turn in asked.turns] == ["user", "system"]


def test_every_content_part_of_a_user_message_is_read() -> None:
    (turn,) = turns(
        user(
            {"type": "input_text", "text": ""},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
            {"type": "input_image", "image_url": "https://x/y.png"},
            {"type": "input_image", "file_id": "file_1"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            {"type": "input_file", "file_url": "https://x/a.pdf"},
            {"type": "input_file", "file_id": "file_2"},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        )
    )
    assert turn.parts == (
        Text(""),
        Image(Inline("image/png", PNG), "low"),
        Image(Url("https://x/y.png")),
        Image(FileId("file_1", "responses")),
        Document(Inline("application/pdf", "JVBERi0="), "a.pdf"),
        Document(Url("https://x/a.pdf")),
        Document(FileId("file_2", "responses")),
        Audio(Inline("audio/wav", "UklGRg==")),
    )


def test_file_data_may_be_bare_base64_as_compatible_clients_send_it() -> None:
    part = only(user({"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0="}))
    assert part.source == Inline("application/pdf", "JVBERi0=")


def test_assistant_messages_have_texts_and_refusals() -> None:
    content = [{"type": "output_text", "text": "a", "annotations": []}, {"type": "refusal", "refusal": "no"}]
    (turn,) = turns({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content})
    assert (turn.role, turn.parts) == ("assistant", (Text("a"), Refusal("no")))


def test_calls_and_outputs_are_turns_of_their_own() -> None:
    told = turns(
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"b":1,"a":2}', "namespace": "clock"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "exec", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "a"}]},
    )
    assert told[0].parts == (ToolCall("c1", "f", '{"b":1,"a":2}', namespace="clock"),)
    assert told[1] == Turn("user", (ToolResult("c1", (Text("done"),)),))
    assert told[2].parts == (ToolCall("c2", "exec", "ls", custom=True),)
    result = told[3].parts[0]
    assert isinstance(result, ToolResult)
    assert (result.custom, result.content) == (True, (Text("a"),))


def test_outputs_may_hold_pictures() -> None:
    output = [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]
    part = only({"type": "function_call_output", "call_id": "c1", "output": output})
    assert part.content == (Image(Inline("image/png", PNG)),)


def test_reasoning_keeps_native_bytes_with_their_item_id() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    part = only({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"})
    assert isinstance(part, Thinking)
    assert (part.text, part.opaque, part.summary) == ("one\n\ntwo", Opaque("responses", "gAAA", id="rs_1"), True)


def test_raw_reasoning_is_no_summary() -> None:
    part = only({"type": "reasoning", "id": "rs", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]})
    assert (part.text, part.summary, part.opaque) == ("hm", False, None)


def test_bytes_with_our_prefix_go_back_to_their_maker() -> None:
    signature = Opaque("messages", "c2ln", model="claude")
    part = only({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": wrap(signature)})
    assert part.opaque == signature
    damaged = only({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gw1.messages.!"})
    assert damaged.opaque is None


def test_unknown_items_and_parts_are_kept_with_their_path() -> None:
    item = {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "action": {"type": "exec"}}
    told = turns({"role": "user", "content": "x"}, item, {"type": "item_reference", "id": "msg_1"})
    assert told[1] == Turn("assistant", (Foreign("responses", item, where="input[1]"),))
    reference = told[2].parts[0]
    assert isinstance(reference, Foreign)
    assert (reference.where, reference.meaningful) == ("input[2]", True)
    part = only(user({"type": "input_video", "url": "x"}))
    assert (part.where, part.meaningful) == ("input[0].content[0]", True)


def test_another_providers_search_may_be_left_out() -> None:
    assert only({"type": "web_search_call", "id": "ws_1", "status": "completed"}).meaningful is False


@pytest.mark.parametrize("key", ["conversation", "prompt", "background"])
def test_what_only_the_api_can_honour_is_never_lost_silently(key: str) -> None:
    value: Any = True if key == "background" else {"id": "x"}
    part = read({key: value}).turns[0].parts[0]
    assert isinstance(part, Foreign)
    assert (part.where, part.raw, part.meaningful) == (key, {key: value}, True)
    assert len(read({"background": False}).turns) == 1


def test_tools_are_read_wherever_they_stand() -> None:
    function = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    asked = read(
        {
            "tools": [
                function,
                {"type": "custom", "name": "apply_patch", "description": "d", "format": grammar},
                {"type": "namespace", "name": "agents", "description": "n", "tools": [{**function, "name": "close"}]},
                {"type": "web_search", "filters": {"allowed_domains": ["a.b"]}, "search_context_size": "low"},
                {"type": "tool_search", "execution": "client", "parameters": {}},
                {"type": "code_interpreter", "container": {"type": "auto"}},
            ],
            "input": [
                {
                    "type": "additional_tools",
                    "id": "at_1",
                    "role": "developer",
                    "tools": [
                        {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
                    ],
                },
                {"role": "user", "content": "x"},
                {"type": "tool_search_output", "call_id": "c", "tools": [{**function, "name": "found"}]},
            ],
        }
    )
    told = [(tool.kind, tool.namespace, tool.name) for tool in asked.tools]
    assert told == [
        ("function", None, "f"),
        ("custom", None, "apply_patch"),
        ("function", "agents", "close"),
        ("web_search", None, "web_search"),
        ("foreign", None, "tool_search"),
        ("code", None, "code_interpreter"),
        ("custom", "functions", "exec"),
        ("function", None, "found"),
    ]
    assert asked.tools[0].strict is False
    assert asked.tools[1].extra["responses"]["format"] == grammar
    assert asked.tools[3].settings == {"allowed_domains": ["a.b"], "context_size": "low"}
    assert [turn.role for turn in asked.turns] == ["user", "user"]


@pytest.mark.parametrize(
    ("value", "mode", "names", "required"),
    [
        ("auto", "auto", (), False),
        ("none", "none", (), False),
        ("required", "any", (), False),
        ({"type": "function", "name": "f"}, "tool", ("f",), False),
        ({"type": "custom", "name": "f"}, "tool", ("f",), False),
        ({"type": "web_search_preview"}, "tool", ("web_search",), False),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            "allowed",
            ("f",),
            True,
        ),
    ],
)
def test_every_tool_choice_is_read(value: Any, mode: str, names: tuple[str, ...], required: bool) -> None:
    choice = read({"tool_choice": value}).tool_choice
    assert isinstance(choice, ToolChoice)
    assert (choice.mode, choice.names, choice.required) == (mode, names, required)


def test_structured_output_is_flat() -> None:
    form = {"type": "json_schema", "name": "Dog", "schema": {"type": "object"}, "strict": True, "description": "d"}
    output = read({"text": {"format": form}}).output
    assert output is not None
    assert (output.kind, output.schema, output.name) == ("schema", {"type": "object"}, "Dog")
    assert (output.strict, output.description) == (True, "d")
    assert read({"text": {"format": {"type": "json_object"}}}).output.kind == "json"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": 7}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"content": "x"}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "reasoning", "summary": [{"text": 7}]}]}, "input[0].summary[0].text"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}, "tools[0].parameters"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": "x"}, "text"),
        ({"text": {"format": "text"}}, "text.format"),
        ({"text": {"format": {}}}, "text.format.type"),
        ({"text": {"format": {"type": 5}}}, "text.format.type"),
        *(
            ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {}, key: 5}}}, f"text.format.{key}")
            for key in ("schema", "name", "description", "strict")
        ),
        ({"text": {"verbosity": 5}}, "text.verbosity"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "message", "role": "assistant"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": None}]}, "input[0].content"),
        *(
            ({key: []}, key)
            for key in (
                "instructions",
                "user",
                "safety_identifier",
                "service_tier",
                "prompt_cache_key",
                "store",
                "previous_response_id",
                "parallel_tool_calls",
                "top_p",
                "top_logprobs",
                "metadata",
                "reasoning",
            )
        ),
        ({"include": "x"}, "include"),
        ({"model": None}, "model"),
    ],
)
def test_every_mistake_is_named_with_its_path(body: JsonObject, path: str) -> None:
    with pytest.raises(Fault) as caught:
        read(body)
    assert caught.value.kind == "bad_request"
    assert caught.value.param == path
    assert path in caught.value.message


def test_an_item_of_an_id_alone_refers_to_an_earlier_one() -> None:
    part = only({"id": "msg_1"})
    assert (part.raw, part.where, part.meaningful) == ({"id": "msg_1"}, "input[0]", True)
    assert turns({"id": "msg_1"})[0].role == "user"
