from __future__ import annotations

import pytest

from router.faults import Fault
from router.wire.conversation import (
    Audio,
    Document,
    FileId,
    Foreign,
    Image,
    Inline,
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
    Url,
    Video,
)
from router.wire.gemini import SPEC, read_count, signatures
from tests.router.wire.gemini.frames import CAPABILITIES

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def read(**body):
    body.setdefault("contents", [{"role": "user", "parts": [{"text": "hi"}]}])
    return SPEC.read_request(body, "gemini-3-pro", False)


def parts(*wire, role="user"):
    return read(contents=[{"role": role, "parts": list(wire)}]).turns[0].parts


def test_model_and_stream_come_from_the_path():
    conversation = SPEC.read_request({"contents": []}, "models/gemini-2.5-flash", True)
    assert (conversation.model, conversation.stream, conversation.dialect) == ("gemini-2.5-flash", True, "gemini")


def test_both_spellings_are_read_everywhere():
    camel = read(
        systemInstruction={"parts": [{"text": "be brief"}]},
        contents=[{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}],
        generationConfig={"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}},
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
    )
    snake = read(
        system_instruction={"parts": [{"text": "be brief"}]},
        contents=[{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": PNG}}]}],
        generation_config={
            "max_output_tokens": 5,
            "thinking_config": {"thinking_budget": 512, "include_thoughts": True},
        },
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        tools=[{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
    )
    assert snake == camel
    assert camel.reasoning == Reasoning(budget=512, show=True)
    assert camel.tool_choice == ToolChoice("tool", ("f",))


@pytest.mark.parametrize(
    "system", ["be brief", {"text": "be brief"}, {"role": "user", "parts": [{"text": "be brief"}]}]
)
def test_system_instructions_in_every_shape(system):
    assert read(systemInstruction=system).system == (Text("be brief"),)


def test_bare_strings_are_text():
    assert read(contents=["hi", {"parts": ["there"]}]).turns[0].parts == (Text("hi"),)
    assert parts("there") == (Text("there"),)


def test_media_by_type():
    found = parts(
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x", "displayName": "a.pdf"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}, "videoMetadata": {"fps": 1}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x", "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": "gs://b/o.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://x/y.pdf", "mimeType": "application/pdf"}},
    )
    assert found[0] == Image(source=Inline("image/png", PNG))
    assert found[1] == Document(source=Inline("application/pdf", "JVBERi0x"), filename="a.pdf")
    assert isinstance(found[2], Audio)
    assert found[3] == Video(
        source=Url("https://www.youtube.com/watch?v=1"), extra={"gemini": {"videoMetadata": {"fps": 1}}}
    )
    assert isinstance(found[4], Video)
    assert isinstance(found[4].source, FileId)
    assert found[5] == Image(source=FileId("gs://b/o.png", "gemini", "image/png"))
    assert found[6] == Document(source=Url("https://x/y.pdf", "application/pdf"))


def test_calls_keep_arguments_order_and_signature():
    (call,) = parts(
        {"functionCall": {"id": "x", "name": "f", "args": {"b": "é", "a": 2**70}}, "thoughtSignature": "c2ln"},
        role="model",
    )
    assert call == ToolCall("x", "f", '{"b":"é","a":1180591620717411303424}', opaque=Opaque("gemini", "c2ln"))


@pytest.mark.parametrize(
    "dummy",
    ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go", "",
     "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="],
)  # fmt: skip
def test_dummy_signatures_are_nothing(dummy):
    (call,) = parts({"functionCall": {"id": "x", "name": "f"}, "thoughtSignature": dummy}, role="model")
    assert call.opaque is None


def history(*contents):
    return [part for turn in read(contents=list(contents)).turns for part in turn.parts]


def model(*wire):
    return {"role": "model", "parts": list(wire)}


def user(*wire):
    return {"role": "user", "parts": list(wire)}


def test_results_without_ids_find_their_calls_by_name_and_order():
    found = history(
        model({"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}, {"functionCall": {"name": "f"}}),
        user(
            {"functionResponse": {"name": "g", "response": {"output": "1"}}},
            {"functionResponse": {"name": "f", "response": {"output": "2"}}},
            {"functionResponse": {"name": "f", "response": {"output": "3"}}},
        ),
    )
    calls, results = found[:3], found[3:]
    assert len({call.call_id for call in calls}) == 3
    assert [result.call_id for result in results] == [calls[1].call_id, calls[0].call_id, calls[2].call_id]
    assert found == history(
        model({"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}, {"functionCall": {"name": "f"}}),
        user(
            {"functionResponse": {"name": "g", "response": {"output": "1"}}},
            {"functionResponse": {"name": "f", "response": {"output": "2"}}},
            {"functionResponse": {"name": "f", "response": {"output": "3"}}},
        ),
    )


def test_a_result_without_an_id_answers_a_call_that_has_one():
    call, result = history(
        model({"functionCall": {"id": "x", "name": "f"}}), user({"functionResponse": {"name": "f", "response": {}}})
    )
    assert result.call_id == call.call_id == "x"


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "ok"}, "ok", None),
        ({"result": "ok"}, "ok", None),
        ({"result": [1]}, "[1]", None),
        ({"error": "bad"}, "bad", True),
        ({"temperature": 3}, '{"temperature":3}', None),
        ({"output": 1, "more": 2}, '{"output":1,"more":2}', None),
        ({}, "{}", None),
    ],
)
def test_responses_as_text(response, text, is_error):
    (result,) = history(user({"functionResponse": {"id": "x", "name": "f", "response": response}}))
    assert isinstance(result, ToolResult)
    assert (result.content, result.is_error, result.name) == ((Text(text),), is_error, "f")


def test_pictures_in_results():
    (result,) = history(
        user({"functionResponse": {"name": "f", "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}})
    )
    assert result.content == (Image(source=Inline("image/png", PNG)),)


def test_parts_that_only_gemini_knows_are_kept_with_a_readable_text():
    code, output, tool = history(
        model(
            {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"toolCall": {"toolType": "GOOGLE_SEARCH"}},
        )
    )
    assert isinstance(code, Foreign)
    assert code.text == "```python\nprint(1)\n```"
    assert output.text == "```\n1\n```"
    assert (tool.raw, tool.text) == ({"toolCall": {"toolType": "GOOGLE_SEARCH"}}, None)


def test_pieces_of_a_foreign_thought_become_the_whole_that_was_signed():
    claude = Opaque("messages", "sig", model="claude-5")
    found = history(
        user({"text": "q"}),
        model({"text": "one ", "thought": True}),
        model({"text": "two", "thought": True}),
        model({"text": "", "thought": True, "thoughtSignature": signatures.shown(claude)}),
        model({"text": "answer"}),
    )
    assert found == [Text("q"), Thinking("one two", opaque=claude), Text("answer")]


def test_native_thoughts_stay_as_they_are():
    found = history(model({"text": "a", "thought": True}, {"text": "", "thought": True, "thoughtSignature": "c2ln"}))
    assert found == [Thinking("a"), Thinking("", opaque=Opaque("gemini", "c2ln"))]


def test_damaged_wrapped_signatures_are_left_out():
    wrapped = signatures.shown(Opaque("messages", "sig"))
    (thought,) = history(model({"text": "a", "thought": True, "thoughtSignature": wrapped[:9] + "!" + wrapped[10:]}))
    assert thought == Thinking("a")


def test_tools_of_all_kinds():
    proto = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True, "min_length": "2"}}}
    tools = read(
        tools=[
            {"functionDeclarations": [{"name": "f", "description": "d", "parameters": proto, "behavior": "BLOCKING"}]},
            {"googleSearch": {"excludeDomains": ["x.com"]}, "urlContext": {}},
            {"google_search_retrieval": {}},
            {"codeExecution": {}},
            {"googleMaps": {"enableWidget": True}},
        ]
    ).tools
    assert tools[0] == Tool(
        "f",
        "d",
        {"type": "object", "properties": {"type": {"type": ["string", "null"], "minLength": 2}}},
        extra={"gemini": {"behavior": "BLOCKING", "parameters": proto}},
    )
    assert [(tool.kind, tool.name) for tool in tools[1:]] == [
        ("web_search", "web_search"),
        ("web_fetch", "web_fetch"),
        ("web_search", "web_search"),
        ("code", "code_execution"),
        ("foreign", "googleMaps"),
    ]
    assert tools[1].settings == {"blocked_domains": ["x.com"]}
    assert tools[5].extra == {"gemini": {"googleMaps": {"enableWidget": True}}}


def test_proto_schemas_become_ordinary_json_schema_at_every_depth():
    proto = {
        "type": "ARRAY",
        "minItems": "1",
        "items": {
            "any_of": [{"type": "STRING", "enum": ["a"], "nullable": True}, {"type": "INTEGER"}],
            "nullable": True,
            "property_ordering": ["x"],
        },
    }
    (tool,) = read(tools=[{"functionDeclarations": [{"name": "f", "parameters": proto}]}]).tools
    assert tool.schema == {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": ["string", "null"], "enum": ["a", None]}, {"type": "integer"}, {"type": "null"}]},
    }
    upper = {"type": "OBJECT", "properties": {"type": {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}]}}}}
    (tool,) = read(tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": upper}]}]).tools
    assert tool.schema == {
        "type": "object",
        "properties": {"type": {"type": "array", "items": {"anyOf": [{"type": "string"}]}}},
    }
    assert tool.extra == {"gemini": {"parametersJsonSchema": upper}}


def test_what_thinking_says_beyond_the_neutral_words_is_kept():
    conversation = read(generationConfig={"thinkingConfig": {"thinkingLevel": "HUGE", "thinkingBudget": 5, "new": 1}})
    assert conversation.reasoning == Reasoning(budget=5)
    assert conversation.extra["gemini"]["generationConfig"] == {"thinkingConfig": {"new": 1, "thinkingLevel": "HUGE"}}
    assert read(generationConfig={"responseLogprobs": True}).logprobs == 0
    assert read(generationConfig={"logprobs": 3}).logprobs is None
    assert read(serviceTier="ultra").extra == {"gemini": {"serviceTier": "ultra"}}


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({}, ToolChoice("auto")),
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "any"}, ToolChoice("any")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("tool", ("f",))),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("allowed", ("f", "g"), required=True)),
        (
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
            ToolChoice("allowed", ("f",), extra={"gemini": {"mode": "VALIDATED"}}),
        ),
    ],
)
def test_tool_choice(config, choice):
    assert read(toolConfig={"functionCallingConfig": config}).tool_choice == choice


