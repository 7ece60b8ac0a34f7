"""Accounts by API key over management: tried, kept encrypted, serving at once, changed and forgotten like sign-ins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import (
    ANTHROPIC_KEY,
    GEMINI_KEY,
    KEY,
    MANAGEMENT,
    OPENAI_KEYS,
    Answer,
    Running,
    ask,
    running,
)
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream
from tests.simulators.faulty import status

GOOD = {"openai": OPENAI_KEYS[0], "anthropic": ANTHROPIC_KEY, "gemini": GEMINI_KEY, "groq": OPENAI_KEYS[0]}
WRONG = "sk-wrong-canary-0123456789"


def nothing(upstream: Upstream) -> dict[str, Any]:
    """Settings without a key of any provider; their addresses are simulated."""
    blocks = {name: {"api_keys": [], "base_url": upstream.base_url(name)} for name in ("openai", "anthropic", "gemini")}
    return {"providers": {**blocks, "groq": {"base_url": upstream.base_url("openai")}}}


@pytest.fixture
async def bare(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, nothing(upstream)) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def add(router: Running, provider: str, key: str = "", **more: str) -> Answer:
    return await manage(router, "POST", "/accounts", {"provider": provider, "key": key or GOOD[provider], **more})


async def stored(router: Running, method: str, account: str, body: Any = None) -> Answer:
    return await router.send(
        f"/v1/auth/{account}", body, method=method, headers={"authorization": f"Bearer {MANAGEMENT}"}
    )


async def shown(router: Running) -> dict[str, Any]:
    return {each["account"]: each for each in (await manage(router, "GET", "/accounts")).json["accounts"]}


@pytest.mark.parametrize(
    ("provider", "model", "dialect"),
    [
        ("openai", "gpt-4.1", "chat"), ("anthropic", "claude-sonnet-4-5", "messages"),
        ("gemini", "gemini-2.5-flash", "gemini"), ("groq", "gpt-4.1", "chat"),
    ],
)  # fmt: skip
async def test_an_added_key_serves_at_once_is_forgotten_and_serves_no_more(
    bare: Running, provider: str, model: str, dialect: str
) -> None:
    path, body = ask(dialect, model)
    name = f"{provider}/{model}"
    if dialect == "gemini":
        path = path.replace(model, name)
    else:
        body["model"] = name
    before = await bare.send(path, body)
    assert before.status == 503 and "no API key" in before.body.decode(), before.body
    made = await add(bare, provider)
    assert made.status == 200, made.body
    assert (made.json["account"], made.json["checked"]) == (f"{provider}/default", "listed")
    assert (await bare.send(path, body)).status == 200
    assert [each.key for each in bare.upstream.requests] == [GOOD[provider]] * 2  # its list, and the call
    one = (await shown(bare))[f"{provider}/default"]
    assert (one["kind"], one["owner"], one["state"], one["requests"]) == ("key", "ours", "ready", 1)
    forgotten = await stored(bare, "DELETE", f"{provider}/default")
    assert forgotten.status == 200, forgotten.body
    assert f"{provider}/default" not in await shown(bare)
    assert (await bare.send(path, body)).status == 503


async def test_a_key_is_tried_with_a_model_where_one_is_known(bare: Running) -> None:
    made = (await add(bare, "openai", model="gpt-4.1")).json
    assert made["checked"] == "answered" and "gpt-4.1 answered" in made["text"]
    call = (await manage(bare, "GET", "/calls")).json["calls"][0]
    assert (call["account"], call["outcome"], call["asked"]) == ("openai/default", "ok", "gpt-4.1")
    wrong = await add(bare, "anthropic", model="no-such-model-there")
    assert wrong.status == 422 and "with this model" in wrong.json["error"]["message"]
    assert "anthropic/default" not in await shown(bare)


@pytest.mark.parametrize("more", [{}, {"model": "gpt-4.1"}])
async def test_a_key_that_the_provider_rejects_is_not_kept(bare: Running, more: dict[str, str]) -> None:
    refused = await add(bare, "openai", WRONG, **more)
    assert refused.status == 422 and "does not take this key" in refused.json["error"]["message"]
    assert WRONG not in refused.body.decode()
    assert "openai/default" not in await shown(bare)
    assert list((bare.state.parent / "accounts").glob("*.json")) == []


async def test_a_key_that_cannot_be_tried_now_is_kept_and_said_so(bare: Running) -> None:
    bare.upstream.always(status(529), host="openai")
    made = (await add(bare, "openai", model="gpt-4.1")).json
    assert made["checked"] == "unknown" and "could not be tried" in made["text"]
    assert (await shown(bare))["openai/default"]["owner"] == "ours"


async def test_it_is_encrypted_outlives_the_process_and_stands_in_no_log(bare: Running) -> None:
    assert (await add(bare, "openai", label="work")).status == 200
    (file,) = (bare.state.parent / "accounts").glob("openai-*.json")
    written = json.loads(file.read_text())
    assert (written["provider"], written["label"]) == ("openai", "work") and "sealed" in written
    assert GOOD["openai"] not in file.read_text()
    changed = await stored(bare, "PATCH", "openai/work", {"disabled": True})
    assert changed.status == 200 and (await shown(bare))["openai/work"]["state"] == "disabled"
    await bare.stop()
    audit = (bare.state / "audit.jsonl").read_text()
    assert '"added"' in audit
    assert bare.log and GOOD["openai"] not in audit + bare.log
    async with running(bare.upstream, bare.state.parent, nothing(bare.upstream)) as again:
        assert (await shown(again))["openai/work"]["state"] == "disabled"


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"provider": "nobody", "key": "sk-1"}, 400, "openrouter"),
        ({"provider": "ollama", "key": "sk-1"}, 400, "into the settings"),
        ({"provider": "claude-oauth", "key": "sk-1"}, 400, "No API key"),
        ({"provider": "openai", "key": "  "}, 400, "empty"),
        ({"provider": "openai", "key": "sk-\nx"}, 400, "control character"),
        ({"provider": "openai", "key": "sk-ä"}, 400, "not ASCII"),
        ({"provider": "openai", "key": "sk-1", "label": "a b"}, 400, "no spaces"),
        ({"provider": "openai", "key": "sk-1", "base_url": "http://elsewhere"}, 400, "base_url"),
        ({"provider": "openai", "key": OPENAI_KEYS[1]}, 409, "openai/2 has this key already"),
        ({"provider": "openai", "key": "sk-1", "label": "1"}, 409, "already"),
        ({"provider": "gemini", "key": "sk-1"}, 409, "switched off"),
    ],
)
async def test_what_is_no_key_is_refused_with_the_reason(
    upstream: Upstream, tmp_path: Path, body: dict[str, str], code: int, word: str
) -> None:
    async with running(upstream, tmp_path, {"providers": {"gemini": {"enabled": False}}}) as router:
        refused = await manage(router, "POST", "/accounts", body)
        assert refused.status == code and word in refused.json["error"]["message"], refused.body
        assert not any(each["owner"] == "ours" for each in (await shown(router)).values())


async def test_a_second_key_gets_a_name_of_its_own_and_the_same_one_is_refused(bare: Running) -> None:
    assert (await add(bare, "openai")).json["account"] == "openai/default"
    assert (await add(bare, "openai", OPENAI_KEYS[1])).json["account"] == "openai/default-2"
    again = await add(bare, "openai", OPENAI_KEYS[1], label="third")
    assert again.status == 409 and "openai/default-2 has this key" in again.json["error"]["message"]


async def test_added_keys_stand_beside_those_of_the_settings(upstream: Upstream, tmp_path: Path) -> None:
    written = {"providers": {"openai": {"api_keys": [OPENAI_KEYS[1]]}}}
    async with running(upstream, tmp_path, written) as router:
        assert (await add(router, "openai")).status == 200
        for _ in range(3):
            assert (await router.send(*ask("chat", "gpt-4.1"))).status == 200
        assert {each.key for each in upstream.requests} == set(OPENAI_KEYS)
        told = (await manage(router, "GET", "/accounts/providers")).json["providers"]
        listed = {each["provider"]: each for each in told}
        assert listed["openai"]["accounts"] == 2 and listed["openai"]["address"] == upstream.base_url("openai")
        assert "ollama" not in listed and listed["openrouter"]["reason"] == ""


async def test_only_an_admin_adds_and_a_client_key_sees_nothing(bare: Running) -> None:
    operator = await made_key(bare, "helper", "operator")
    body = {"provider": "openai", "key": GOOD["openai"]}
    assert (await manage(bare, "POST", "/accounts", body, key=operator)).status == 403
    assert (await manage(bare, "POST", "/accounts", body, key=KEY)).status in (401, 403)
    assert (await manage(bare, "GET", "/accounts/providers", key=operator)).status == 200


async def test_keys_that_are_tried_at_the_same_moment_get_names_of_their_own(bare: Running) -> None:
    made = await asyncio.gather(*(add(bare, "openai", key) for key in OPENAI_KEYS))
    assert [each.status for each in made] == [200] * len(OPENAI_KEYS)
    names = {each.json["account"] for each in made}
    assert names == {"openai/default", *(f"openai/default-{at}" for at in range(2, len(OPENAI_KEYS) + 1))}
    assert names <= set(await shown(bare)), "none went for another one"
    same = await asyncio.gather(*(add(bare, "groq", label=label) for label in ("one", "two")))
    assert sorted(each.status for each in same) == [200, 409]
    assert sum(each.startswith("groq/") for each in await shown(bare)) == 1


async def test_a_name_whose_key_was_rejected_is_free_again(bare: Running) -> None:
    assert (await add(bare, "openai", WRONG, label="work")).status == 422
    assert (await add(bare, "openai", label="work")).status == 200
