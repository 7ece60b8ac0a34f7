"""Model lists in three shapes, and names: aliases, prefixes, exclusions, suffixes, pinned providers, explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, MODELS, Running, ask, error_text, running
from tests.simulators import Upstream

ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-client": "genai-py/3"}


async def test_the_list_has_the_shape_of_who_asks(router: Running) -> None:
    plain = (await router.send("/v1/models")).json
    assert plain["object"] == "list"
    ids = [entry["id"] for entry in plain["data"]]
    assert "demo/echo" in ids
    assert all(entry["object"] == "model" for entry in plain["data"])
    anthropic = (await router.send("/v1/models?limit=1000", headers=ANTHROPIC)).json
    assert [entry["type"] for entry in anthropic["data"]] == ["model"] * len(ids)
    assert anthropic["has_more"] is False
    for path, headers in (("/v1beta/models?pageSize=1000", {}), ("/v1/models?pageSize=1000", GOOGLE)):
        google = (await router.send(path, headers=headers)).json
        assert len(google["models"]) == len(ids)
        assert all(entry["name"].startswith("models/") for entry in google["models"])
    assert (await router.send("/v1/models", method="HEAD")).status == 200


async def test_lists_come_in_pages(router: Running) -> None:
    whole = [entry["id"] for entry in (await router.send("/v1/models")).json["data"]]
    seen: list[str] = []
    after = ""
    while True:
        page = (await router.send(f"/v1/models?limit=5{after}", headers=ANTHROPIC)).json
        seen += [entry["id"] for entry in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after_id={page['last_id']}"
    assert seen == whole
    seen, token = [], ""
    while True:
        page = (await router.send(f"/v1beta/models?pageSize=5{token}")).json
        seen += [entry["name"].removeprefix("models/") for entry in page["models"]]
        if "nextPageToken" not in page:
            break
        token = f"&pageToken={page['nextPageToken']}"
    assert seen == whole


async def test_one_model_can_be_looked_up_in_each_shape(router: Running) -> None:
    assert (await router.send("/v1/models/demo/echo")).json["id"] == "demo/echo"
    assert (await router.send("/v1/models/demo/echo", headers=ANTHROPIC)).json["display_name"]
    assert (await router.send("/v1beta/models/demo/echo")).json["name"] == "models/demo/echo"
    for headers, dialect in (({}, "chat"), (ANTHROPIC, "messages"), (GOOGLE, "gemini")):
        missing = await router.send("/v1/models/nobody", headers=headers)
        assert missing.status == 404
        assert "nobody" in error_text(dialect, missing.json)


RULES: dict[str, Any] = {
    "models": {
        "aliases": {"quick": "gpt-4.1", "deep": "gpt-5.2(high)"},
        "exclusions": ["gpt-5-mini"],
        "routing": [{"pattern": "^fast-", "providers": ["gemini"]}],
    },
    "providers": {
        "openai": {"prefix": "oa", "models": ["gpt-4.1", "gpt-5.2", "gpt-5-mini"]},
        "anthropic": {"models": [{"name": "claude-sonnet-4-5", "alias": "sonnet"}]},
    },
}


async def test_names_lead_where_the_settings_say(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, RULES) as router:
        for name, provider, served in (
            ("quick", "openai", "gpt-4.1"),
            ("oa/gpt-4.1", "openai", "gpt-4.1"),
            ("openai/gpt-4.1", "openai", "gpt-4.1"),
            ("sonnet", "anthropic", "claude-sonnet-4-5"),
            ("gemini/gemini-2.5-flash", "gemini", "gemini-2.5-flash"),
        ):
            for dialect in DIALECTS:
                answer = await router.ask(dialect, name.replace("/", "%2F") if dialect == "gemini" else name)
                assert answer.status == 200, (name, answer.body)
                assert answer.headers["x-switchyard-provider"] == provider
                assert answer.headers["x-switchyard-model"] == served
                shown = answer.json.get("model", answer.json.get("modelVersion"))
                assert shown == name  # clients compare it with what they asked for
        listed = [entry["id"] for entry in (await router.send("/v1/models")).json["data"]]
        assert {"quick", "deep", "sonnet"} <= set(listed)
        assert not any("gpt-5-mini" in name for name in listed)
        refused = await router.ask("chat", "gpt-5-mini")
        assert refused.status == 404
        assert "models.exclusions" in error_text("chat", refused.json)


async def test_a_suffix_changes_how_much_the_upstream_is_told_to_think(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, RULES) as router:
        await router.ask("chat", "openai/gpt-5.2(low)")
        assert upstream.requests[-1].body["reasoning_effort"] == "low"
        await router.ask("chat", "deep")
        assert upstream.requests[-1].body["reasoning_effort"] == "high"
        await router.ask("messages", "gemini-2.5-flash(2048)")
        config = upstream.requests[-1].body["generationConfig"]
        assert config["thinkingConfig"]["thinkingBudget"] == 2048
        path, body = ask("gemini", "gemini-2.5-flash(1024)")
        assert (await router.send(path, body)).status == 200
        assert upstream.requests[-1].body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 1024


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_pinned_provider_serves_or_nobody_does(router: Running, dialect: str) -> None:
    path, body = ask(dialect, MODELS[dialect], "kettle")
    home = {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}[dialect]
    for pinned in (f"/v1/providers/{home}/{path.lstrip('/')}", f"/v1/providers/{home}{path.replace('/v1/', '/')}"):
        answer = await router.send(pinned, body)
        assert answer.status == 200, answer.body
        assert answer.headers["x-switchyard-provider"] == home
    answer = await router.send(path, body, headers={"x-switchyard-provider": home})
    assert answer.headers["x-switchyard-provider"] == home
    for answer in (
        await router.send(f"/v1/providers/nobody{path.replace('/v1/', '/')}", body),
        await router.send(path, body, headers={"x-switchyard-provider": "nobody"}),
    ):
        assert answer.status == 404
        assert "nobody" in error_text(dialect, answer.json)


async def test_a_pinned_list_shows_one_provider(router: Running) -> None:
    demo = (await router.send("/v1/providers/demo/models")).json["data"]
    assert demo
    assert all(entry["id"].startswith("demo/") for entry in demo)
    assert (await router.send("/v1/providers/demo/v1beta/models")).json
    assert (await router.send("/v1/providers/nobody/models")).status == 404


async def test_what_explain_says_is_what_serves(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, RULES) as router:
        for name in ("quick", "oa/gpt-4.1", "sonnet", "fast-gemini-2.5-flash", "gemini-2.5-flash", "demo/echo"):
            told = await router.management(f"explain?model={name}&dialect=chat")
            answer = await router.ask("chat", name)
            first = told["candidates"][0]
            if answer.status == 200:
                assert first["provider"] == answer.headers["x-switchyard-provider"]
                assert first["model"] == answer.headers["x-switchyard-model"]
            else:  # the upstream has no such model, but it was asked
                assert first["provider"] == "gemini"
                assert f"models/{first['model']}" in router.upstream.requests[-1].path
        missing = await router.management("explain?model=nobody-knows")
        assert (await router.ask("chat", "nobody-knows")).json["error"]["message"] in str(missing)
