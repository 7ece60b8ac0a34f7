"""The back end of Codex by subscription: its body, its one way of answering, its plan's windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data import capture
from tests.router.api.harness import DIALECTS, error_text
from tests.router.api.subscribed import subscribed
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import status

MODEL = "chatgpt-oauth/gpt-5.1-codex"
SPENT = {"type": "usage_limit_reached", "message": "The usage limit has been reached", "resets_in_seconds": 5400}
SAMPLING: dict[str, Any] = {
    "chat": {"temperature": 0.5, "max_tokens": 50, "user": "u"},
    "responses": {"temperature": 0.5, "max_output_tokens": 50, "user": "u", "truncation": "auto"},
    "messages": {"temperature": 0.5, "metadata": {"user_id": "u"}},
    "gemini": {"generationConfig": {"temperature": 0.5, "maxOutputTokens": 50}},
}
SYSTEM: dict[str, Any] = {
    "chat": {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "SYSTEM"}]},
    "responses": {"instructions": "be brief", "input": "SYSTEM"},
    "messages": {"system": "be brief", "messages": [{"role": "user", "content": "SYSTEM"}]},
    "gemini": {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [{"role": "user", "parts": [{"text": "SYSTEM"}]}],
    },
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_callers_own_words_are_the_instructions(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.ask(dialect, MODEL, stream=stream, **SYSTEM[dialect])
        assert answer.status == 200, answer.body
        assert answer.text == "System: be brief"
    assert upstream.requests[-1].body["instructions"] == "be brief"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_it_refuses_is_left_out_and_told(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.ask(dialect, MODEL, stream=stream, **SAMPLING[dialect])
        assert answer.status == 200, answer.body
        dropped = answer.headers["x-switchyard-notes"].removeprefix("dropped=").split(",")
        assert {"temperature", "max_output_tokens"} <= set(dropped)
        strict = await router.ask(
            dialect, MODEL, stream=stream, headers={"x-switchyard-strict": "true"}, **SAMPLING[dialect]
        )
        assert strict.status == 400
        assert "max_output_tokens" in error_text(dialect, strict.json)


async def test_system_messages_in_the_middle_are_the_developers(upstream: Upstream, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}, {"role": "user", "content": "c"}]
    async with subscribed(upstream, tmp_path) as router:
        for path, key in (("/v1/responses", "input"), ("/v1/chat/completions", "messages")):
            for stream in (False, True):
                answer = await router.send(path, {"model": MODEL, key: turns, "stream": stream})
                assert answer.status == 200, answer.body
                roles = [item["role"] for item in upstream.requests[-1].body["input"]]
                assert roles == ["user", "developer", "user"]


@pytest.mark.parametrize("name", ["codex/01-turn1-http-unknown-model.json", "codex/03-turn1-gpt-5.5.json"])
async def test_a_real_request_of_codex_goes_through_with_its_tools(
    upstream: Upstream, tmp_path: Path, name: str
) -> None:
    body = capture(name)["body"]
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.send("/v1/responses", {**body, "model": MODEL})
        assert answer.status == 200, answer.body
        assert answer.frames[-1][1]["type"] == "response.completed"
    sent = upstream.requests[-1].body
    assert sent["tools"] == body["tools"]
    assert sent["prompt_cache_key"] == body["prompt_cache_key"] == upstream.requests[-1].headers["session_id"]


async def test_an_unstreamed_caller_gets_a_whole_response(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.send(
            "/v1/responses",
            {"model": MODEL, "input": "THINK kettle", "reasoning": {"effort": "low", "summary": "auto"}},
        )
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json["status"] == "completed"
        assert [item["type"] for item in answer.json["output"]] == ["reasoning", "message"]
        assert answer.json["output"][0]["encrypted_content"]
        assert answer.json["usage"]["output_tokens"] > 0
    assert upstream.requests[-1].body["stream"] is True


@pytest.mark.parametrize(("asked", "sent"), [("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "high")])
async def test_an_effort_that_a_model_does_not_know_becomes_the_nearest(
    upstream: Upstream, tmp_path: Path, asked: str, sent: str
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.ask("chat", MODEL, reasoning_effort=asked)
        assert answer.status == 200, answer.body
        assert upstream.requests[-1].body["reasoning"]["effort"] == sent
        answer = await router.ask("chat", f"{MODEL}-mini({asked})")
        assert answer.status == 200, answer.body
        assert upstream.requests[-1].body["reasoning"]["effort"] == ("high" if sent == "high" else "medium")


async def test_a_used_up_plan_rests_as_a_whole_until_its_reset(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path, "a", "b") as router:
        upstream.script(status(429, body=json.dumps({"error": SPENT}).encode()))
        assert (await router.ask("chat", MODEL)).headers["x-switchyard-attempts"] == "2"
        for model in (MODEL, "chatgpt-oauth/gpt-5"):
            for _ in range(2):
                assert (await router.ask("chat", model)).headers["x-switchyard-attempts"] == "1"
        assert len({attempt.key for attempt in upstream.requests[1:]}) == 1
        upstream.script(status(429, body=json.dumps({"error": SPENT}).encode()))
        answer = await router.ask("chat", MODEL)
        assert answer.status == 429
        answer = await router.ask("chat", "chatgpt-oauth/gpt-5")
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 5400


async def test_a_limit_that_is_told_inside_the_stream_moves_on_as_well(upstream: Upstream, tmp_path: Path) -> None:
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "model": "m"}}
    response = {"id": "resp_1", "status": "failed", "error": {**SPENT, "code": "usage_limit_reached"}, "output": []}
    failed = {"type": "response.failed", "sequence_number": 1, "response": response}
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in (created, failed)).encode()
    async with subscribed(upstream, tmp_path, "a", "b", "c") as router:
        for dialect in ("responses", "chat"):
            upstream.script(Misbehaviour(body=body))
            answer = await router.ask(dialect, MODEL, "kettle", stream=True)
            assert (answer.status, "kettle" in answer.text) == (200, True)
            assert answer.headers["x-switchyard-attempts"] == "2"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_model_that_the_plan_has_not_is_no_fault_of_the_account(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.ask(dialect, "chatgpt-oauth/gpt-4.1")
        assert answer.status in (400, 404)
        assert "not supported when using Codex" in error_text(dialect, answer.json)
        assert (await router.ask(dialect, MODEL)).status == 200


async def test_what_it_cannot_be_told_is_refused_before_anything_is_sent(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for more in ({"background": True}, {"prompt": {"id": "p"}}, {"top_logprobs": 2}):
            for stream in (False, True):
                answer = await router.send("/v1/responses", {"model": MODEL, "input": "x", "stream": stream, **more})
                assert answer.status == 400, answer.body
    assert upstream.requests == []
