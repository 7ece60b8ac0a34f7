"""The simulated model answers as it is told, in the shape of its dialect, streamed as in one piece."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.simulators import Upstream
from tests.simulators.asking import FUNCTION, ask, chat, contents, messages, responses, stream

ECHO = "You said: hi (naïve café, 日本語, 👩‍🚀🎉)"
CHAT_TOOLS = [{"type": "function", "function": {"name": name, "parameters": FUNCTION}} for name in ("f", "g")]


def _text(where: str, body: Any) -> str:
    if where == "chat":
        return str(body["choices"][0]["message"]["content"])
    if where == "responses":
        return str(body["output"][-1]["content"][0]["text"])
    if where == "messages":
        return str(body["content"][-1]["text"])
    return "".join(part["text"] for part in body["candidates"][0]["content"]["parts"])


BODIES: list[tuple[str, Any]] = [("chat", chat), ("responses", responses), ("messages", messages), ("gemini", contents)]


@pytest.mark.parametrize(("where", "make"), BODIES)
async def test_plain_text_is_echoed(upstream: Upstream, http: aiohttp.ClientSession, where: str, make: Any) -> None:
    status, answer = await ask(http, upstream, where, make("hi"))
    assert (status, _text(where, answer)) == (200, ECHO)


@pytest.mark.parametrize(("where", "make"), BODIES)
async def test_the_same_request_has_the_same_answer(
    upstream: Upstream, http: aiohttp.ClientSession, where: str, make: Any
) -> None:
    assert await ask(http, upstream, where, make("hi")) == await ask(http, upstream, where, make("hi"))


async def test_parallel_calls_of_chat_interleave_their_arguments(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    chunks = await stream(http, upstream, "chat", chat("TOOLS f,g", tools=CHAT_TOOLS, stream=True))
    assert chunks[-1] == "[DONE]"
    deltas = [call for chunk in chunks[:-1] for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert [delta["index"] for delta in deltas] == [0, 1, 0, 1, 0, 1, 0, 1]
    written = "".join(delta["function"]["arguments"] for delta in deltas if delta["index"] == 1)
    assert json.loads(written) == {"x": "x grüße 😀"}
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_steps_follow_one_another(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    turns: list[Any] = ["TOOLS f THEN g"]
    names: list[str] = []
    for _ in range(2):
        _, answer = await ask(http, upstream, "chat", chat(*turns, tools=CHAT_TOOLS))
        message = answer["choices"][0]["message"]
        names.extend(call["function"]["name"] for call in message["tool_calls"])
        turns += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}]
    _, answer = await ask(http, upstream, "chat", chat(*turns, tools=CHAT_TOOLS))
    assert names == ["f", "g"]
    assert answer["choices"][0]["message"]["content"] == "Results: g gave ok"


async def test_responses_events_are_gapless_and_end_with_the_whole(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    events = await stream(http, upstream, "responses", responses("hi", stream=True))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert deltas == _text("responses", events[-1]["response"]) == ECHO


async def test_a_call_without_arguments_has_no_delta_at_anthropic(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    events = await stream(http, upstream, "messages", messages("TOOLS f", tools=tools, stream=True))
    kinds = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert set(kinds) == {"text_delta"}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


async def test_only_the_first_of_parallel_gemini_calls_is_signed(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": FUNCTION} for name in ("f", "g")]}]
    chunks = await stream(http, upstream, "gemini3 stream", contents("TOOLS f,g", tools=tools))
    calls = [part for chunk in chunks for one in chunk["candidates"] for part in one.get("content", {}).get("parts", [])
             if "functionCall" in part]  # fmt: skip
    assert [("thoughtSignature" in part, part["functionCall"]["name"]) for part in calls] == [(True, "f"), (False, "g")]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("where", "body", "finish"),
    [
        ("chat", chat("LENGTH"), ("choices", 0, "finish_reason", "length")),
        ("responses", responses("LENGTH"), ("incomplete_details", "reason", "max_output_tokens")),
        ("messages", messages("LENGTH"), ("stop_reason", "max_tokens")),
        ("gemini", contents("LENGTH"), ("candidates", 0, "finishReason", "MAX_TOKENS")),
        ("messages", messages("STOPAT END", stop_sequences=["END"]), ("stop_sequence", "END")),
        ("gemini", contents("REFUSE"), ("candidates", 0, "finishReason", "SAFETY")),
        ("messages", messages("REFUSE"), ("stop_reason", "refusal")),
        ("chat", chat("REFUSE"), ("choices", 0, "message", "refusal", "I can't help with that.")),
        ("chat", chat("BLOCKED"), ("choices", 0, "finish_reason", "content_filter")),
        ("responses", responses("BLOCKED"), ("incomplete_details", "reason", "content_filter")),
        ("messages", messages("BLOCKED"), ("content", [])),
        ("gemini", contents("BLOCKED"), ("promptFeedback", "blockReason", "PROHIBITED_CONTENT")),
    ],
)
async def test_the_finish_is_named_as_the_dialect_names_it(
    upstream: Upstream, http: aiohttp.ClientSession, where: str, body: Any, finish: tuple[Any, ...]
) -> None:
    _, answer = await ask(http, upstream, where, body)
    for step in finish[:-1]:
        answer = answer[step]
    assert answer == finish[-1]


async def test_a_surrogate_pair_can_be_cut_in_two(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    chunks = await stream(http, upstream, "chat", chat("HALVES", stream=True))
    pieces = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks[:-1]]
    assert "\ud83c" in "".join(piece[-1:] for piece in pieces)
    joined = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16")
    assert joined.endswith("👩‍🚀🎉)")


@pytest.mark.parametrize("where", ["chat", "messages", "gemini"])
async def test_cached_tokens_are_a_part_of_the_prompt(
    upstream: Upstream, http: aiohttp.ClientSession, where: str
) -> None:
    long = "a word and another one " * 20
    if where == "chat":
        _, answer = await ask(http, upstream, where, chat(long, {"role": "assistant", "content": "ok"}, "more"))
        used = answer["usage"]
        total, cached, fresh = used["prompt_tokens"], used["prompt_tokens_details"]["cached_tokens"], None
    elif where == "messages":
        _, answer = await ask(http, upstream, where, messages(long, {"role": "assistant", "content": "ok"}, "more"))
        used = answer["usage"]
        cached, fresh = used["cache_read_input_tokens"], used["input_tokens"]
        total = cached + fresh
    else:
        turns = (long, {"role": "model", "parts": [{"text": "ok"}]}, "more")
        _, answer = await ask(http, upstream, where, contents(*turns))
        used = answer["usageMetadata"]
        total, cached, fresh = used["promptTokenCount"], used["cachedContentTokenCount"], None
    assert total > cached > 0
    assert cached == total // 4
