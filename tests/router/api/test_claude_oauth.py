"""Claude by subscription: thinking by name and by wish, betas, the raw lane's bytes, counting, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data import capture
from tests.router.api.harness import DIALECTS, ask, error_text
from tests.router.api.subscribed import subscribed
from tests.router.api.test_raw_lane import ODD, odd
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import status

BUDGETS = {"low": 8000, "medium": 16000, "high": 32000}
SONNET, OPUS = "claude-oauth/claude-sonnet-4-5", "claude-oauth/claude-opus-4-8"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("effort", BUDGETS)
async def test_a_name_says_how_much_to_think(upstream: Upstream, tmp_path: Path, dialect: str, effort: str) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for suffix in (f"-reasoning-{effort}", f"({effort})"):
            assert (await router.ask(dialect, SONNET + suffix)).status == 200
            body = upstream.requests[-1].body
            assert body["model"] == "claude-sonnet-4-5"
            assert body["thinking"]["type"] == "enabled"
            assert body["thinking"]["budget_tokens"] <= BUDGETS[effort]
            if suffix.startswith("-"):
                assert body["thinking"]["budget_tokens"] == BUDGETS[effort]
            assert body["max_tokens"] > body["thinking"]["budget_tokens"]
            assert (await router.ask(dialect, OPUS + suffix)).status == 200
            body = upstream.requests[-1].body
            assert body["thinking"]["type"] == "adaptive"
            assert body["output_config"] == {"effort": effort}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_number_says_it_in_tokens(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with subscribed(upstream, tmp_path) as router:
        assert (await router.ask(dialect, f"{SONNET}(5000)")).status == 200
    assert upstream.requests[-1].body["thinking"]["budget_tokens"] == 5000


@pytest.mark.parametrize(
    ("dialect", "wish"),
    [
        ("chat", {"reasoning_effort": "low"}),
        ("responses", {"reasoning": {"effort": "low"}}),
        ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}),
        ("messages", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    ],
)
async def test_a_body_says_it_in_its_own_words(upstream: Upstream, tmp_path: Path, dialect: str, wish: Any) -> None:
    async with subscribed(upstream, tmp_path) as router:
        assert (await router.ask(dialect, OPUS, **wish)).status == 200
        body = upstream.requests[-1].body
        assert (body["thinking"]["type"], body["output_config"]["effort"]) == ("adaptive", "low")
        if dialect != "messages":
            assert (await router.ask(dialect, SONNET, **wish)).status == 200
            assert upstream.requests[-1].body["thinking"]["type"] == "enabled"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_it_thinks_is_shown_where_the_dialect_shows_it(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    show: dict[str, Any] = {"gemini": {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}}
    show["responses"] = {"reasoning": {"summary": "auto"}}
    async with subscribed(upstream, tmp_path) as router:
        for stream in (False, True):
            more = show.get(dialect, {})
            answer = await router.ask(dialect, f"{SONNET}-reasoning-low", "THINK kettle", stream=stream, **more)
            assert answer.status == 200
            assert "The user wants" in answer.body.decode()


async def test_a_callers_own_body_goes_through_byte_for_byte(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        upstream.always(Misbehaviour(status=400, message="seen it"))
        path, _ = ask("messages", SONNET)
        answer = await router.send(path, odd("messages", SONNET))
        assert (answer.status, error_text("messages", answer.json)) == (400, "seen it")
    sent = upstream.requests[-1].request.body
    assert b"{" + ODD + b"}" in sent
    assert list(json.loads(sent)) == list(json.loads(odd("messages", SONNET)))


async def test_the_betas_of_the_caller_and_of_the_body_go_beside_the_one_of_the_protocol(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        path, body = ask("messages", SONNET)
        await router.send(path, body, headers={"anthropic-beta": "context-1m-2025-08-07"})
        assert upstream.requests[-1].headers["anthropic-beta"] == "context-1m-2025-08-07,oauth-2025-04-20"
        await router.ask("chat", SONNET)
        assert upstream.requests[-1].headers["anthropic-beta"] == "oauth-2025-04-20"


@pytest.mark.parametrize("name", ["claude-code/02-turn1-opus.json", "claude-code/04-turn1-sonnet-4-5.json"])
async def test_a_real_request_of_claude_code_goes_through(upstream: Upstream, tmp_path: Path, name: str) -> None:
    taken = capture(name)
    body = taken["body"]
    for tool in body.get("tools", []):
        if tool.get("input_schema") == {}:
            tool["input_schema"] = {"type": "object", "properties": {}}
    model = body["model"]
    headers = {key.lower(): value for key, value in taken["headers"] if key.lower().startswith("anthropic-")}
    async with subscribed(upstream, tmp_path) as router:
        answer = await router.send("/v1/messages", {**body, "model": f"claude-oauth/{model}"}, headers=headers)
        assert answer.status == 200, answer.body
    sent = upstream.requests[-1]
    assert sent.body == body
    assert sent.headers["anthropic-beta"] == headers["anthropic-beta"] + ",oauth-2025-04-20"


async def test_tokens_are_counted_by_the_provider(upstream: Upstream, tmp_path: Path) -> None:
    asked = {
        "/v1/messages/count_tokens": {"model": SONNET, "messages": [{"role": "user", "content": "hello"}]},
        "/v1/responses/input_tokens": {"model": SONNET, "input": "hello"},
        f"/v1beta/models/{SONNET}:countTokens": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    }
    async with subscribed(upstream, tmp_path) as router:
        for path, body in asked.items():
            answer = await router.send(path, body)
            assert answer.status == 200, answer.body
            assert "x-switchyard-notes" not in answer.headers
            assert (answer.json.get("input_tokens") or answer.json.get("totalTokens")) == 2
    assert [attempt.path for attempt in upstream.requests] == ["/v1/messages/count_tokens"] * 3


async def test_a_bare_refusal_says_that_it_is_one(upstream: Upstream, tmp_path: Path) -> None:
    bare = b'{"type":"error","error":{"type":"invalid_request_error","message":"Error"}}'
    async with subscribed(upstream, tmp_path) as router:
        for dialect in DIALECTS:
            upstream.script(status(400, body=bare))
            answer = await router.ask(dialect, SONNET)
            assert answer.status == 400
            assert "without saying why" in error_text(dialect, answer.json)
        assert (await router.ask("chat", SONNET)).status == 200
