"""What follows where an account's limit is met, as the settings say: seen from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, OPENAI_KEYS, Running, error_text, running
from tests.simulators import Upstream
from tests.simulators.faulty import status

A, B = OPENAI_KEYS
BACKUP = "sk-sim-backup"
SMALL = {"claude-sonnet*": "claude-haiku-4-5", "gpt-4.1": "gpt-4.1-mini", "gemini-2.5-flash": "gemini-2.5-flash-lite"}


def changes(upstream: Upstream, mode: str, **routing: Any) -> dict[str, Any]:
    """Two accounts of OpenAI, then another provider of the same models."""
    backup = {"name": "backup", "base_url": upstream.base_url("openai"), "api_keys": [BACKUP]}
    return {
        "providers": {"openai_compatible": [backup]},
        "models": {"routing": [{"pattern": "^gpt", "providers": ["openai", "backup"]}]},
        "routing": {"strategy": "fill-first", "quota_exceeded": mode, **routing},
    }


def used(router: Running) -> list[str]:
    return [attempt.key for attempt in router.upstream.requests]


@pytest.mark.parametrize(
    ("mode", "answers", "keys"),
    [
        ("next_account", 200, [A, B]),
        ("next-account", 200, [A, B]),
        ("next-provider", 200, [A, BACKUP]),
        ("next_provider", 200, [A, BACKUP]),
        ("smaller-model", 200, [A, B]),
        ("fail", 429, [A]),
    ],
)
@pytest.mark.parametrize("code", [429, 402])
async def test_each_mode_asks_whom_it_says(
    upstream: Upstream, tmp_path: Path, mode: str, answers: int, keys: list[str], code: int
) -> None:
    async with running(upstream, tmp_path, changes(upstream, mode)) as router:
        upstream.script(status(code), key=A)
        answer = await router.ask("chat", "gpt-4.1")
        assert (answer.status, used(router)) == (answers, keys)


async def test_no_mode_keeps_other_faults_from_moving_on(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, changes(upstream, "fail")) as router:
        upstream.script(status(500), key=A)
        answer = await router.ask("chat", "gpt-4.1")
        assert (answer.status, used(router)) == (200, [A, B])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_smaller_model_answers_under_its_own_name_when_all_limits_are_met(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    settings = changes(upstream, "smaller_model", smaller_models=SMALL)
    async with running(upstream, tmp_path, settings) as router:
        upstream.always(status(429), model='gpt-4.1"')
        answer = await router.ask(dialect, "gpt-4.1", stream=stream)
        assert answer.status == 200
        assert "hello there" in answer.text
        assert used(router) == [A, B, BACKUP, A]
        assert answer.headers["x-switchyard-model"] == "gpt-4.1-mini"
        assert answer.headers["x-switchyard-attempts"] == "4"
        assert "changed=" in answer.headers["x-switchyard-notes"]
        assert "model" in answer.headers["x-switchyard-notes"]
        assert b"gpt-4.1-mini" in answer.body
        assert b'"gpt-4.1"' not in answer.body


async def test_a_smaller_model_answers_at_once_while_the_limits_are_known(upstream: Upstream, tmp_path: Path) -> None:
    settings = changes(upstream, "smaller_model", smaller_models=SMALL)
    async with running(upstream, tmp_path, settings) as router:
        upstream.always(status(429, retry_after="60"), model='gpt-4.1"')
        await router.ask("chat", "gpt-4.1")
        before = len(upstream.requests)
        answer = await router.ask("chat", "gpt-4.1")
        assert answer.headers["x-switchyard-model"] == "gpt-4.1-mini"
        assert len(upstream.requests) == before + 1


async def test_a_smaller_model_may_be_another_vendors(upstream: Upstream, tmp_path: Path) -> None:
    settings = changes(upstream, "smaller_model", smaller_models={"gpt-*": "claude-haiku-4-5"})
    async with running(upstream, tmp_path, settings) as router:
        upstream.always(status(429), host="openai")
        answer = await router.ask("responses", "gpt-4.1")
        assert answer.status == 200
        assert answer.headers["x-switchyard-provider"] == "anthropic"
        assert answer.json["model"] == "claude-haiku-4-5"


@pytest.mark.parametrize("header", ["1", "true"])
async def test_a_strict_caller_gets_no_other_model(upstream: Upstream, tmp_path: Path, header: str) -> None:
    settings = changes(upstream, "smaller_model", smaller_models=SMALL)
    async with running(upstream, tmp_path, settings) as router:
        upstream.always(status(429), model='gpt-4.1"')
        answer = await router.ask("chat", "gpt-4.1", headers={"x-switchyard-strict": header})
        assert answer.status == 429


async def test_without_a_smaller_model_the_limit_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, changes(upstream, "smaller_model")) as router:
        upstream.always(status(429))
        answer = await router.ask("chat", "gpt-4.1")
        assert answer.status == 429
        assert error_text("chat", answer.json)
