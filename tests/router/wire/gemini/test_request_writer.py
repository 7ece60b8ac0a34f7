from __future__ import annotations

import json
from itertools import pairwise

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
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Url,
)
from router.wire.gemini import SPEC, read_total, write_count, write_count_request
from router.wire.gemini.fields import camel
from router.wire.written import Note
from tests.data import capture, captures
from tests.router.wire.gemini.frames import CAPABILITIES
from tests.router.wire.strategies import conversations

PNG = Inline("image/png", "iVBORw0KGgo=")
HI = Turn("user", (Text("hi"),))
TOOL = Tool("f", "does f", {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False})


def write(*turns, capabilities=CAPABILITIES, **fields):
    fields.setdefault("dialect", "chat")
    return SPEC.write_request(Conversation(model="m", turns=turns or (HI,), **fields), capabilities)


def body(*turns, **fields):
    return write(*turns, **fields).body


def user_parts(*parts, **fields):
    return body(Turn("user", parts), **fields)["contents"][0]["parts"]


def test_the_smallest_request():
    assert body() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_system_text_anywhere():
    written = write(
        Turn("system", (Text("lead"),)), HI, Turn("system", (Text("late"),)), Turn("assistant", (Text("a"),)), HI,
        system=(Text("top"),),
    )  # fmt: skip
    assert written.body["systemInstruction"] == {"parts": [{"text": "top"}, {"text": "lead"}]}
    assert written.body["contents"][0]["parts"] == [
        {"text": "hi"},
        {"text": "<system-reminder>\nlate\n</system-reminder>"},
    ]
    assert Note("emulated", "system_turn") in written.notes


def test_only_a_system_prompt_becomes_a_user_turn():
    written = SPEC.write_request(Conversation(dialect="chat", model="m", system=(Text("s"),)), CAPABILITIES)
    assert written.body == {"contents": [{"role": "user", "parts": [{"text": "s"}]}]}


def test_nothing_at_all_is_refused():
    with pytest.raises(Fault, match="empty"):
        SPEC.write_request(Conversation(dialect="chat", model="m"), CAPABILITIES)


def test_turns_alternate_from_user_to_user_and_none_is_empty():
    written = write(
        Turn("assistant", (Text("a"),)), Turn("assistant", (Text(""), Text("b"))), HI, Turn("assistant", ()), HI,
        Turn("assistant", (Text("so"),)),
    )  # fmt: skip
    assert [(each["role"], [part["text"] for part in each["parts"]]) for each in written.body["contents"]] == [
        ("user", ["(conversation continues)"]),
        ("model", ["a", "b"]),
        ("user", ["hi", "hi"]),
        ("model", ["so"]),
        ("user", ["Continue."]),
    ]


def test_results_are_objects_in_the_order_of_their_calls_with_names_and_ids():
    calls = tuple(ToolCall(f"c{i}", "f", "") for i in range(4))
    results = (
        ToolResult("c1", (Text('{"x":1}'),)),
        ToolResult("c0", (Text("plain"),)),
        ToolResult("c3", (Text("boom"),), is_error=True),
        ToolResult("c2", (Text("[1]"),)),
    )
    contents = body(HI, Turn("assistant", calls), Turn("user", (*results, Text("go on"))), tools=(TOOL,))["contents"]
    assert contents[1]["parts"][0] == {"functionCall": {"id": "c0", "name": "f", "args": {}}}
    assert [part["functionResponse"] for part in contents[2]["parts"][:4]] == [
        {"id": "c0", "name": "f", "response": {"output": "plain"}},
        {"id": "c1", "name": "f", "response": {"x": 1}},
        {"id": "c2", "name": "f", "response": {"output": "[1]"}},
        {"id": "c3", "name": "f", "response": {"error": "boom"}},
    ]
    assert contents[2]["parts"][4] == {"text": "go on"}


def test_orphan_calls_are_answered_and_orphan_results_become_text():
    written = write(
        HI, Turn("assistant", (ToolCall("c0", "f", "{}"),)), Turn("user", (ToolResult("zz", (Text("r"),)),))
    )
    parts = written.body["contents"][2]["parts"]
    assert parts[0]["functionResponse"]["response"] == {"error": "(no result: the call was interrupted)"}
    assert "zz" in parts[1]["text"]
    assert parts[2] == {"text": "r"}