def test_generation_config():
    conversation = read(
        generationConfig={
            "temperature": 0, "topP": 0.5, "topK": 40.0, "seed": 7, "presencePenalty": 0.1, "frequencyPenalty": 0.2,
            "maxOutputTokens": 64, "stopSequences": ["Z"], "candidateCount": 2, "responseLogprobs": True, "logprobs": 3,
            "responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1"}, "mediaResolution": "LOW",
        },
        safetySettings=[{"category": "C", "threshold": "BLOCK_NONE"}], cachedContent="cachedContents/1",
        serviceTier="flex",
    )  # fmt: skip
    assert conversation.sampling == Sampling(0, 0.5, 40, 0.1, 0.2, 7)
    assert (conversation.max_tokens, conversation.stop, conversation.n, conversation.logprobs) == (64, ("Z",), 2, 3)
    assert conversation.modalities == ("text", "image")
    assert conversation.service_tier == "flex"
    assert conversation.extra["gemini"] == {
        "safetySettings": [{"category": "C", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "generationConfig": {"imageConfig": {"aspectRatio": "1:1"}, "mediaResolution": "LOW"},
    }


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, OutputFormat("text")),
        ({"responseMimeType": "application/json"}, OutputFormat("json")),
        (
            {"responseJsonSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}},
            OutputFormat("schema", {"type": "object", "properties": {"a": {"type": "string"}}}),
        ),
        ({"responseSchema": {"type": "INTEGER"}}, OutputFormat("schema", {"type": "integer"})),
        (
            {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}},
            OutputFormat("enum", {"type": "string", "enum": ["a", "b"]}),
        ),
    ],
)  # fmt: skip
def test_output_formats(config, output):
    assert read(generationConfig=config).output == output


