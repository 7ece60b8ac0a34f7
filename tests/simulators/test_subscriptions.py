"""The back ends of subscriptions refuse what they are said to refuse, and take what is right."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.simulators import Upstream
from tests.simulators.asking import chat, contents, messages, responses

COMMON = {"authorization": "Bearer oat-sim", "accept-encoding": "identity", "user-agent": "x"}
USER = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]
CODEX = {
    "model": "gpt-5-codex",
    "instructions": "",
    "input": USER,
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
}
WRAPPED = {
    "model": "gemini-2.5-flash",
    "project": "project-a",
    "request": {**contents("hi"), "session_id": "s"},
}
RIGHT: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "claude": (
        "/v1/messages",
        {"anthropic-version": "2023-06-01", "anthropic-beta": "oauth-2025-04-20"},
        messages("hi"),
    ),
    "chatgpt": (
        "/responses",
        {"chatgpt-account-id": "acc-1", "openai-beta": "responses=experimental", "accept": "text/event-stream"},
        CODEX,
    ),
    "code-assist": ("/v1internal:generateContent", {}, WRAPPED),
    "antigravity": ("/v1internal:streamGenerateContent?alt=sse", {}, WRAPPED),
    "qwen": ("/chat/completions", {}, chat("hi", model="qwen3-coder-plus")),
    "kimi": (
        "/v1/chat/completions",
        {"x-msh-platform": "p", "x-msh-version": "1"},
        chat("hi", model="kimi-for-coding"),
    ),
    "xai": ("/responses", {}, responses("hi", model="grok-4.5")),
    "iflow": ("/chat/completions", {}, chat("hi", model="glm-4.6")),
    "copilot": ("/chat/completions", {"editor-version": "Mine/1"}, chat("hi")),
}


async def ask(
    http: aiohttp.ClientSession, upstream: Upstream, host: str, changes: dict[str, Any], headers: dict[str, Any]
) -> tuple[int, str]:
    """Status and text of a right request with these changes; None takes something out."""
    path, own, body = RIGHT[host]
    used = {key: value for key, value in {**COMMON, **own, **headers}.items() if value is not None}
    sent = {key: value for key, value in {**body, **changes}.items() if value is not None}
    async with http.post(upstream.base_url(host) + path, json=sent, headers=used) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("host", RIGHT)
async def test_what_is_right_is_answered(upstream: Upstream, http: aiohttp.ClientSession, host: str) -> None:
    status, text = await ask(http, upstream, host, {}, {})
    assert status == 200, text
    assert "You said" in text or "You sai" in text


@pytest.mark.parametrize("host", RIGHT)
async def test_wrong_credentials_and_keys_are_turned_away(
    upstream: Upstream, http: aiohttp.ClientSession, host: str
) -> None:
    for token, expected in (("sk-other", 401), ("oat-sim-revoked", 401), ("oat-sim-foreign", 403)):
        status, _ = await ask(http, upstream, host, {}, {"authorization": f"Bearer {token}"})
        assert status == expected
    for name in ("x-api-key", "x-goog-api-key", "cookie"):
        assert (await ask(http, upstream, host, {}, {name: "x"}))[0] == 401
    assert (await ask(http, upstream, host, {"surplus": 1}, {}))[0] == 400


@pytest.mark.parametrize(
    ("host", "changes", "headers", "text"),
    [
        ("claude", {}, {"anthropic-beta": None}, "OAuth authentication is currently not supported"),
        ("claude", {}, {"anthropic-beta": "xoauth-2025-04-20"}, "OAuth authentication is currently not supported"),
        ("claude", {}, {"anthropic-version": None}, "anthropic-version"),
        ("claude", {"model": "gpt-4.1"}, {}, "model: gpt-4.1"),
        ("chatgpt", {}, {"chatgpt-account-id": None}, "chatgpt-account-id"),
        ("chatgpt", {}, {"openai-beta": None}, "responses=experimental"),
        ("chatgpt", {}, {"accept": "application/json"}, "text/event-stream"),
        ("chatgpt", {}, {"session_id": "other"}, "session_id"),
        ("chatgpt", {"instructions": None}, {}, "Instructions are required"),
        ("chatgpt", {"store": True}, {}, "Store must be set to false"),
        ("chatgpt", {"stream": None}, {}, "Stream must be set to true"),
        ("chatgpt", {"input": "hi"}, {}, "Input must be a list"),
        ("chatgpt", {"max_output_tokens": 50}, {}, "Unsupported parameter: max_output_tokens"),
        ("chatgpt", {"temperature": 0}, {}, "Unsupported parameter: temperature"),
        ("chatgpt", {"input": [{"role": "system", "content": "s"}, *USER]}, {}, "System messages are not allowed"),
        ("chatgpt", {"include": []}, {}, "reasoning.encrypted_content"),
        ("chatgpt", {"reasoning": {"effort": "minimal"}}, {}, "minimal"),
        ("chatgpt", {"model": "gpt-4.1"}, {}, "not supported when using Codex"),
        ("code-assist", {"project": None}, {}, "project"),
        ("code-assist", {"request": contents("hi")}, {}, "session_id"),
        ("code-assist", {"request": None, **contents("hi")}, {}, "Unknown name"),
        ("code-assist", {"request": {**contents("hi"), "session_id": "s", "foo": 1}}, {}, "Unknown name"),
        ("code-assist", {"model": "gpt-4.1"}, {}, "not found"),
        ("kimi", {}, {"x-msh-platform": None}, "X-Msh-Platform"),
        ("copilot", {}, {"editor-version": None}, "Editor-Version"),
        ("copilot", {}, {"copilot-integration-id": "vscode-chat"}, "Integration"),
        ("copilot", {}, {"copilot-vision-request": "true"}, "nothing to see"),
        ("copilot", {"model": "gpt-9"}, {}, "model_not_supported"),
        ("qwen", {"model": "gpt-4.1"}, {}, "does not exist"),
    ],
)
async def test_what_is_wrong_is_refused_in_the_vendors_words(
    upstream: Upstream,
    http: aiohttp.ClientSession,
    host: str,
    changes: dict[str, Any],
    headers: dict[str, Any],
    text: str,
) -> None:
    status, told = await ask(http, upstream, host, changes, headers)
    assert 400 <= status < 410
    assert text in told


async def test_code_assist_counts_contents_only(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    url = upstream.base_url("code-assist") + "/v1internal:countTokens"
    counted = {"model": "models/gemini-2.5-flash", **contents("hello there")}
    for body, expected in (({"request": counted}, 200), ({"request": counted, "project": "project-a"}, 400)):
        async with http.post(url, json=body, headers=COMMON) as answer:
            assert answer.status == expected
            if expected == 200:
                assert json.loads(await answer.read()) == {"totalTokens": 3}


async def test_the_stream_of_chatgpt_has_no_content_type(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    path, own, body = RIGHT["chatgpt"]
    async with http.post(upstream.base_url("chatgpt") + path, json=body, headers={**COMMON, **own}) as answer:
        assert "content-type" not in answer.headers
        assert answer.headers["x-codex-primary-used-percent"]
