"""A wrong value anywhere in a request is a 400 at its own path, in each dialect whose readers nest deeply."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.gemini import SPEC as GEMINI
from router.wire.messages import SPEC as MESSAGES
from router.wire.responses import SPEC as RESPONSES

Case = tuple[dict[str, Any], str]


def refusal(read: Any, body: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(Fault) as caught:
        read(body)
    return caught.value.kind, caught.value.param


def block(value: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": [value]}]}


BLOCK = "messages[0].content[0]"
SOURCE = f"{BLOCK}.source"
USE = {"type": "tool_use", "id": "t", "name": "f"}
RESULT = {"type": "tool_result", "tool_use_id": "t"}

IN_MESSAGES: list[Case] = [
    ({"messages": None}, "messages"),
    ({"messages": [{"role": 5, "content": "x"}]}, "messages[0].role"),
    (block({"type": 5}), f"{BLOCK}.type"),
    *((block({"type": kind, "source": 5}), SOURCE) for kind in ("image", "document")),
    (block({"type": "image", "source": {}}), f"{SOURCE}.type"),
    (block({"type": "image", "source": {"type": 5}}), f"{SOURCE}.type"),
    (block({"type": "image", "source": {"type": "base64"}}), f"{SOURCE}.data"),
    (block({"type": "image", "source": {"type": "base64", "data": 5}}), f"{SOURCE}.data"),
    (block({"type": "image", "source": {"type": "base64", "data": "?"}}), f"{SOURCE}.data"),
    (block({"type": "image", "source": {"type": "base64", "data": "AA==", "media_type": 5}}), f"{SOURCE}.media_type"),
    (block({"type": "image", "source": {"type": "url", "url": "ftp://x"}}), f"{SOURCE}.url"),
    (block({"type": "image", "source": {"type": "url", "url": 5}}), f"{SOURCE}.url"),
    (block({"type": "image", "source": {"type": "file"}}), f"{SOURCE}.file_id"),
    (block({"type": "image", "source": {"type": "file", "file_id": 5}}), f"{SOURCE}.file_id"),
    (block({"type": "document", "source": {"type": "text"}}), f"{SOURCE}.data"),
    (block({"type": "document", "source": {"type": "text", "data": 5}}), f"{SOURCE}.data"),
    (block({"type": "document", "source": {"type": "content"}}), f"{SOURCE}.content"),
    (block({"type": "document", "source": {"type": "content", "content": 5}}), f"{SOURCE}.content"),
    (block({"type": "document", "source": {"type": "content", "content": [{}]}}), f"{SOURCE}.content[0].type"),
    *((block({"type": "document", "source": {"type": "text", "data": "x"}, key: 5}), f"{BLOCK}.{key}")
      for key in ("title", "context")),
    (block({"type": "tool_use", "name": "f"}), f"{BLOCK}.id"),
    (block({"type": "tool_use", "id": "t"}), f"{BLOCK}.name"),
    *((block({**USE, key: 5}), f"{BLOCK}.{key}") for key in ("id", "name", "input")),
    *((block({**RESULT, key: 5}), f"{BLOCK}.{key}") for key in ("tool_use_id", "content", "is_error")),
    (block({"type": "thinking"}), f"{BLOCK}.thinking"),
    *((block({"type": "thinking", "thinking": "x", key: 5}), f"{BLOCK}.{key}") for key in ("thinking", "signature")),
    (block({"type": "redacted_thinking"}), f"{BLOCK}.data"),
    (block({"type": "redacted_thinking", "data": 5}), f"{BLOCK}.data"),
    ({"system": ["x"]}, "system[0]"),
    ({"system": [{}]}, "system[0].type"),
    ({"tools": ["x"]}, "tools[0]"),
    ({"tools": [{"type": 5}]}, "tools[0].type"),
    ({"tools": [{"type": "bash_20250124", "name": 5}]}, "tools[0].name"),
    *(({"tools": [{"name": "f", "input_schema": {}, key: 5}]}, f"tools[0].{key}") for key in ("name", "description")),
    ({"tool_choice": {}}, "tool_choice.type"),
    ({"tool_choice": {"type": 5}}, "tool_choice.type"),
    ({"tool_choice": {"type": "tool", "name": 5}}, "tool_choice.name"),
    ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
    ({"thinking": 5}, "thinking"),
    ({"thinking": {}}, "thinking.type"),
    ({"thinking": {"type": 5}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
    ({"output_config": {"effort": 5}}, "output_config.effort"),
    ({"output_config": {"format": 5}}, "output_config.format"),
    ({"output_config": {"format": {}}}, "output_config.format.type"),
    ({"output_config": {"format": {"type": 5}}}, "output_config.format.type"),
    ({"output_config": {"format": {"type": "json_schema", "schema": 5}}}, "output_config.format.schema"),
    ({"output_format": 5}, "output_format"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": "x"}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"top_p": True}, "top_p"),
    ({"service_tier": 5}, "service_tier"),
    ({"metadata": 5}, "metadata"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path"), IN_MESSAGES)
def test_in_a_messages_request(body: dict[str, Any], path: str) -> None:
    base = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    assert refusal(MESSAGES.read_request, base | body) == ("bad_request", path)


def part(value: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [value]}]}


PART = "contents[0].parts[0]"
CONFIG = "generationConfig"
CALLING = "toolConfig.functionCallingConfig"
DECLARED = "tools[0].functionDeclarations"

IN_GEMINI: list[Case] = [
    ({"contents": [{"role": 5}]}, "contents[0].role"),
    (part(5), PART),
    (part({"thoughtSignature": 5}), f"{PART}.thoughtSignature"),
    (part({"text": "a", "thoughtSignature": 5}), f"{PART}.thoughtSignature"),
    (part({"text": "a", "thought": "yes"}), f"{PART}.thought"),
    (part({"functionCall": 5}), f"{PART}.functionCall"),
    *((part({"functionCall": {"name": "f", key: 5}}), f"{PART}.functionCall.{key}") for key in ("name", "args", "id")),
    (part({"functionCall": {"name": "f"}, "thoughtSignature": 5}), f"{PART}.thoughtSignature"),
    (part({"functionResponse": 5}), f"{PART}.functionResponse"),
    *((part({"functionResponse": {key: 5}}), f"{PART}.functionResponse.{key}")
      for key in ("name", "response", "id", "parts")),
    (part({"functionResponse": {"parts": [5]}}), f"{PART}.functionResponse.parts[0]"),
    (part({"inlineData": 5}), f"{PART}.inlineData"),
    (part({"inlineData": {}}), f"{PART}.inlineData.data"),
    (part({"inlineData": {"data": "AA==", "mimeType": 5}}), f"{PART}.inlineData.mimeType"),
    (
        part({"inlineData": {"data": "AA==", "mimeType": "image/png", "displayName": 5}}),
        f"{PART}.inlineData.displayName",
    ),
    (part({"fileData": 5}), f"{PART}.fileData"),
    (part({"fileData": {}}), f"{PART}.fileData.fileUri"),
    *((part({"fileData": {"fileUri": "u", key: 5}}), f"{PART}.fileData.{key}")
      for key in ("fileUri", "mimeType", "displayName")),
    ({"systemInstruction": 5}, "systemInstruction"),
    ({"systemInstruction": {"parts": [5]}}, "systemInstruction.parts[0]"),
    ({"serviceTier": 5}, "serviceTier"),
    ({"generationConfig": 5}, CONFIG),
    *(({"generationConfig": {key: {}}}, f"{CONFIG}.{key}")
      for key in ("temperature", "topP", "topK", "presencePenalty", "frequencyPenalty", "seed", "maxOutputTokens",
                  "stopSequences", "candidateCount", "responseLogprobs", "logprobs", "responseMimeType",
                  "responseModalities")),
    *(({"generationConfig": {key: 5}}, f"{CONFIG}.{key}")
      for key in ("responseSchema", "responseJsonSchema", "_responseJsonSchema", "thinkingConfig")),
    ({"generationConfig": {"stopSequences": [5]}}, f"{CONFIG}.stopSequences[0]"),
    ({"generationConfig": {"responseModalities": [5]}}, f"{CONFIG}.responseModalities[0]"),
    *(({"generationConfig": {"thinkingConfig": {key: {}}}}, f"{CONFIG}.thinkingConfig.{key}")
      for key in ("thinkingLevel", "thinkingBudget", "includeThoughts")),
    ({"tools": [5]}, "tools[0]"),
    ({"tools": [{"functionDeclarations": 5}]}, DECLARED),
    ({"tools": [{"functionDeclarations": [5]}]}, f"{DECLARED}[0]"),
    *(({"tools": [{"functionDeclarations": [{"name": "f", key: 5}]}]}, f"{DECLARED}[0].{key}")
      for key in ("name", "description", "parameters", "parametersJsonSchema")),
    ({"tools": [{"googleSearch": 5}]}, "tools[0].googleSearch"),
    ({"tools": [{"googleSearch": {"excludeDomains": 5}}]}, "tools[0].googleSearch.excludeDomains"),
    ({"toolConfig": 5}, "toolConfig"),
    ({"toolConfig": {"functionCallingConfig": 5}}, CALLING),
    ({"toolConfig": {"functionCallingConfig": {"mode": 5}}}, f"{CALLING}.mode"),
    ({"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": 5}}}, f"{CALLING}.allowedFunctionNames"),
    ({"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": [5]}}}, f"{CALLING}.allowedFunctionNames[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path"), IN_GEMINI)
def test_in_a_gemini_request(body: dict[str, Any], path: str) -> None:
    base = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert refusal(lambda value: GEMINI.read_request(value, "m", False), base | body) == ("bad_request", path)


def content(value: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [value]}]}


CONTENT = "input[0].content[0]"
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
CUSTOM = {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}

IN_RESPONSES: list[Case] = [
    (content(5), CONTENT),
    (content({"type": 5}), f"{CONTENT}.type"),
    (content({"type": "input_text", "text": 5}), f"{CONTENT}.text"),
    (content({"type": "refusal"}), f"{CONTENT}.refusal"),
    (content({"type": "input_image", "file_id": 5}), f"{CONTENT}.file_id"),
    (content({"type": "input_image", "file_id": "f", "detail": 5}), f"{CONTENT}.detail"),
    (content({"type": "input_file", "file_id": 5}), f"{CONTENT}.file_id"),
    (content({"type": "input_file", "file_url": 5}), f"{CONTENT}.file_url"),
    (content({"type": "input_file", "file_url": "ftp://x"}), f"{CONTENT}.file_url"),
    (content({"type": "input_file", "file_data": 5}), f"{CONTENT}.file_data"),
    (content({"type": "input_file", "file_data": "data:,"}), f"{CONTENT}.file_data"),
    (content({"type": "input_file", "file_id": "f", "filename": 5}), f"{CONTENT}.filename"),
    (content({"type": "input_audio"}), f"{CONTENT}.input_audio"),
    (content({"type": "input_audio", "input_audio": 5}), f"{CONTENT}.input_audio"),
    (content({"type": "input_audio", "input_audio": {}}), f"{CONTENT}.input_audio.data"),
    (content({"type": "input_audio", "input_audio": {"data": "AA==", "format": 5}}), f"{CONTENT}.input_audio.format"),
    (content({"type": "input_audio", "input_audio": {"data": "?"}}), f"{CONTENT}.input_audio"),
    *(({"input": [{**CALL, key: 5}]}, f"input[0].{key}") for key in ("call_id", "name", "arguments")),
    *(({"input": [{**CUSTOM, key: 5}]}, f"input[0].{key}") for key in ("call_id", "name", "input")),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": 5}]}, "input[0].output"),
    ({"input": [{"type": "reasoning", "summary": 5}]}, "input[0].summary"),
    ({"input": [{"type": "reasoning", "summary": [5]}]}, "input[0].summary[0]"),
    ({"reasoning": 5}, "reasoning"),
    ({"reasoning": {"effort": 5}}, "reasoning.effort"),
    ({"reasoning": {"summary": 5}}, "reasoning.summary"),
    ({"text": 5}, "text"),
    ({"text": {"format": 5}}, "text.format"),
    ({"text": {"verbosity": 5}}, "text.verbosity"),
    *(({key: {}}, key) for key in ("top_p", "instructions", "parallel_tool_calls", "previous_response_id", "store",
                                   "service_tier", "prompt_cache_key", "top_logprobs")),
    ({"metadata": 5}, "metadata"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path"), IN_RESPONSES)
def test_in_a_responses_request(body: dict[str, Any], path: str) -> None:
    assert refusal(RESPONSES.read_request, {"model": "m", "input": "hi"} | body) == ("bad_request", path)