def test_thinking_levels():
    assert read(generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}}).reasoning == Reasoning(effort="high")
    assert read(generationConfig={"thinkingConfig": {"thinkingBudget": 0}}).reasoning == Reasoning(budget=0)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"contents": "nope"}, "contents"),
        ({"contents": [{"role": "user", "parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"wibble": 1}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"text": 3}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]}, "contents[0].parts[0]"),
        ({"contents": [3]}, "contents[0]"),
        ({"contents": [{"parts": "x"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": "x"}}]}]},
         "contents[0].parts[0].functionCall.args"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]},
         "contents[0].parts[0].inlineData.data"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"maxOutputTokens": True}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"stopSequences": "x"}}, "generationConfig.stopSequences"),
        ({"generationConfig": {"responseMimeType": "text/html"}}, "generationConfig.responseMimeType"),
        ({"systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction.parts[0].text"),
        ({"tools": {"googleSearch": {}}}, "tools"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {}, "parametersJsonSchema": {}}]}]},
         "tools[0].functionDeclarations[0]"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}}, "toolConfig.functionCallingConfig.mode"),
    ],
)  # fmt: skip
def test_mistakes_are_named_by_their_path(body, path):
    with pytest.raises(Fault) as caught:
        read(**body)
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)
    assert path in caught.value.message


@pytest.mark.parametrize("body", [[], "x", None, {}, {"tools": []}])
def test_what_is_no_request_at_all_is_refused(body):
    with pytest.raises(Fault) as caught:
        SPEC.read_request(body, "m", False)
    assert caught.value.kind == "bad_request"


def test_counting_takes_contents_or_a_whole_request_but_not_both():
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    assert read_count({"contents": contents}, "m").turns[0].parts == (Text("hi"),)
    whole = read_count(
        {"generateContentRequest": {"model": "models/m", "contents": contents, "systemInstruction": "s"}}, "m"
    )
    assert (whole.system, whole.model) == ((Text("s"),), "m")
    with pytest.raises(Fault, match="exclude each other"):
        read_count({"contents": contents, "generateContentRequest": {"contents": contents}}, "m")


def test_keys_beside_a_validated_choice_and_beside_a_content_are_kept():
    config = {"mode": "VALIDATED", "streamFunctionCallArguments": True}
    sent = {
        "contents": [{"role": "user", "parts": [{"text": "q"}], "newKey": 1}],
        "toolConfig": {"functionCallingConfig": config},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d"}]}],
    }
    asked = SPEC.read_request(sent, "m", False)
    assert asked.tool_choice == ToolChoice("auto", extra={"gemini": config})
    written = SPEC.write_request(asked, CAPABILITIES).body
    assert written["contents"] == sent["contents"]
    assert written["toolConfig"] == sent["toolConfig"]
