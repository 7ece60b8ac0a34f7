"""Keys that may not use everything: what is refused, in whose words, and what lists show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, KEY, MANAGEMENT, MODELS, OPENAI_KEYS, error_text, running
from tests.router.api.manage.desk import manage
from tests.simulators import Upstream
from tests.simulators.faulty import status

NARROW = "sk-client-canary-narrow"
HEADERS = {"authorization": f"Bearer {NARROW}"}


def narrow(**rights: Any) -> dict[str, Any]:
    entries = [{"name": "tester", "key": KEY}, {"name": "narrow", "key": NARROW, **rights}]
    return {"auth": {"keys": entries}, "models": {"aliases": {"quick": "gpt-4.1", "deep": "claude-sonnet-4-5"}}}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_model_that_is_not_allowed_is_a_403_that_names_the_rule(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, narrow(models=["some-other-*"])) as router:
        answer = await router.ask(dialect, MODELS[dialect], headers=HEADERS)
        text = error_text(dialect, answer.json)
        assert (answer.status, len(upstream.requests)) == (403, 0)
        assert "'narrow'" in text and "auth.keys[].models" in text
        assert (await router.ask(dialect, MODELS[dialect])).status == 200


async def test_a_name_is_allowed_by_itself_or_by_the_model_that_answers(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, narrow(models=["gpt-4*", "deep"])) as router:
        for name in ("gpt-4.1", "openai/gpt-4.1", "quick", "deep"):
            assert (await router.ask("chat", name, headers=HEADERS)).status == 200, name
        for name in ("gpt-5.2", "claude-sonnet-4-5", "openai/gpt-5.2"):
            assert (await router.ask("chat", name, headers=HEADERS)).status == 403, name


async def test_a_provider_that_is_not_allowed_is_passed_over_and_never_pinned(
    upstream: Upstream, tmp_path: Path
) -> None:
    changes = narrow(providers=["anthropic"])
    changes["models"]["aliases"]["both"] = ["gpt-4.1", "claude-sonnet-4-5"]
    async with running(upstream, tmp_path, changes) as router:
        answer = await router.ask("chat", "both", headers=HEADERS)
        assert (answer.status, answer.headers["x-switchyard-provider"]) == (200, "anthropic")
        refused = await router.ask("chat", "gpt-4.1", headers=HEADERS)
        assert refused.status == 403 and "auth.keys[].providers" in error_text("chat", refused.json)
        pinned = await router.ask("chat", "both", headers={**HEADERS, "x-switchyard-provider": "openai"})
        assert pinned.status == 403


@pytest.mark.parametrize(
    ("rights", "lost", "fewer"),
    [
        ({}, {}, []),
        ({"models": ["gpt-*"]}, {"anthropic": "the model 'claude-sonnet-4-5' (setting auth.keys[].models)"}, []),
        ({"providers": ["anthropic"]}, {"openai": "provider 'openai' (setting auth.keys[].providers)"}, []),
        ({"accounts": ["openai/2"]}, {"anthropic": "no account of 'anthropic' that there is"}, [["openai/2"]]),
        ({"substitution": "never"}, {"anthropic": "another model than the one that was asked for"}, []),
    ],
)  # fmt: skip
async def test_a_plan_tells_what_it_loses_by_the_key_and_calls_go_as_it_says(
    upstream: Upstream, tmp_path: Path, rights: dict[str, Any], lost: dict[str, str], fewer: list[list[str]]
) -> None:
    changes = narrow(**rights)
    changes["models"]["aliases"]["both"] = ["gpt-4.1", "claude-sonnet-4-5"]
    changes["providers"] = {"openai": {"api_keys": list(OPENAI_KEYS)}}
    async with running(upstream, tmp_path, changes) as router:
        told = await router.management("explain?model=both&key=narrow")
        key = told["key"]
        assert (key["name"], key["of"]) == ("narrow", 2)
        assert [each["provider"] for each in key["lost"]] == list(lost)
        assert all(lost[each["provider"]] in each["reason"] for each in key["lost"])
        assert [each["accounts"] for each in key["fewer"]] == fewer and all(each["of"] > 1 for each in key["fewer"])
        able = [each["provider"] for each in told["candidates"]]
        assert able == [each for each in ("openai", "anthropic") if each not in lost]
        assert (await router.management("explain?model=both"))["key"] is None
        for provider in ("openai", "anthropic"):
            pinned = await router.ask("chat", "both", headers={**HEADERS, "x-switchyard-provider": provider})
            assert (pinned.status == 200) is (provider in able)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"}),
        ("/v1/images/generations", {"model": "gpt-image-1", "prompt": "x"}),
        ("/v1/messages/count_tokens", {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1beta/models/gemini-2.5-flash:countTokens", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
        ("/v1/completions", {"model": "gpt-4.1", "prompt": "x"}),
    ],
)
async def test_every_surface_asks_for_the_right(upstream: Upstream, tmp_path: Path, path: str, body: Any) -> None:
    async with running(upstream, tmp_path, narrow(models=["nothing-of-this"])) as router:
        assert (await router.send(path, body)).status == 200
        before = len(upstream.requests)
        assert (await router.send(path, body, headers=HEADERS)).status == 403
        assert len(upstream.requests) == before


async def test_lists_show_what_the_key_may_use(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, narrow(models=["gpt-4.1", "gpt-5*"], providers=["openai"])) as router:
        everything = {model["id"] for model in (await router.send("/v1/models")).json["data"]}
        some = {model["id"] for model in (await router.send("/v1/models", headers=HEADERS)).json["data"]}
        google = (await router.send("/v1beta/models", headers=HEADERS)).json["models"]
        assert {"quick", "deep", "demo/echo"} <= everything
        assert some == {"quick"}
        assert {model["name"].removeprefix("models/") for model in google} == some
        assert (await router.send("/v1/models/quick", headers=HEADERS)).status == 200
        assert (await router.send("/v1/models/deep", headers=HEADERS)).status == 404


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_address_is_refused_in_the_callers_dialect(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, {"policies": {"ips": {"deny": ["127.0.0.0/8"]}}}) as router:
        answer = await router.ask(dialect, MODELS[dialect])
        assert answer.status == 403 and "policies.ips.deny" in error_text(dialect, answer.json)
        wrong = await router.ask(dialect, MODELS[dialect], headers={"authorization": "Bearer guess"})
        assert wrong.status == 403  # nobody learns from there whether a key is right
        assert (await router.send("/healthz")).status == 200


async def test_a_key_has_addresses_of_its_own_behind_a_proxy(upstream: Upstream, tmp_path: Path) -> None:
    changes = narrow(ips=["203.0.113.0/24"])
    changes["policies"] = {"ips": {"trusted_proxies": ["127.0.0.1"]}}
    async with running(upstream, tmp_path, changes) as router:
        inside = {**HEADERS, "x-forwarded-for": "198.51.100.1, 203.0.113.9"}
        assert (await router.ask("chat", "gpt-4.1", headers=inside)).status == 200
        forged = {**HEADERS, "x-forwarded-for": "203.0.113.9, 198.51.100.1"}
        answer = await router.ask("chat", "gpt-4.1", headers=forged)
        assert answer.status == 403 and "'narrow'" in error_text("chat", answer.json)
        assert (await router.ask("chat", "gpt-4.1", headers={"x-forwarded-for": "198.51.100.1"})).status == 200


async def test_a_key_uses_its_own_accounts_alone(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, narrow(accounts=["openai/2", "gemini/*"])) as router:
        for _ in range(3):
            assert (await router.ask("chat", "gpt-4.1", headers=HEADERS)).status == 200
        assert {attempt.key for attempt in upstream.requests} == {OPENAI_KEYS[1]}
        upstream.requests.clear()
        upstream.always(status(429), key=OPENAI_KEYS[1])
        assert (await router.ask("chat", "gpt-4.1", headers=HEADERS)).status == 429
        assert {attempt.key for attempt in upstream.requests} == {OPENAI_KEYS[1]}
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        refused = await router.ask("messages", "claude-sonnet-4-5", headers=HEADERS)
        assert refused.status == 403 and "auth.keys[].accounts" in error_text("messages", refused.json)
        shown = {model["id"] for model in (await router.send("/v1/models", headers=HEADERS)).json["data"]}
        assert "quick" in shown and "deep" not in shown


async def test_explain_tells_what_a_key_may_have(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, narrow(models=["gpt-*"], accounts=["openai/2"])) as router:
        told = await router.management("explain?model=gpt-4.1&key=narrow")
        assert (told["outcome"]["action"], told["outcome"]["account"]) == ("serve", "openai/2")
        refused = await router.management("explain?model=claude-sonnet-4-5&key=narrow")
        assert refused["outcome"]["kind"] == "forbidden" and "auth.keys[].models" in refused["outcome"]["reason"]
        assert (await router.management("explain?model=claude-sonnet-4-5&key=tester"))["outcome"]["action"] == "serve"
        missing = await router.send(
            "/v0/management/explain?model=gpt-4.1&key=nobody", headers={"authorization": f"Bearer {MANAGEMENT}"}
        )
        assert missing.status == 404


async def test_what_a_key_may_have_is_told_to_operators(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, narrow(models=["gpt-*"])) as router:
        await router.until(lambda: router.router.recall.memory)
        for scope, status in (("viewer", 403), ("operator", 200)):
            key = (await manage(router, "POST", "/keys", {"name": scope, "scope": scope})).json["key"]
            for query, expected in (("&key=narrow", status), ("", 200)):
                path = f"/v0/management/explain?model=gpt-4.1{query}"
                assert (await router.send(path, headers={"authorization": f"Bearer {key}"})).status == expected


async def test_embeddings_use_the_keys_own_accounts_too(upstream: Upstream, tmp_path: Path) -> None:
    body = {"model": "text-embedding-3-small", "input": "x"}
    async with running(upstream, tmp_path, narrow(accounts=["openai/2"])) as router:
        for _ in range(3):
            assert (await router.send("/v1/embeddings", body, headers=HEADERS)).status == 200
        assert {attempt.key for attempt in upstream.requests} == {OPENAI_KEYS[1]}


async def test_a_smaller_model_is_no_way_round_the_rights(upstream: Upstream, tmp_path: Path) -> None:
    changes = narrow(providers=["openai"])
    changes["routing"] = {"quota_exceeded": "smaller_model", "smaller_models": {"gpt-4.1": "claude-sonnet-4-5"}}
    async with running(upstream, tmp_path, changes) as router:
        upstream.always(status(429), model="gpt-4.1")
        assert (await router.ask("chat", "gpt-4.1", headers=HEADERS)).status == 429
        assert (await router.ask("chat", "gpt-4.1")).status == 200
