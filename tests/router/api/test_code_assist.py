"""Gemini behind Code Assist: the envelope comes off, what is counted and limited is understood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data import recorded
from tests.router.api.harness import DIALECTS, error_text
from tests.router.api.subscribed import MODELS, subscribed
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import gemini_retry, status

KINDS = ("gemini-cli", "antigravity")


def exhausted(reason: str, delay: str) -> Misbehaviour:
    """A 429 in Code Assist's own words."""
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "cloudcode-pa.googleapis.com",
        "metadata": {"model": "m", "quotaResetDelay": delay},
    }
    message = f"You have exhausted your capacity on this model. Your quota will reset after {delay}."
    error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [detail]}
    return status(429, body=json.dumps({"error": error}).encode())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_gemini_client_sees_gemini(upstream: Upstream, tmp_path: Path, kind: str) -> None:
    model = f"{kind}/{MODELS[kind]}"
    async with subscribed(upstream, tmp_path) as router:
        streamed = await router.ask("gemini", model, "kettle", stream=True)
        assert streamed.body.endswith(b"}\r\n\r\n")
        assert b"\r\n\r\ndata: {" in streamed.body
        for _, payload in streamed.frames:
            assert payload["modelVersion"] == model
        whole = await router.ask("gemini", model, "kettle")
        assert whole.text == streamed.text
        listed = await router.send(
            f"/v1beta/models/{model}:streamGenerateContent", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
        )
        assert isinstance(listed.json, list)
        assert "candidates" in listed.json[0]
    sent = upstream.requests[0].body
    assert (sent["model"], sent["project"]) == (MODELS[kind], "project-a")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["gemini/pai-google_model_thinking_part_iter.sse", "gemini/pai-google_model_web_search_tool_stream-0.sse"]
)
async def test_a_recorded_stream_comes_out_of_its_envelope_as_it_was(
    upstream: Upstream, tmp_path: Path, kind: str, name: str
) -> None:
    payloads = [line[6:].strip() for line in recorded(name).read_bytes().split(b"\n") if line.startswith(b"data: ")]
    body = b"".join(b'data: {"response": ' + one + b', "traceId": "t"}\r\n\r\n' for one in payloads)
    async with subscribed(upstream, tmp_path) as router:
        upstream.script(Misbehaviour(body=body))
        answer = await router.ask("gemini", f"{kind}/{MODELS[kind]}", stream=True)
        assert answer.status == 200
    told = [payload for _, payload in answer.frames]
    expected = [json.loads(one) for one in payloads]
    for one in (*told, *expected):
        one.pop("modelVersion", None)
    assert told == expected


@pytest.mark.parametrize("kind", KINDS)
async def test_tokens_are_counted_there(upstream: Upstream, tmp_path: Path, kind: str) -> None:
    model = f"{kind}/{MODELS[kind]}"
    asked = {
        "/v1/messages/count_tokens": {
            "model": model,
            "system": "be brief",
            "messages": [{"role": "user", "content": "hello there"}],
        },
        f"/v1beta/models/{model}:countTokens": {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]},
    }
    async with subscribed(upstream, tmp_path) as router:
        told = []
        for path, body in asked.items():
            answer = await router.send(path, body)
            assert answer.status == 200, answer.body
            assert "x-switchyard-notes" not in answer.headers
            told.append(answer.json.get("input_tokens") or answer.json["totalTokens"])
    assert told[0] > told[1] == 3
    assert {attempt.path for attempt in upstream.requests} == {"/v1internal:countTokens"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [exhausted("QUOTA_EXHAUSTED", "2h7m23.5s"), gemini_retry("34.4s")])
async def test_a_limit_holds_for_the_model_and_as_long_as_is_said(
    upstream: Upstream, tmp_path: Path, kind: str, limit: Misbehaviour
) -> None:
    other = {"gemini-cli": "gemini-2.5-pro", "antigravity": "gemini-3-pro-high"}[kind]
    async with subscribed(upstream, tmp_path) as router:
        upstream.script(limit)
        for _ in range(2):
            answer = await router.ask("chat", f"{kind}/{MODELS[kind]}")
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) > 30
        assert len(upstream.requests) == 1
        assert (await router.ask("chat", f"{kind}/{other}")).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_account_without_a_project_is_to_sign_in_again(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with subscribed(upstream, tmp_path, facts={"gemini-cli/a": {}}) as router:
        answer = await router.ask(dialect, f"gemini-cli/{MODELS['gemini-cli']}")
        assert answer.status == 502
        assert "sign in" in error_text(dialect, answer.json)
    assert upstream.requests == []


async def test_schemas_go_in_the_form_that_it_knows(upstream: Upstream, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "const": "x"}}, "required": ["a"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.ask("chat", f"gemini-cli/{MODELS['gemini-cli']}", "TOOLS f", tools=[tool])
        assert answer.status == 200, answer.body
        assert answer.json["choices"][0]["message"]["tool_calls"]
    [declared] = upstream.requests[-1].body["request"]["tools"][0]["functionDeclarations"]
    assert "parameters" in declared
    assert "parametersJsonSchema" not in declared