@pytest.mark.parametrize(
    ("text", "args"),
    [("", {}), ("  ", {}), ('{"b":1,"a":2}', {"b": 1, "a": 2}), ('{"a":', {"_raw": '{"a":'}), ("[1]", {"value": [1]})],
)
def test_arguments_become_an_object(text, args):
    contents = body(HI, Turn("assistant", (ToolCall("c", "f", text),)), Turn("user", (ToolResult("c", ()),)))[
        "contents"
    ]
    assert contents[1]["parts"][0]["functionCall"]["args"] == args
    assert list(contents[1]["parts"][0]["functionCall"]["args"]) == list(args)


def test_pictures_in_results_go_inside_or_behind_with_a_label():
    turns = (
        HI,
        Turn("assistant", (ToolCall("c", "f", "{}"),)),
        Turn("user", (ToolResult("c", (Text("see"), Image(source=PNG))),)),
    )
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG.data}}
    inside = body(*turns)["contents"][2]["parts"]
    assert inside[0]["functionResponse"]["parts"] == [blob]
    behind = body(*turns, capabilities=Capabilities(images_in_results=False))["contents"][2]["parts"]
    assert "parts" not in behind[0]["functionResponse"]
    assert behind[1:] == [{"text": "(from the result of tool call c:)"}, blob]


def step(number, **call):
    return (
        Turn("assistant", (ToolCall(f"c{number}", "f", "{}", **call), ToolCall(f"d{number}", "f", "{}"))),
        Turn("user", (ToolResult(f"c{number}", (Text("r"),)), ToolResult(f"d{number}", (Text("r"),)))),
    )


def signatures(written):
    return [
        part.get("thoughtSignature")
        for content in written.body["contents"]
        for part in content["parts"]
        if "functionCall" in part
    ]


def test_lost_signatures_of_the_current_turn_get_the_documented_dummy_on_the_first_call_of_each_step():
    turns = (HI, *step(1), Turn("assistant", (Text("done"),)), HI, *step(2), *step(3))
    needing = write(*turns, capabilities=Capabilities(needs_signature=True))
    dummy = "skip_thought_signature_validator"
    assert signatures(needing) == [None, None, dummy, None, dummy, None]
    assert Note("emulated", "thought_signature") in needing.notes
    assert signatures(write(*turns)) == [None] * 6


@pytest.mark.parametrize(
    ("opaque", "sent"),
    [
        (Opaque("gemini", "c2ln", model="gemini-3"), "c2ln"),
        (Opaque("gemini", "c2ln"), "c2ln"),
        (Opaque("gemini", "c2ln", model="gemini-2.5"), None),
        (Opaque("messages", "c2ln"), None),
    ],
)
def test_only_signatures_of_this_family_are_sent(opaque, sent):
    assert signatures(write(HI, *step(1, opaque=opaque)))[0] == sent
    turns = (HI, Turn("assistant", (Text("a", opaque=opaque), Text("b"))), HI)
    assert body(*turns)["contents"][1]["parts"][0].get("thoughtSignature") == sent


def test_foreign_thoughts_are_left_out_and_own_ones_kept():
    own = Thinking("t", opaque=Opaque("gemini", "c2ln"))
    written = write(HI, Turn("assistant", (Thinking("x", opaque=Opaque("messages", "s")), own, Text("a"))), HI)
    assert written.body["contents"][1]["parts"] == [
        {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "a"},
    ]
    assert Note("dropped", "thinking") in written.notes


def test_media():
    assert user_parts(
        Image(source=PNG), Image(source=Url("https://x/y.png", "image/png")), Audio(source=Inline("audio/wav", "AA==")),
        Document(source=Inline("application/pdf", "JVBERi0="), title="T", context="C"),
        Image(source=FileId("files/1", "gemini", "image/png")), Refusal("no"),
    ) == [
        {"inlineData": {"mimeType": "image/png", "data": PNG.data}},
        {"fileData": {"fileUri": "https://x/y.png", "mimeType": "image/png"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}},
        {"text": "T\nC"},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        {"fileData": {"fileUri": "files/1", "mimeType": "image/png"}},
        {"text": "no"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "capabilities", "words"),
    [
        (Image(source=Inline("image/gif", "R0lG")), CAPABILITIES, "image/gif"),
        (Image(source=FileId("file-1", "chat")), CAPABILITIES, "stored elsewhere"),
        (Image(source=Url("https://x")), Capabilities(image_urls=False), "base64"),
        (Document(source=Url("https://x")), Capabilities(document_urls=False), "base64"),
        (Foreign("messages", {"type": "mcp"}, where="messages[0].content[0]"), CAPABILITIES, "mcp"),
    ],
)
def test_what_gemini_cannot_take_is_refused_naming_the_part(part, capabilities, words):
    with pytest.raises(Fault, match=words) as caught:
        write(Turn("user", (part,)), capabilities=capabilities)
    assert (caught.value.kind, caught.value.param) == ("bad_request", "messages[0].content[0]")


