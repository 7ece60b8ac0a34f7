"""Every subscription answers every dialect, streamed and not, with tools and with thinking, and says no in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.version import USER_AGENT
from tests.router.api.harness import DIALECTS, Running, ask, error_text
from tests.router.api.subscribed import HOSTS, MODELS, subscribed
from tests.router.api.test_affinity import Agent
from tests.simulators import Upstream
from tests.simulators.faulty import cut, status

THINK: dict[str, Any] = {
    "chat": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high", "summary": "auto"}},
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    "gemini": {"generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 2000}}},
}
FORGED = ("claude-cli", "claude code", "codex_cli", "geminicli", "vscode", "kimicli", "antigravity/", "stainless")
"""How other programs call themselves."""


def named(provider: str) -> str:
    return f"{provider}/{MODELS[provider]}"


@pytest.mark.parametrize("provider", HOSTS)
async def test_each_answers_every_dialect_streamed_and_not(upstream: Upstream, tmp_path: Path, provider: str) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for dialect in DIALECTS:
            for stream in (False, True):
                answer = await router.ask(dialect, named(provider), "say it back: kettle", stream=stream)
                assert answer.status == 200, answer.body
                assert "kettle" in answer.text
                assert answer.headers["x-switchyard-provider"] == provider
                assert answer.headers["x-switchyard-attempts"] == "1"
                assert b"traceId" not in answer.body


@pytest.mark.parametrize("provider", HOSTS)
async def test_tools_are_called_and_their_results_come_back(upstream: Upstream, tmp_path: Path, provider: str) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for dialect in DIALECTS:
            agent = Agent(router, dialect, named(provider))
            await agent.say()
            answer = await agent.go_on()
            assert "gave done" in answer.text


@pytest.mark.parametrize("provider", ["claude-oauth", "chatgpt-oauth", "gemini-cli", "antigravity"])
async def test_what_one_account_signed_goes_back_to_it(upstream: Upstream, tmp_path: Path, provider: str) -> None:
    """In each dialect that carries signatures, also where another account would be next."""
    upstream.service.bound_to_key = True
    async with subscribed(upstream, tmp_path, "a", "b", "c") as router:
        for dialect in DIALECTS:
            before = len(upstream.requests)
            agent = Agent(router, dialect, named(provider), **THINK[dialect])
            await agent.say()
            await agent.go_on()
            await agent.go_on()
            assert len(upstream.requests) == before + 3
            if provider in ("claude-oauth", "chatgpt-oauth"):
                assert len({attempt.key for attempt in upstream.requests[before:]}) == 1


async def test_nothing_is_sent_that_makes_another_program_of_us(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for provider in HOSTS:
            for dialect in DIALECTS:
                path, body = ask(dialect, named(provider), "SYSTEM")
                sent = {"user-agent": "claude-cli/2.1", "x-app": "cli", "x-stainless-lang": "js", "cookie": "a=b"}
                answer = await router.send(path, body, headers=sent)
                assert answer.status == 200, answer.body
                assert answer.text.strip() == "System:"  # no prompt of somebody else's
    for attempt in upstream.requests:
        assert attempt.headers["user-agent"] == USER_AGENT
        told = json.dumps([dict(attempt.headers), attempt.body]).lower()
        assert not [word for word in FORGED if word in told]
        assert not {"x-app", "cookie", "originator"} & set(attempt.headers)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_is_turned_away_is_told_the_vendors_reason(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    tokens = {f"{provider}/a": "oat-sim-foreign-canary" for provider in HOSTS}
    async with subscribed(upstream, tmp_path, tokens=tokens) as router:
        for provider in HOSTS:
            answer = await router.ask(dialect, named(provider), stream=True)
            assert answer.status == 403, (provider, answer.body)
            text = error_text(dialect, answer.json)
            assert "authorized" in text or "disabled" in text or "deactivated" in text or "only available" in text
            assert b"canary" not in answer.body
            sent = len(upstream.requests)
            again = await router.ask(dialect, named(provider), stream=True)
            assert again.status == 403, (provider, again.body)  # as before, and the provider is not asked any more
            assert again.headers.get("retry-after") is None
            assert len(upstream.requests) == sent
        ready = (await router.send("/readyz")).json
        told = {cause["text"].partition(" ")[0] for cause in ready["causes"] if cause["cause"] == "refused"}
        assert told == set(HOSTS)
    assert "canary" not in router.log


@pytest.mark.parametrize("provider", HOSTS)
async def test_an_account_that_is_turned_away_is_left_alone_while_another_serves(
    upstream: Upstream, tmp_path: Path, provider: str
) -> None:
    tokens = {f"{provider}/a": "oat-sim-foreign-canary"}
    async with subscribed(upstream, tmp_path, "a", "b", tokens=tokens) as router:
        for _ in range(4):
            assert (await router.ask("chat", named(provider))).status == 200
    assert [attempt.status for attempt in upstream.requests].count(403) == 1


@pytest.mark.parametrize("provider", HOSTS)
async def test_a_cut_is_an_error_of_the_callers_dialect(upstream: Upstream, tmp_path: Path, provider: str) -> None:
    async with subscribed(upstream, tmp_path, changes={"retry": {"resume": "error"}}) as router:
        for dialect in DIALECTS:
            upstream.script(cut(events=16))
            answer = await router.ask(dialect, named(provider), "LONG 40", stream=True)
            assert answer.status == 200
            assert answer.text.startswith("word-000000")
            assert "word-000039" not in answer.text
            assert b'"error"' in answer.body
            assert (await router.ask(dialect, named(provider))).status == 200


@pytest.mark.parametrize("provider", HOSTS)
async def test_a_cut_is_mended_by_the_same_provider_where_there_is_no_other(
    upstream: Upstream, tmp_path: Path, provider: str
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for dialect in DIALECTS:
            upstream.script(cut(events=16))
            answer = await router.ask(dialect, named(provider), "LONG 40", stream=True)
            assert answer.text == "".join(f"word-{number:06} " for number in range(40))
            assert b'"error":{' not in answer.body.replace(b" ", b"")


async def test_an_account_has_names_of_its_own_for_models(upstream: Upstream, tmp_path: Path) -> None:
    aliases = {f"my-{provider}-model": model for provider, model in MODELS.items()}
    async with subscribed(upstream, tmp_path, aliases=aliases) as router:
        for provider in HOSTS:
            for dialect in DIALECTS:
                answer = await router.ask(dialect, f"{provider}/my-{provider}-model")
                assert answer.status == 200, answer.body
                assert f"{provider}/my-{provider}-model" in answer.body.decode()
                assert upstream.requests[-1].body["model"] == MODELS[provider]


async def test_copilot_embeds_and_the_others_say_that_they_do_not(upstream: Upstream, tmp_path: Path) -> None:
    aliases = {"mine": "text-embedding-3-small"}
    async with subscribed(upstream, tmp_path, aliases=aliases) as router:
        for provider in HOSTS:
            for name in ("text-embedding-3-small", "mine"):
                answer = await router.send("/v1/embeddings", {"model": f"{provider}/{name}", "input": ["a", "b"]})
                if provider == "copilot":
                    assert (answer.status, len(answer.json["data"])) == (200, 2)
                    assert upstream.requests[-1].body["model"] == "text-embedding-3-small"
                else:
                    assert 400 <= answer.status < 500
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(("provider", "fact"), [("qwen-oauth", "resource_url"), ("copilot", "base_url")])
async def test_a_token_goes_to_no_address_that_is_not_the_vendors(
    upstream: Upstream, tmp_path: Path, provider: str, fact: str
) -> None:
    async with Upstream() as evil:
        facts = {f"{provider}/a": {fact: evil.base_url(HOSTS[provider])}}
        async with subscribed(upstream, tmp_path, facts=facts) as router:
            assert (await router.ask("chat", named(provider))).status == 200
        assert evil.requests == []


async def test_the_same_request_gives_the_same_bytes(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        for provider in HOSTS:
            for dialect in DIALECTS:
                first, second = [await self_sent(router, dialect, named(provider)) for _ in range(2)]
                assert first == second


async def self_sent(router: Running, dialect: str, model: str) -> bytes:
    assert (await router.ask(dialect, model, "once more")).status == 200
    return router.upstream.requests[-1].request.body


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_limit_moves_on_to_the_next_account(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with subscribed(upstream, tmp_path, "a", "b") as router:
        for provider in HOSTS:
            upstream.script(status(429, retry_after="600"))
            answer = await router.ask(dialect, named(provider))
            assert (answer.status, answer.headers["x-switchyard-attempts"]) == (200, "2")
