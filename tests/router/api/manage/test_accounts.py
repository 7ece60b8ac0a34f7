"""One account by management: asked, forgiven, and called by hand at its own origin only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.router.api.harness import ANTHROPIC_KEY, GEMINI_KEY, OPENAI_KEYS, Running, ask, running
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.parrot import said
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import status
from tests.simulators.server import Attempt

ACCOUNTS = {
    "openai/1": OPENAI_KEYS[0],
    "openai/2": OPENAI_KEYS[1],
    "anthropic/1": ANTHROPIC_KEY,
    "gemini/1": GEMINI_KEY,
}


LISTED = {
    "providers": {
        "openai": {"models": [{"name": "text-embedding-3-small"}, {"name": "gpt-4o"}, {"name": "gpt-4.1"}]},
        "anthropic": {"models": [{"name": "claude-sonnet-4-5"}]},
        "gemini": {"models": [{"name": "gemini-2.5-flash"}]},
    }
}


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_a_probe_asks_with_this_very_account(upstream: Upstream, tmp_path: Path, account: str) -> None:
    async with running(upstream, tmp_path, LISTED) as desk:
        await _probed(desk, account)


async def _probed(desk: Running, account: str) -> None:
    told = (await manage(desk, "POST", f"/accounts/{account}/probe")).json
    assert told["ok"] is True and told["state"] == "ready" and told["kind"] == "", told
    assert f"{account} answered" in told["text"]
    assert [each.key for each in desk.upstream.requests] == [ACCOUNTS[account]]
    cheapest = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
    assert told["model"] == cheapest[account.partition("/")[0]]


async def test_where_no_model_is_listed_one_is_asked_for(desk: Running) -> None:
    answer = await manage(desk, "POST", "/accounts/openai/1/probe")
    assert answer.status == 409 and "give `model`" in answer.json["error"]["message"]


async def test_a_probe_is_accounted_for_and_audited(desk: Running) -> None:
    told = (await manage(desk, "POST", "/accounts/openai%2F1/probe", {"model": "gpt-4.1"})).json
    assert told["model"] == "gpt-4.1"
    call = (await manage(desk, "GET", "/calls")).json["calls"][0]
    assert (call["account"], call["key"], call["asked"]) == ("openai/1", "management", "gpt-4.1")
    assert desk.upstream.requests[0].body["max_tokens"] <= 16
    await desk.stop()
    lines = [json.loads(line) for line in (desk.state / "audit.jsonl").read_text().splitlines()]
    managed = [line for line in lines if line["what"] == "managed"]
    assert [(line["who"], line["account"], line["reason"]) for line in managed] == [
        ("management", "openai/1", "account_probe")
    ]


async def test_a_probe_says_why_there_is_no_answer_and_changes_nothing(desk: Running) -> None:
    desk.upstream.always(status(401, message="Incorrect API key provided"), key=OPENAI_KEYS[0])
    told = (await manage(desk, "POST", "/accounts/openai/1/probe", {"model": "gpt-4.1"})).json
    assert (told["ok"], told["kind"], told["status"], told["state"]) == (False, "upstream_auth", 401, "ready")
    assert "Incorrect API key" in told["text"]
    for model, code in (("claude-sonnet-4-5", 200), ("no such name \u0007", 400)):
        answer = await manage(desk, "POST", "/accounts/openai/1/probe", {"model": model})
        assert answer.status == code, answer.body


async def test_a_reset_has_an_account_serve_again(desk: Running) -> None:
    desk.upstream.always(status(429, retry_after="90"), host="anthropic")
    assert (await desk.send(*ask("messages", "claude-sonnet-4-5"))).status == 429
    desk.upstream.behave()
    assert (await desk.send(*ask("messages", "claude-sonnet-4-5"))).status == 429  # it rests
    probed = (await manage(desk, "POST", "/accounts/anthropic/1/probe", {"model": "claude-sonnet-4-5"})).json
    assert probed["ok"] is True
    assert (await desk.send(*ask("messages", "claude-sonnet-4-5"))).status == 429  # a probe changes nothing
    told = (await manage(desk, "POST", "/accounts/anthropic/1/reset")).json
    assert told["state"] == "ready"
    assert (await desk.send(*ask("messages", "claude-sonnet-4-5"))).status == 200


async def test_a_call_goes_to_the_origin_of_the_account_with_its_credential(desk: Running) -> None:
    told = (await manage(desk, "POST", "/accounts/openai/2/call", {"path": "/openai/v1/models?limit=3"})).json
    assert told["status"] == 200 and "gpt-4.1" in told["body"] and told["cut"] is False
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hi"}]}
    wanted = {"method": "POST", "path": "/openai/v1/chat/completions", "body": body}
    assert (await manage(desk, "POST", "/accounts/openai/2/call", wanted)).json["status"] == 200
    first, second = desk.upstream.requests
    assert (first.key, second.key) == (OPENAI_KEYS[1], OPENAI_KEYS[1])
    assert second.body == body
    missing = (await manage(desk, "POST", "/accounts/gemini/1/call", {"path": "/gemini/v1beta/nothing"})).json
    assert missing["status"] == 404  # the provider's answer, not ours
    await desk.stop()
    text = (desk.state / "audit.jsonl").read_text()
    assert "account_call POST /openai/v1/chat/completions" in text
    assert "limit=3" not in text


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v1/models",
        "@evil.example/x",
        "http://evil.example/",
        "/a b",
        "/a\\b",
        "/a\r\nx: y",
        "/a#b",
        "/\u00e9",
        "/a\n",
    ],
)
async def test_a_path_can_lead_nowhere_else(desk: Running, path: str) -> None:
    answer = await manage(desk, "POST", "/accounts/openai/1/call", {"path": path})
    assert answer.status == 400, answer.body
    assert desk.upstream.requests == []


async def test_what_looks_like_a_host_in_the_path_is_a_path(desk: Running) -> None:
    for path in ("//evil.example/x", "/@evil.example", "/.evil.example", "/:80@evil.example/"):
        answer = await manage(desk, "POST", "/accounts/openai/1/call", {"path": path})
        assert answer.status == 200 and answer.json["status"] == 404, path
    assert len(desk.upstream.requests) == 4


class Chatty(Upstream):
    """Repeats every secret it is sent, and says a lot."""

    def _choose(self, attempt: Attempt) -> Misbehaviour:
        words = f"{said(attempt.request)} sk-other-secret-0123456789 {'x' * 400_000}"
        return Misbehaviour(status=200, body=words.encode(), content_type="text/plain")


@pytest.mark.parametrize("account", ["openai/1", "gemini/1"])  # one key that looks like a secret, and one that does not
async def test_secrets_are_masked_and_long_answers_cut(tmp_path: Path, account: str) -> None:
    async with Chatty() as upstream, running(upstream, tmp_path, {}) as desk:
        told = (await manage(desk, "POST", f"/accounts/{account}/call", {"path": "/v1/models"})).json
    assert told["cut"] is True and len(told["body"]) <= 256 * 1024
    assert ACCOUNTS[account] not in told["body"] and "0123456789" not in told["body"]
    assert told["body"].startswith(("***", "Bearer ***")) and "sk-***" in told["body"]


async def test_only_an_admin_calls_by_hand(desk: Running) -> None:
    operator = await made_key(desk, "helper", "operator")
    answer = await manage(desk, "POST", "/accounts/openai/1/call", {"path": "/openai/v1/models"}, key=operator)
    assert answer.status == 403
    assert (await manage(desk, "POST", "/accounts/openai/1/probe", {"model": "gpt-4.1"}, key=operator)).status == 200


async def test_an_account_that_is_not_there_or_serves_nothing(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        for what, body in (("probe", {}), ("reset", {}), ("call", {"path": "/"})):
            answer = await manage(router, "POST", f"/accounts/openai/9/{what}", body)
            assert answer.status == 404 and "no account" in answer.json["error"]["message"]
