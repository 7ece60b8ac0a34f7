"""A call that costs nothing says of each kind of account whether its provider takes it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.providers.free_check import FreeCheck
from tests.router.api.harness import OPENAI_KEYS, Running, running
from tests.router.api.manage.desk import manage
from tests.router.api.subscribed import HOSTS, subscribed, token_of
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang, status

COUNTED = ("gemini-cli", "antigravity")


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    account = tmp_path / "vertex.json"
    account.write_text(json.dumps(upstream.service_account()))
    vertex = {"service_account_files": [str(account)], "project": "p", "base_url": upstream.base_url("vertex")}
    async with running(upstream, tmp_path, {"providers": {"vertex": vertex}}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def checked(desk: Running, account: str) -> Any:
    answer = await manage(desk, "POST", f"/accounts/{account}/check")
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_good_key_of_every_kind_is_taken_and_nothing_is_generated(desk: Running) -> None:
    for account in ("openai/1", "anthropic/1", "gemini/1", "vertex/1"):
        told = await checked(desk, account)
        assert told["state"] == "taken", told
        assert (told["models"] is None) is (account == "vertex/1"), told
    paths = [each.path for each in desk.upstream.requests]
    assert all(path.endswith(("/models", ":countTokens", "/token")) for path in paths), paths
    assert (await manage(desk, "GET", "/calls")).json["calls"] == []


@pytest.mark.parametrize(
    ("bad", "state", "kind"),
    [
        (status(401, message="Incorrect API key provided"), "rejected", "upstream_auth"),
        (status(403, message="Your account has been suspended"), "refused", "refused"),
        (status(403, message="You have insufficient permissions. Missing scopes: api.model.read"), "taken", ""),
        (status(429, retry_after="90"), "limited", "rate_limited"),
        (status(429, body=b'{"error":{"message":"no money","code":"insufficient_quota"}}'), "limited", "quota_spent"),
        (status(500), "silent", "upstream_broken"),
        (status(404), "unknown", "not_found"),
        (status(200, body=b'{"object":"list","data":[]}'), "empty", ""),
        (status(200, body=b"<p>hello"), "unknown", ""),
        (hang(), "silent", "timeout"),
    ],
)
async def test_what_a_provider_says_of_a_key(desk: Running, bad: Misbehaviour, state: str, kind: str) -> None:
    if bad.hang:
        gateway = desk.router._gateway
        gateway.free_check = FreeCheck(gateway.net, gateway.runner._credentials, within=0.05)
    desk.upstream.always(bad, host="openai")
    told = await checked(desk, "openai/1")
    assert (told["state"], told["kind"]) == (state, kind), told
    assert OPENAI_KEYS[0] not in json.dumps(told)
    if bad.headers:
        assert told["retry_after"] == 90
    view = (await manage(desk, "GET", "/accounts")).json["accounts"]
    assert {each["state"] for each in view} == {"ready"}  # looking changes nothing


async def test_a_key_without_the_models_of_the_settings_is_told(upstream: Upstream, tmp_path: Path) -> None:
    changes = {"providers": {"openai": {"models": [{"name": "gpt-of-tomorrow"}]}}}
    async with running(upstream, tmp_path, changes) as desk:
        told = await checked(desk, "openai/1")
        assert told["state"] == "empty" and "gpt-of-tomorrow" in told["text"], told


async def test_sign_ins_of_every_kind_are_asked_without_a_generation(upstream: Upstream, tmp_path: Path) -> None:
    plan = {"sign_in": {"upstream": {"usage_url": f"{upstream.address}/chatgpt/usage"}}}
    ended = {f"{provider}/b": f"{token_of(provider, 'b')}-revoked" for provider in HOSTS}
    changes = {"providers": {"chatgpt_oauth": plan}}
    async with subscribed(upstream, tmp_path, "a", "b", changes=changes, tokens=ended) as desk:
        for provider in HOSTS:
            good, bad = await checked(desk, f"{provider}/a"), await checked(desk, f"{provider}/b")
            assert good["state"] == "taken", good
            assert bad["state"] == "rejected" and bad["kind"] == "upstream_auth", bad
            assert ended[f"{provider}/b"] not in bad["text"]
    asked = [each for each in upstream.requests if each.request.method == "POST"]
    assert {each.host for each in asked} == {HOSTS[name] for name in COUNTED}
    assert all(each.path.endswith(":countTokens") for each in asked)
