"""Requests of the real clients are taken by the simulators, except for what the recorder's answers spoilt."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.data import capture, captures
from tests.simulators import Upstream
from tests.simulators.access import KEYS

# Clients that speak to the very host, by name of the captures' folder.
HOSTS = {"openai-py": "openai", "anthropic-py": "anthropic", "genai-py": "gemini"}
# What the recorder answered with were no signatures of these models, or the request was wrong on purpose.
SPOILT = {
    "anthropic-py/01-adaptive_thinking.json": "does not support the effort parameter",
    "anthropic-py/07-error_shape.json": "",
    "anthropic-py/16-thinking_stream_tool_roundtrip-2.json": "Invalid `signature`",
    "openai-py/16-error_shape.json": "Invalid type for 'messages'",
    "openai-py/23-responses_previous_response_id-2.json": "not found",
    "openai-py/25-responses_reasoning_roundtrip-2.json": "could not be verified",
}
WANTED = [name for client in HOSTS for name in captures(client)]


@pytest.mark.parametrize("name", WANTED)
async def test_a_real_request_is_taken(upstream: Upstream, http: aiohttp.ClientSession, name: str) -> None:
    taken = capture(name)
    if "websocket" in name or taken["method"] == "WS":
        pytest.skip("the simulators have no WebSocket")
    host = HOSTS[name.split("/")[0]]
    headers = {key: value for key, value in taken["headers"] if key.lower() not in ("host", "content-length")}
    for key, value in headers.items():
        headers[key] = value.replace("sk-test", KEYS[host])
    url = f"{upstream.address}/{host}{taken['path']}"
    async with http.request(taken["method"], url, json=taken["body"], headers=headers) as answer:
        text = await answer.text()
    status, told = (answer.status, text[:300]) if answer.status != 200 else (200, "")
    assert _expected(name, status, told), f"{status} {told}"


def _expected(name: str, status: int, told: str) -> Any:
    if name in SPOILT:
        return status in (400, 404) and SPOILT[name] in told
    return status == 200
