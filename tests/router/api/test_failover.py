"""Before the first event anything may fail over: what moves on, what does not, and what the client is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import (
    DIALECTS,
    MODELS,
    OPENAI_KEYS,
    OTHER,
    Running,
    ask,
    error_text,
    running,
)
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import cut, hang, html, refused, status

QUICK = {"server": {"timeouts": {"first_token": 0.5, "slow_first_token": 0.6, "idle": 0.5}}}
BACKUP = {
    "providers": {
        "openai": {"api_keys": [OPENAI_KEYS[0]]},
        "openai_compatible": [{"name": "backup", "base_url": "", "api_keys": ["sk-sim-backup"]}],
    },
    "models": {"routing": [{"pattern": "^gpt", "providers": ["openai", "backup"]}]},
}


def two_providers(upstream: Upstream, **more: Any) -> dict[str, Any]:
    changes: dict[str, Any] = json.loads(json.dumps(BACKUP))
    changes["providers"]["openai_compatible"][0]["base_url"] = upstream.base_url("openai")
    return {**changes, **more}


FAULTS = {
    "500": status(500),
    "529": status(529),
    "reset": refused(),
    "429": status(429),
    "429 with a hint": status(429, retry_after="30"),
    "401": status(401),
    "402": status(402),
    "403": status(403),
    "html 502": html(502),
    "html 200": html(200),
    "empty stream": cut(events=0, ending="cut"),
    "empty 200": Misbehaviour(status=200, body=b"", content_type="text/event-stream"),
    "cut before content": cut(events=1),
    "error before content": cut(events=0, ending="error"),
    "no json": Misbehaviour(status=200, body=b"not json"),
}


STREAMED = ("empty stream", "cut before content", "error before content")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failure_before_content_goes_to_the_next_account(router: Running, fault: str) -> None:
    for stream in (True,) if fault in STREAMED else (True, False):
        router.upstream.script(FAULTS[fault])
        answer = await router.ask("chat", MODELS["chat"], "kettle", stream=stream)
        assert answer.status == 200, answer.body
        assert "kettle" in answer.text
        first, second = router.upstream.requests[-2:]
        assert {first.key, second.key} == set(OPENAI_KEYS)
        assert answer.headers["x-switchyard-attempts"] == "2"
        router.router._health._entries.clear()


async def test_a_failing_provider_is_followed_by_the_next_in_the_route(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, two_providers(upstream, **QUICK)) as router:
        for number, fault in enumerate((status(500), hang(), status(404), cut(events=0), refused())):
            upstream.script(fault, key=OPENAI_KEYS[0])
            for dialect in ("chat", "messages"):
                answer = await router.ask(dialect, "gpt-4.1", f"kettle {number}", stream=True)
                assert f"kettle {number}" in answer.text, answer.body
            assert upstream.requests[-2].key in ("sk-sim-backup", OPENAI_KEYS[0])
            assert any(one.key == "sk-sim-backup" for one in upstream.requests[-3:])
            router.router._health._entries.clear()
    assert "openai:timeout" in router.log


async def test_a_refused_connection_goes_to_the_next_provider(upstream: Upstream, tmp_path: Path) -> None:
    async with Upstream() as dead:
        changes = two_providers(upstream)
        changes["providers"]["openai"]["base_url"] = dead.base_url("openai")
    async with running(upstream, tmp_path, changes) as router:
        answer = await router.ask("chat", "gpt-4.1", "kettle")
        assert "kettle" in answer.text
        assert answer.headers["x-switchyard-provider"] == "backup"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_request_fault_is_not_tried_again_and_its_text_comes_verbatim(router: Running, dialect: str) -> None:
    text = "messages.1.role: Input should be 'user' or 'assistant'"
    for code in (400, 413, 422) if dialect == "chat" else (400,):
        for model in (MODELS[dialect],) if code != 400 else (MODELS[dialect], OTHER[dialect]):
            router.upstream.script(status(code, message=text))
            before = len(router.upstream.requests)
            answer = await router.ask(dialect, model, stream=True)
            assert answer.status == code, answer.body
            assert error_text(dialect, answer.json) == text
            assert len(router.upstream.requests) == before + 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_upstream_401_is_never_a_401_for_the_client(router: Running, dialect: str) -> None:
    router.upstream.always(status(401))
    for model in (MODELS[dialect], OTHER[dialect]):
        for stream in (True, False):
            answer = await router.ask(dialect, model, stream=stream)
            assert answer.status in (502, 503)
            assert error_text(dialect, answer.json)


async def test_404_is_told_when_every_provider_says_so(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, two_providers(upstream)) as router:
        upstream.always(status(404, message="The model `gpt-4.1` does not exist"))
        answer = await router.ask("chat", "gpt-4.1")
        assert answer.status == 404
        assert {one.key for one in upstream.requests} == {OPENAI_KEYS[0], "sk-sim-backup"}
        upstream.behave()
        assert (await router.ask("chat", "gpt-4.1")).status == 200  # nothing cools


async def test_too_long_a_prompt_goes_only_to_a_larger_window(upstream: Upstream, tmp_path: Path) -> None:
    changes = two_providers(upstream)
    changes["models"]["capabilities"] = {
        "gpt-small": {"context_window": 1000},
        "gpt-4.1": {"context_window": 9_000_000},
    }
    changes["models"]["aliases"] = {"fit": ["openai/gpt-small", "backup/gpt-small", "backup/gpt-4.1"]}
    error = {"message": "This model's maximum context length is 1000 tokens.", "type": "invalid_request_error"}
    error |= {"param": "messages", "code": "context_length_exceeded"}
    long = Misbehaviour(status=400, body=json.dumps({"error": error}).encode())
    async with running(upstream, tmp_path, changes) as router:
        upstream.always(long, model="gpt-small")
        answer = await router.ask("chat", "fit")
        assert answer.status == 200
        assert [one.body["model"] for one in upstream.requests] == ["gpt-small", "gpt-4.1"]


async def test_when_all_accounts_cool_the_client_learns_when_to_come_back(router: Running) -> None:
    router.upstream.always(status(429, retry_after="33"))
    first = await router.ask("chat", MODELS["chat"])
    assert first.status == 429
    before = len(router.upstream.requests)
    for dialect in ("chat", "messages"):
        again = await router.ask(dialect, MODELS["chat"])
        assert again.status == 429
        assert 30 <= int(again.headers["retry-after"]) <= 34
        assert "openai/1" in error_text(dialect, again.json)
        assert "openai/2" in error_text(dialect, again.json)
    assert len(router.upstream.requests) == before  # nobody was asked


async def test_attempts_have_a_budget_and_the_error_says_what_was_tried(upstream: Upstream, tmp_path: Path) -> None:
    changes = two_providers(upstream, retry={"max_attempts": 3})
    changes["providers"]["openai"]["api_keys"] = [f"sk-sim-{number}" for number in range(6)]
    async with running(upstream, tmp_path, changes) as router:
        upstream.always(status(500, message="kaput"))
        answer = await router.ask("chat", "gpt-4.1")
        assert answer.status == 502
        assert "kaput" in error_text("chat", answer.json)
        assert answer.headers["x-switchyard-attempts"] == "3"
        assert len(upstream.requests) == 3


async def test_no_attempt_begins_after_the_deadline(upstream: Upstream, tmp_path: Path) -> None:
    changes = two_providers(upstream, retry={"deadline": 0.3}, **QUICK)
    async with running(upstream, tmp_path, changes) as router:
        upstream.always(hang())
        answer = await router.ask("chat", "gpt-4.1", stream=True)
        assert answer.status == 504
        assert len(upstream.requests) == 1


async def test_what_cannot_succeed_is_not_to_be_retried_by_sdks(router: Running) -> None:
    for code in (401, 500):
        router.upstream.behave()
        router.upstream.always(status(code))
        for dialect in ("chat", "responses", "messages"):
            router.router._health._entries.clear()
            answer = await router.ask(dialect, MODELS[dialect])
            assert answer.status == 502
            assert answer.headers["x-should-retry"] == "false"


async def test_no_request_id_or_rate_limit_of_an_account_reaches_the_client(router: Running) -> None:
    for dialect in DIALECTS:
        answer = await router.ask(dialect, MODELS[dialect])
        names = {name.lower() for name in answer.headers}
        assert not {name for name in names if name.startswith(("x-ratelimit", "anthropic-ratelimit", "openai-"))}
        assert ask(dialect, "x")