def test_foreign_parts_with_a_reading_become_text_and_idle_ones_vanish():
    parts = (Foreign("messages", {"type": "a"}, text="read"), Foreign("messages", {"type": "b"}, meaningful=False))
    written = write(Turn("user", parts))
    assert written.body["contents"][0]["parts"] == [{"text": "read"}]
    assert Note("dropped", "b") in written.notes


def test_tools_in_one_element_in_both_schema_forms():
    nothing = Tool("g", schema={"type": "object", "properties": {}, "additionalProperties": False})
    none = Tool("h")
    as_json = body(tools=(TOOL, nothing, none))["tools"]
    assert as_json == [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "does f",
                    "parametersJsonSchema": {
                        "type": "object",
                        "properties": {"a": {"type": "string"}},
                        "additionalProperties": False,
                    },
                },
                {"name": "g"},
                {"name": "h"},
            ]
        }
    ]
    openapi = body(tools=(TOOL,), capabilities=Capabilities(schema_form="openapi"))["tools"][0]
    assert openapi["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING"}},
    }


def test_names_are_made_to_fit_everywhere_and_can_be_undone():
    long = "mcp__server__" + "x" * 70
    written = write(
        HI, Turn("assistant", (ToolCall("c", long, "{}"),)), Turn("user", (ToolResult("c", ()),)),
        tools=(Tool(long), Tool("a b"), Tool("exec", kind="custom", namespace="ns")),
        tool_choice=ToolChoice("tool", (long,)),
    )  # fmt: skip
    names = [each["name"] for each in written.body["tools"][0]["functionDeclarations"]]
    assert all(len(name) <= 64 and " " not in name for name in names)
    assert written.body["contents"][1]["parts"][0]["functionCall"]["name"] == names[0]
    assert written.body["contents"][2]["parts"][0]["functionResponse"]["name"] == names[0]
    assert written.body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == [names[0]]
    assert written.undo.names == {names[0]: (long, None), names[1]: ("a b", None), names[2]: ("exec", "ns")}
    assert written.undo.custom == {names[2]}


def test_free_text_tools_take_one_input_and_say_their_grammar():
    tool = Tool(
        "exec", "run", kind="custom", extra={"responses": {"format": {"syntax": "lark", "definition": "start: A"}}}
    )
    written = write(
        HI,
        Turn("assistant", (ToolCall("c", "exec", "ls\n", custom=True),)),
        Turn("user", (ToolResult("c", ()),)),
        tools=(tool,),
    )
    declaration = written.body["tools"][0]["functionDeclarations"][0]
    assert declaration["parametersJsonSchema"]["required"] == ["input"]
    assert declaration["description"] == "run\n\nThe input must match this lark grammar:\nstart: A"
    assert written.body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": "ls\n"}


