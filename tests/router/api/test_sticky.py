"""A conversation stays at one account: seen by the keys that the provider gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, MODELS, OPENAI_KEYS, OTHER, Running, ask, running
from tests.simulators import Upstream
from tests.simulators.faulty import status

KEYS = [*OPENAI_KEYS, "sk-sim-openai-canary-c"]
LONG = "Answer with care. " * 300
ACCOUNTS: dict[str, Any] = {
    "providers": {
        "openai": {"api_keys": KEYS},
        "anthropic": {"api_keys": ["sk-ant-sim-canary-a", "sk-ant-sim-canary-b", "sk-ant-sim-canary-c"]},
        "gemini": {"api_keys": ["AIzaSim-canary-a", "AIzaSim-canary-b", "AIzaSim-canary-c"]},
    }
}


async def keys_of(router: Running, calls: list[tuple[str, Any]], **headers: str) -> list[str]:
    """The keys that served these calls, one after another."""
    before = len(router.upstream.requests)
    for path, body in calls:
        answer = await router.send(path, body, headers=headers)
        assert answer.status == 200, answer.body
    return [attempt.key for attempt in router.upstream.requests[before:]]


def conversation(dialect: str, model: str, first: str, rounds: int) -> list[tuple[str, Any]]:
    """The requests of one conversation, each with all that was said before."""
    calls = []
    for count in range(1, rounds + 1):
        texts = [text for at in range(count) for text in (f"{first} {at}", f"answer {at}")][:-1]
        path, body = ask(dialect, model)
        roles = ("user", "model" if dialect == "gemini" else "assistant")
        if dialect == "gemini":
            body["systemInstruction"] = {"parts": [{"text": LONG}]}
            body["contents"] = [{"role": roles[at % 2], "parts": [{"text": text}]} for at, text in enumerate(texts)]
        else:
            said = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
            body |= {
                "chat": {"messages": [{"role": "system", "content": LONG}, *said]},
                "messages": {"messages": said, "system": LONG},
                "responses": {"input": said, "instructions": LONG},
            }[dialect]
        calls.append((path, body))
    return calls


async def test_the_story_says_what_kept_a_conversation_at_its_account(upstream: Upstream, tmp_path: Path) -> None:
    """Flipping the setting changes what is told, as it changes who is asked."""
    for kept in (True, False):
        changes = ACCOUNTS | {"routing": {"sticky": {"enabled": kept}}}
        async with running(upstream, tmp_path / str(kept), changes) as router:
            await keys_of(router, conversation("chat", MODELS["chat"], "hello", 3))
            told = [row.attempts[0].chosen for row in router.router._recent.newest()]
        turn = "it is its turn (round_robin)"
        assert told == (["it has served this conversation before"] * 2 + [turn] if kept else [turn] * 3)


@pytest.mark.parametrize("models", [MODELS, OTHER])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_conversation_that_repeats_itself_stays_at_its_account(
    upstream: Upstream, tmp_path: Path, dialect: str, models: dict[str, str]
) -> None:
    async with running(upstream, tmp_path, ACCOUNTS) as router:
        homes = []
        for first in ("one", "two", "three"):
            used = await keys_of(router, conversation(dialect, models[dialect], first, 4))
            assert len(set(used)) == 1
            homes.append(used[0])
        assert len(set(homes)) > 1  # and conversations are spread


@pytest.mark.parametrize(
    ("dialect", "more", "headers"),
    [
        ("messages", {}, {"x-claude-code-session-id": "s-1"}),
        ("responses", {}, {"session-id": "s-1"}),
        ("responses", {}, {"thread-id": "s-1"}),
        ("responses", {"prompt_cache_key": "s-1"}, {}),
        ("chat", {"prompt_cache_key": "s-1"}, {}),
        ("messages", {"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": "0a1b2c3d-4e5f"})}}, {}),
    ],
)
async def test_a_session_that_the_client_names_stays_at_its_account(
    upstream: Upstream, tmp_path: Path, dialect: str, more: dict[str, Any], headers: dict[str, str]
) -> None:
    async with running(upstream, tmp_path, ACCOUNTS) as router:
        calls = [ask(dialect, MODELS[dialect], f"question {at}", **more) for at in range(5)]
        assert len(set(await keys_of(router, calls, **headers))) == 1


async def test_short_requests_without_a_name_are_spread(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ACCOUNTS) as router:
        assert len(set(await keys_of(router, [ask("chat", "gpt-4.1")] * 6))) == 3


async def test_a_conversation_moves_when_its_account_cannot_serve_and_stays_there(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, ACCOUNTS) as router:
        calls = conversation("chat", "gpt-4.1", "one", 8)
        home = (await keys_of(router, calls[:2]))[0]
        upstream.script(status(429, retry_after="1"), key=home)
        failed, *moved = await keys_of(router, calls[2:5])
        assert failed == home
        assert home not in moved
        assert len(set(moved)) == 1
        health = router.router._health
        health.forget(next(account for account, _, _ in health._entries if account))
        assert set(await keys_of(router, calls[5:])) == set(moved)


async def test_two_providers_of_one_rank_share_conversations_not_turns(upstream: Upstream, tmp_path: Path) -> None:
    backup = {"name": "backup", "base_url": upstream.base_url("openai"), "api_keys": ["sk-sim-backup"]}
    settings = {
        "providers": {"openai": {"api_keys": KEYS[:1]}, "openai_compatible": [backup]},
        "models": {"routing": [{"pattern": "^gpt", "providers": [["openai", "backup"]]}]},
    }
    async with running(upstream, tmp_path, settings) as router:
        homes = set()
        for first in ("one", "two", "three", "four"):
            used = set(await keys_of(router, conversation("chat", "gpt-4.1", first, 3)))
            assert len(used) == 1
            homes |= used
        assert homes == {KEYS[0], "sk-sim-backup"}


async def test_conversations_are_remembered_over_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    calls = conversation("responses", "gpt-4.1", "one", 6)
    async with running(upstream, tmp_path, ACCOUNTS) as router:
        home = (await keys_of(router, calls[:3]))[0]
    for _ in range(2):
        async with running(upstream, tmp_path, ACCOUNTS) as router:
            await router.until(lambda: router.router._gateway.sessions._owners)
            await keys_of(router, [ask("responses", "gpt-4.1")])  # others take turns meanwhile
            assert set(await keys_of(router, calls[3:])) == {home}
