"""Requests of the real clients are taken by the simulators, except for what the recorder's answers spoilt."""

from __future__ import annotations

import aiohttp
import pytest

from tests.data import capture, captures
from tests.simulators import Upstream
from tests.simulators.access import KEYS

# Clients that speak to the very host, by name of the captures' folder.
HOSTS = {
    "openai-py": "openai",
    "codex": "openai",
    "anthropic-py": "anthropic",
    "claude-code": "anthropic",
    "genai-py": "gemini",
}
# The recorder took everything and signed nothing; the real servers refuse these, and so do the simulators.
UNSIGNED = "Thought signature is not valid"
REFUSED = {
    "anthropic-py/01-adaptive_thinking.json": "adaptive thinking is not supported on this model",
    "anthropic-py/07-error_shape.json": "messages",
    "anthropic-py/16-thinking_stream_tool_roundtrip-2.json": "Invalid `signature`",
    "anthropic-py/20-tool_runner-2.json": "unexpected `tool_use_id`",
    "claude-code/05-turn1-unknown-model.json": "model: my-custom-model",
    "claude-code/11-thinking-signature-echo.json": "Invalid `signature`",
    "genai-py/02-afc_python_callable-2.json": UNSIGNED,
    "genai-py/04-afc_stream-2.json": UNSIGNED,
    "genai-py/10-error_shape.json": "Invalid value at 'contents[0]'",
    "genai-py/15-manual_tools_jsonschema-2.json": UNSIGNED,
    "genai-py/17-manual_tools_schema-2.json": UNSIGNED,
    "genai-py/20-parallel_tools-2.json": UNSIGNED,
    "openai-py/02-chat.json": "'temperature' does not support 0.2 with this model",
    "openai-py/16-error_shape.json": "Invalid type for 'messages'",
    "openai-py/23-responses_previous_response_id-2.json": "not found",
    "openai-py/25-responses_reasoning_roundtrip-2.json": "could not be verified",
}
WANTED = [name for client in HOSTS for name in captures(client) if "websocket" not in name and "-ws-" not in name]


@pytest.mark.parametrize("name", WANTED)
async def test_a_real_request_meets_what_it_would_meet(
    upstream: Upstream, http: aiohttp.ClientSession, name: str
) -> None:
    taken = capture(name)
    host = HOSTS[name.split("/")[0]]
    headers = {key: value for key, value in taken["headers"] if key.lower() not in ("host", "content-length")}
    for key, value in headers.items():
        headers[key] = value.replace("sk-test", KEYS[host])
    for tool in (taken["body"] or {}).get("tools") or []:  # schemas that were cut to nothing
        if isinstance(tool, dict) and tool.get("input_schema") == {}:
            tool["input_schema"] = {"type": "object", "properties": {}}
    url = f"{upstream.address}/{host}{taken['path']}"
    async with http.request(taken["method"], url, json=taken["body"], headers=headers) as answer:
        text = await answer.text()
    if name in REFUSED:
        assert answer.status in (400, 404)
        assert REFUSED[name] in text
    else:
        assert answer.status == 200, text