def test_provider_tools_are_mapped_and_unknown_ones_refused():
    tools = (
        Tool("w", kind="web_search", settings={"max_uses": 3}),
        Tool("p", kind="web_fetch"),
        Tool("c", kind="code"),
    )
    written = write(tools=tools, tool_choice=ToolChoice("any"))
    assert written.body["tools"] == [{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}]
    assert "toolConfig" not in written.body
    assert Note("dropped", "web_search.max_uses") in written.notes
    with pytest.raises(Fault, match=r"tools\[0\]"):
        write(tools=(Tool("file_search", kind="foreign", extra={"responses": {"type": "file_search"}}),))


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("any"), {"mode": "ANY"}),
        (ToolChoice("tool", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f",), required=True), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tool_choice(choice, config):
    assert body(tools=(TOOL,), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}
    assert "toolConfig" not in body(tool_choice=choice)


def test_one_call_at_a_time_is_asked_for_in_words():
    written = write(tools=(TOOL,), parallel_tool_calls=False)
    assert "at most one tool" in written.body["systemInstruction"]["parts"][-1]["text"]
    assert Note("emulated", "parallel_tool_calls") in written.notes


def test_knobs():
    written = write(
        sampling=Sampling(0, 0.9, 5, 0.1, 0.2, 2**40, {"1": 2}), max_tokens=7, n=2, logprobs=0, verbosity="low",
        service_tier="default", stop=("a", "", "b", "c", "d", "e", "f"), modalities=("text",),
    )  # fmt: skip
    assert written.body["generationConfig"] == {
        "temperature": 0,
        "topP": 0.9,
        "topK": 5,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "seed": 2**31 - 1,
        "maxOutputTokens": 7,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "candidateCount": 2,
        "responseLogprobs": True,
    }
    assert written.body["serviceTier"] == "standard"
    assert written.undo.stop == ("f",)
    assert {(note.action, note.what) for note in written.notes} >= {
        ("clamped", "seed"),
        ("dropped", "logit_bias"),
        ("dropped", "verbosity"),
        ("emulated", "stop"),
    }


def test_knobs_that_a_model_lacks_are_dropped_with_a_note():
    poor = Capabilities(penalties=False, seed=False, max_stops=1)
    written = write(sampling=Sampling(presence_penalty=0.1, seed=3), stop=("a", "b"), logprobs=2, capabilities=poor)
    assert written.body["generationConfig"] == {"stopSequences": ["a"], "responseLogprobs": True, "logprobs": 2}
    assert {note.what for note in written.notes} == {"presence_penalty", "seed", "stop"}
    assert written.undo.stop == ("b",)


def test_the_system_instruction_takes_only_text():
    with pytest.raises(Fault, match=r"system\[0\]"):
        write(system=(Image(source=PNG),))


def test_a_result_that_holds_an_untranslatable_part_is_refused():
    strange = Foreign("messages", {"type": "tool_reference"}, where="messages[2].content[0].content[0]")
    with pytest.raises(Fault, match=r"messages\[2\]"):
        write(HI, Turn("assistant", (ToolCall("c", "f", ""),)), Turn("user", (ToolResult("c", (strange,)),)))


def test_a_model_without_stops_has_them_all_emulated():
    written = write(stop=("a",), capabilities=Capabilities(stop=False, penalties=False), sampling=Sampling(seed=1))
    assert written.body["generationConfig"] == {"seed": 1}
    assert written.undo.stop == ("a",)


OBJECT = {"type": "object", "properties": {"x": {"type": "integer", "multipleOf": 2}}, "required": ["x"]}


@pytest.mark.parametrize(
    ("output", "form", "config"),
    [
        (OutputFormat("text"), "json", None),
        (OutputFormat("json"), "json", {"responseMimeType": "application/json"}),
        (
            OutputFormat("schema", OBJECT, "n"),
            "json",
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {
                    "type": "object",
                    "properties": {"x": {"type": "integer", "description": "(multipleOf: 2)"}},
                    "required": ["x"],
                },
            },
        ),
        (
            OutputFormat("schema", {"type": "string"}),
            "openapi",
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
        ),
        (
            OutputFormat("enum", {"enum": ["a"]}),
            "json",
            {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}},
        ),
    ],
)
def test_output_formats(output, form, config):
    assert body(output=output, capabilities=Capabilities(schema_form=form)).get("generationConfig") == config


@pytest.mark.parametrize(
    ("reasoning", "capabilities", "config"),
    [
        (Reasoning(), {}, None),
        (Reasoning(effort="high", form="level", show=True), {}, {"thinkingLevel": "high", "includeThoughts": True}),
        (Reasoning(effort="max", form="level"), {}, {"thinkingLevel": "high"}),
        (Reasoning(budget=0, form="budget"), {}, {"thinkingBudget": 0}),
        (Reasoning(budget=-1, form="budget"), {}, {"thinkingBudget": -1}),
        (Reasoning(effort="medium", form="budget"), {}, {"thinkingBudget": 8192}),
        (Reasoning(effort="low"), {"thinking": "budget"}, {"thinkingBudget": 1024}),
        (Reasoning(budget=8000), {"thinking": "level"}, {"thinkingLevel": "medium"}),
        (Reasoning(budget=8000, effort="low"), {}, {"thinkingBudget": 8000}),
        (Reasoning(effort="high", show=True), {"thinking": "none"}, None),
        (Reasoning(effort="high", show=True, form="none"), {}, None),
    ],
)
def test_thinking_is_asked_for_in_one_form(reasoning, capabilities, config):
    written = body(reasoning=reasoning, capabilities=Capabilities(**capabilities))
    assert written.get("generationConfig", {}).get("thinkingConfig") == config


