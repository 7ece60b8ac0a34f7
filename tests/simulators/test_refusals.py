"""Each simulator refuses what its real server refuses, in its words and its envelope."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.simulators import Upstream
from tests.simulators.asking import FUNCTION, ask, chat, contents, messages, responses, said

CALL = {"role": "assistant", "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
TOOL = {"type": "function", "function": {"name": "f", "parameters": FUNCTION}}


def _strict(**schema: Any) -> Any:
    return [{"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}]


CHAT = [
    (chat("hi", foo=1), "Unrecognized request argument supplied: foo"),
    (chat(), "Invalid 'messages': empty array"),
    (chat({"role": "user", "content": "hi", "x": 1}), "Unknown parameter: 'messages[0].x'"),
    (chat({"role": "user", "content": [{"type": "hologram"}]}), "Invalid value: 'hologram'"),
    (chat("hi", CALL), "must be followed by tool messages responding to each 'tool_call_id'"),
    (chat("hi", CALL, "more"), "did not have response messages: call_1"),
    (chat("hi", {"role": "tool", "tool_call_id": "call_1", "content": "x"}), "must be a response to a preceeding"),
    (chat("hi", {"role": "assistant", "content": None}), "expected a string, got null"),
    (chat("hi", tools=[]), "Invalid 'tools': empty array"),
    (chat("hi", tool_choice="auto"), "only allowed when 'tools' are specified"),
    (chat("hi", tools=[TOOL, TOOL]), "duplicate tool name"),
    (chat("hi", tools=[{"type": "function", "function": {"name": "a b"}}]), "does not match pattern"),
    (chat("hi", tools=[{"type": "function", "function": {"name": "a" * 65}}]), "string too long"),
    (chat("hi", tools=_strict(type="object", properties={"a": {"type": "string"}})), "'additionalProperties' is req"),
    (
        chat("hi", tools=_strict(type="object", properties={"a": {}}, additionalProperties=False)),
        "Missing 'a'",
    ),
    (chat("hi", model="gpt-5.2", max_tokens=9), "Use 'max_completion_tokens' instead"),
    (chat("hi", model="gpt-5-mini", temperature=0), "Only the default (1) value is supported"),
    (chat("hi", model="gpt-5.2", stop="x"), "'stop' is not supported with this model"),
    (chat("hi", model="gpt-5-mini", reasoning_effort="none"), "Supported values are: 'minimal'"),
    (chat("hi", reasoning_effort="low"), "'reasoning_effort' is not supported"),
    (chat("hi", stop=["a"] * 5), "maximum length 4"),
    (chat("hi", stream_options={"include_usage": True}), "only allowed when 'stream' is enabled"),
    (chat("hi", response_format={"type": "json_object"}), "must contain the word 'json'"),
    (chat("hi", temperature=3), "Expected a value <= 2"),
    (chat("hi", CALL | {"tool_calls": [CALL["tool_calls"][0] | {"id": "c" * 41}]}), "maximum length 40"),  # type: ignore[index,operator]
]
RESPONSES = [
    (responses("hi", foo=1), "Unknown parameter: 'foo'"),
    (responses("hi", max_output_tokens=5), "Expected a value >= 16"),
    (responses("hi", stop=["x"]), "Unknown parameter: 'stop'"),
    (responses([]), "Invalid 'input': empty array"),
    (
        responses([{"role": "user", "content": [{"type": "text", "text": "x"}]}]),
        "Invalid value: 'text'. Supported values are: 'input_text'",
    ),
    (
        responses([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]),
        "Supported values are: 'output_text', and 'refusal'",
    ),
    (
        responses([{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]),
        "No tool output found for function call c",
    ),
    (
        responses([{"type": "function_call_output", "call_id": "c", "output": "x"}]),
        "No tool call found for function call output with call_id c",
    ),
    (
        responses([{"type": "function_call", "id": "call_9", "call_id": "c", "name": "f", "arguments": "{}"}]),
        "Expected an ID that begins with 'fc'",
    ),
    (
        responses([{"type": "function_call", "call_id": "c" * 65, "name": "f", "arguments": "{}"}]),
        "maximum length 64",
    ),
    (
        responses([{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "x"}], store=True),
        "without its required following item",
    ),
    (
        responses(
            [
                {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAforeign"},
                {"role": "assistant", "content": "x"},
            ],
            model="gpt-5.2",
        ),
        "could not be verified",
    ),
    (responses("hi", previous_response_id="resp_unknown"), "Previous response with id 'resp_unknown' not found"),
    (responses("hi", include=["reasoning.encrypted_content"]), "Encrypted content is not supported with this model"),
    (responses("hi", tools=[TOOL]), "Unknown parameter: 'tools[0].function'"),
    (
        responses("hi", text={"format": {"type": "json_schema", "json_schema": {}}}),
        "Unknown parameter: 'text.format.json_schema'",
    ),
]
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
DONE = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
ANTHROPIC_TOOLS = [{"name": "f", "input_schema": FUNCTION}]
THINK = {"type": "enabled", "budget_tokens": 1024}
MESSAGES = [
    ({"model": "claude-sonnet-4-5", "messages": []}, "max_tokens: Field required"),
    (messages(), "at least one message is required"),
    (messages("hi", foo=1), "foo: Extra inputs are not permitted"),
    (messages("hi", context_management={}), "context_management: Extra inputs are not permitted"),
    (messages("hi", thread={"type": "create"}), "thread: Extra inputs are not permitted"),
    (messages({"role": "system", "content": "x"}, "hi"), "role 'system' is not supported on this model"),
    (messages({"role": "tool", "content": "x"}), "messages.0.role: Input should be 'user' or 'assistant'"),
    (messages({"role": "assistant", "content": "x"}, "hi"), 'first message must use the "user" role'),
    (messages({"role": "user", "content": [{"type": "text", "text": ""}]}), "must be non-empty"),
    (messages("hi", {"role": "assistant", "content": " \n"}, "more"), "must contain non-whitespace text"),
    (messages("hi", {"role": "assistant", "content": "so "}), "cannot end with trailing whitespace"),
    (messages("hi", {"role": "assistant", "content": "so"}, model="claude-opus-5"), "does not support assistant mess"),
    (messages("hi", USE, "more", tools=ANTHROPIC_TOOLS), "without `tool_result` blocks immediately after: t1"),
    (messages("hi", DONE, tools=ANTHROPIC_TOOLS), "unexpected `tool_use_id` found in `tool_result` blocks: t1"),
    (
        messages("hi", USE, {"role": "user", "content": [{"type": "text", "text": "x"}, *DONE["content"]]},
                 tools=ANTHROPIC_TOOLS),
        "without `tool_result` blocks immediately after",
    ),
    (messages("hi", USE, DONE), "must define tools"),
    (messages("hi", tools=[{"name": "a.b", "input_schema": FUNCTION}]), "String should match pattern"),
    (messages("hi", tools=[{"name": "f", "parameters": {}}]), "tools.0.custom.parameters: Extra inputs"),
    (messages("hi", tool_choice={"type": "auto"}), "only be specified while providing tools"),
    (messages("hi", tools=ANTHROPIC_TOOLS, tool_choice={"type": "any"}, thinking=THINK, max_tokens=2000),
     "Thinking may not be enabled when tool_choice forces tool use"),
    (messages("hi", thinking={"type": "enabled", "budget_tokens": 5}), "greater than or equal to 1024"),
    (messages("hi", thinking=THINK), "`max_tokens` must be greater than `thinking.budget_tokens`"),
    (messages("hi", thinking={"type": "adaptive"}), "adaptive thinking is not supported on this model"),
    (messages("hi", thinking=THINK, model="claude-opus-5", max_tokens=2000), "is not supported for this model"),
    (messages("hi", thinking={"type": "disabled"}, model="claude-opus-5-5"), "is not supported on this model"),
    (messages("hi", temperature=1.5), "temperature: range: 0..1"),
    (messages("hi", temperature=0.5, top_p=0.5), "cannot both be specified"),
    (messages("hi", temperature=0.5, model="claude-opus-5"), "`temperature` is not supported"),
    (messages("hi", max_tokens=999_999), "which is the maximum allowed number of output tokens"),
    (messages("hi", stop_sequences=["\n"]), "must contain non-whitespace"),
    (messages("hi", output_config={"effort": "xhigh"}, model="claude-opus-4-6"), "Supported levels: high, low"),
    (
        messages("hi", output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}}),
        "'additionalProperties' must be explicitly set to false",
    ),
    (
        messages("hi", system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        messages("hi", {"role": "assistant", "content": [{"type": "thinking", "thinking": "a", "signature": "Zm9v"}]},
                 "more"),
        "Invalid `signature` in `thinking` block",
    ),
    (
        messages("hi", USE, DONE, tools=ANTHROPIC_TOOLS, thinking=THINK, max_tokens=2000),
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
    ),
]  # fmt: skip
MODEL_CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
RESPONSE = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}


def _declared(**parameters: Any) -> Any:
    return [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]


def _config(**config: Any) -> Any:
    return contents("hi", generationConfig=config)


GEMINI = [
    (contents("hi", foo=1), 'Unknown name "foo": Cannot find field.'),
    (_config(foo=1), "Unknown name \"foo\" at 'generation_config': Cannot find field."),
    (contents(), "contents is not specified"),
    (contents({"role": "user", "parts": []}), "contents.parts must not be empty"),
    (contents({"role": "wizard", "parts": [{"text": "x"}]}), "valid role: user, model"),
    (contents({"role": "user", "parts": [{"text": "x", "inlineData": {}}]}), "oneof field 'data' is already set"),
    (contents("hi", {"role": "model", "parts": [{"text": "x"}]}), "end with a user role or a function response"),
    (contents("hi", MODEL_CALL, "more"), "number of function response parts is equal to the number of function call"),
    (contents("hi", RESPONSE), "comes immediately after a function call turn"),
    (
        contents("hi", MODEL_CALL, {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": "x"}}]}),
        "google.protobuf.Struct",
    ),
    (contents("hi", tools=_declared(type="object", additionalProperties=False)), 'Unknown name "additionalProperties"'),
    (contents("hi", tools=_declared(type=["object", "null"])), "Proto field is not repeating, cannot start list"),
    (
        contents("hi", tools=_declared(type="object", properties={"a": {"type": "integer", "enum": [1]}})),
        "(TYPE_STRING), 1",
    ),
    (
        contents("hi", tools=_declared(type="object", properties={"a": {"type": "array"}})),
        "properties[a].items: missing field",
    ),
    (contents("hi", tools=_declared(type="object", properties={"a": {"$ref": "#"}})), 'Unknown name "$ref"'),
    (
        contents("hi", tools=_declared(type="object", properties={"a": {"type": "string", "format": "uuid"}})),
        "only 'enum' and 'date-time' are supported for STRING type",
    ),
    (
        contents("hi", tools=_declared(type="object", properties={"a": {"type": "string"}}, required=["b"])),
        "property is not defined",
    ),
    (contents("hi", tools=[{"functionDeclarations": [{"name": "1f"}]}]), "Invalid function name"),
    (_config(responseSchema={"type": "STRING"}), "requires response_mime_type"),
    (
        _config(responseMimeType="application/json", responseSchema={"type": "STRING"}, responseJsonSchema={}),
        "Only one of response_schema and response_json_schema",
    ),
    (_config(stopSequences=["a"] * 6), "at most 5"),
    (_config(seed=2**40), "(TYPE_INT32)"),
    (_config(thinkingConfig={"thinkingLevel": "low"}), "Thinking level is not supported for this model"),
    (_config(thinkingConfig={"thinkingLevel": "low", "thinkingBudget": 1}), "only set only one of"),
    (_config(thinkingConfig={"thinkingBudget": 99999}), "Please choose a value between 0 and 24576"),
    (contents("hi", toolConfig={"functionCallingConfig": {"mode": "ANY"}}), "set without function_declarations"),
    (
        contents({"role": "user", "parts": [{"inlineData": {"mimeType": "image/gif", "data": "R0lGODlh"}}]}),
        "Unsupported MIME type: image/gif",
    ),
    (contents("hi", safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2), "duplicate"),
]
ALL = [
    *(("chat", body, text) for body, text in CHAT),
    *(("responses", body, text) for body, text in RESPONSES),
    *(("messages", body, text) for body, text in MESSAGES),
    *(("gemini", body, text) for body, text in GEMINI),
]


@pytest.mark.parametrize(("where", "body", "text"), ALL, ids=[f"{where}: {text}" for where, _, text in ALL])
async def test_a_bad_request_is_refused_in_the_words_of_the_real_server(
    upstream: Upstream, http: aiohttp.ClientSession, where: str, body: Any, text: str
) -> None:
    status, answer = await ask(http, upstream, where, body)
    assert status == 400
    assert text in said(answer)


async def test_a_reasoning_item_without_content_is_unknown_to_a_stateless_server(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    items = [{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "assistant", "content": "x"}]
    status, answer = await ask(http, upstream, "responses", responses(items, store=False, model="gpt-5.2"))
    assert (status, "Items are not persisted" in said(answer)) == (404, True)


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        ("/openai/v1/models", {}, 401, "invalid_request_error"),
        ("/openai/v1/models", {"authorization": "Bearer sk-other"}, 401, "invalid_request_error"),
        ("/openai/v1/models", {"x-api-key": "sk-sim"}, 401, "invalid_request_error"),
        ("/anthropic/v1/models", {"anthropic-version": "x"}, 401, "authentication_error"),
        ("/anthropic/v1/models", {"x-api-key": "sk-ant-sim"}, 400, "invalid_request_error"),
        ("/gemini/v1beta/models", {}, 403, "PERMISSION_DENIED"),
        ("/gemini/v1beta/models?key=bad", {}, 400, "INVALID_ARGUMENT"),
        ("/gemini/v1beta/models", {"authorization": "Bearer AIzaSim"}, 403, "PERMISSION_DENIED"),
        ("/openai/v1/models", {"authorization": "Bearer sk-sim-revoked"}, 401, "invalid_request_error"),
    ],
)
async def test_each_host_checks_its_own_kind_of_credential(
    upstream: Upstream, http: aiohttp.ClientSession, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    async with http.get(upstream.address + path, headers=headers) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error.get("status", error.get("type"))) == (status, kind)


async def test_the_newest_anthropic_version_has_no_sampling(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    headers = {"authorization": "Bearer sk-ant-sim", "anthropic-version": "2026-10-21"}
    body = messages("hi", temperature=0.5)
    async with http.post(f"{upstream.base_url('anthropic')}/v1/messages", json=body, headers=headers) as answer:
        assert said(await answer.json()) == "temperature: Extra inputs are not permitted"
