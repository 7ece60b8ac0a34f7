"""Requests to a simulated upstream as its tests write them: right in everything that a test does not change."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.simulators import Upstream

OPENAI = {"authorization": "Bearer sk-sim"}
ANTHROPIC = {"x-api-key": "sk-ant-sim", "anthropic-version": "2023-06-01"}
GEMINI = {"x-goog-api-key": "AIzaSim"}
FUNCTION = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    """A body of Chat Completions; a text stands for a user message."""
    turns = [{"role": "user", "content": one} if isinstance(one, str) else one for one in messages]
    return {"model": "gpt-4.1", "messages": turns, **more}


def responses(given: Any, **more: Any) -> dict[str, Any]:
    """A body of the Responses interface."""
    return {"model": "gpt-4.1", "input": given, **more}


def messages(*turns: Any, **more: Any) -> dict[str, Any]:
    """A body of the Messages interface."""
    told = [{"role": "user", "content": one} if isinstance(one, str) else one for one in turns]
    return {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": told, **more}


def contents(*turns: Any, **more: Any) -> dict[str, Any]:
    """A body of Gemini."""
    told = [{"role": "user", "parts": [{"text": one}]} if isinstance(one, str) else one for one in turns]
    return {"contents": told, **more}


PATHS = {
    "chat": ("/openai/v1/chat/completions", OPENAI),
    "responses": ("/openai/v1/responses", OPENAI),
    "messages": ("/anthropic/v1/messages", ANTHROPIC),
    "gemini": ("/gemini/v1beta/models/gemini-2.5-flash:generateContent", GEMINI),
    "gemini3": ("/gemini/v1beta/models/gemini-3-pro:generateContent", GEMINI),
    "gemini3 stream": ("/gemini/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse", GEMINI),
}


async def ask(http: aiohttp.ClientSession, upstream: Upstream, where: str, body: Any) -> tuple[int, Any]:
    """Status and JSON of one call."""
    path, headers = PATHS[where]
    async with http.post(upstream.address + path, json=body, headers=headers) as answer:
        return answer.status, json.loads(await answer.read())


async def stream(http: aiohttp.ClientSession, upstream: Upstream, where: str, body: Any) -> list[Any]:
    """The `data:` payloads of one stream; `[DONE]` stays text."""
    path, headers = PATHS[where]
    async with http.post(upstream.address + path, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        text = (await answer.read()).decode()
    datas = [line[6:] for line in text.replace("\r\n", "\n").split("\n") if line.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def said(body: Any) -> str:
    """The message of an error, in any dialect."""
    return str(body["error"]["message"])