def test_an_earlier_response_cannot_be_continued():
    with pytest.raises(Fault) as caught:
        write(previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"


def test_the_token_count_is_asked_for_with_system_text_and_tools():
    asked = write_count_request(
        Conversation(dialect="chat", model="m", system=(Text("s"),), turns=(HI,), tools=(TOOL,)), CAPABILITIES
    )
    assert asked["generateContentRequest"]["model"] == "models/m"
    assert {"contents", "systemInstruction", "tools"} <= set(asked["generateContentRequest"])
    assert write_count(5) == {"totalTokens": 5}
    assert write_count(5, 2) == {"totalTokens": 5, "cachedContentTokenCount": 2}
    assert read_total({"totalTokens": 0}) == 0
    with pytest.raises(Fault, match="totalTokens"):
        read_total({"tokens": 1})


def spelled(value, key=""):
    """A request in one spelling: names of messages in camelCase, standard base64, schemas as they are."""
    if key == "data" and isinstance(value, str):
        return value.replace("-", "+").replace("_", "/")  # google-genai writes URL-safe base64
    if isinstance(value, dict):
        if key in ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"):
            return value
        return {camel(name): spelled(each, camel(name)) for name, each in value.items()}
    return [spelled(each, key) for each in value] if isinstance(value, list) else value


BODIES = [name for name in captures("genai-py") if isinstance((capture(name).get("body") or {}).get("contents"), list)]


@pytest.mark.parametrize("name", BODIES)
def test_captured_requests_read_and_written_keep_everything(name):
    sent = capture(name)["body"]
    expected = spelled(sent)
    expected.pop("model", None)
    if expected.get("generationConfig") == {}:
        del expected["generationConfig"]
    if "systemInstruction" in expected:
        expected["systemInstruction"].pop("role", None)
    written = SPEC.write_request(SPEC.read_request(sent, "m", False), CAPABILITIES)
    assert written.body == expected
    assert written.notes == ()


RICH = {
    "contents": [
        {"role": "user", "parts": [{"text": "q"}, {"inlineData": {"mimeType": "image/png", "data": PNG.data},
                                                   "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}},
                                   {"fileData": {"fileUri": "https://youtu.be/1"}, "videoMetadata": {"fps": 2}}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "c2ln"},
                                    {"executableCode": {"language": "PYTHON", "code": "1"}},
                                    {"functionCall": {"name": "f", "args": {"z": 1, "a": 2}},
                                     "thoughtSignature": "eA=="},
                                    {"functionCall": {"id": "k", "name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"},
                                                         "scheduling": "SILENT"}},
                                   {"functionResponse": {"id": "k", "name": "f", "response": {"any": [1]}}}]},
    ],
    "systemInstruction": {"parts": [{"text": "s"}]},
    "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT"},
                                         "response": {"type": "STRING"}}]}, {"googleSearch": {}}, {"googleMaps": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}, "retrievalConfig": {"languageCode": "de"}},
    "generationConfig": {"temperature": 0.5, "topK": 3, "candidateCount": 1, "responseMimeType": "application/json",
                         "responseSchema": {"type": "OBJECT", "propertyOrdering": ["a"]},
                         "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": False},
                         "speechConfig": {"languageCode": "de"}, "responseModalities": ["TEXT"]},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    "cachedContent": "cachedContents/x", "labels": {"team": "a"}, "serviceTier": "priority",
}  # fmt: skip


def test_a_rich_request_survives_reading_and_writing_unchanged():
    written = SPEC.write_request(SPEC.read_request(json.loads(json.dumps(RICH)), "m", True), CAPABILITIES)
    assert written.body == RICH
    assert dumps(written.body["contents"][1]) == dumps(RICH["contents"][1])


@given(conversations())
def test_writing_is_deterministic_and_its_result_is_a_request_that_reads(conversation):
    first = SPEC.write_request(conversation, CAPABILITIES)
    assert dumps(first.body) == dumps(SPEC.write_request(conversation, CAPABILITIES).body)
    roles = [content["role"] for content in first.body["contents"]]
    assert roles[0] == roles[-1] == "user"
    assert all(a != b for a, b in pairwise(roles))
    assert all(content["parts"] for content in first.body["contents"])
    again = SPEC.write_request(SPEC.read_request(first.body, "m", conversation.stream), CAPABILITIES)
    assert again.body == first.body
