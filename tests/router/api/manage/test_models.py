"""Models by provider and kind, and those that are added to a provider while the router serves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.router.api.harness import OPENAI_KEYS, Answer, Running, running, settings
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream

NAME = "deepseek-reasoner"
"""OpenAI's simulator has it, and nothing in its name or in any list says so."""
NEW = {"provider": "openai", "id": NAME}


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    """Its settings are a file with comments, as people write them."""
    text = yaml.safe_dump(settings(upstream, tmp_path, {}), sort_keys=False)
    (tmp_path / "config.yaml").write_text(
        f"# Settings of this gateway.\n{text}models:\n  # None yet.\n  aliases: {{}}\n"
    )
    async with running(upstream, tmp_path, keep=True) as router:
        yield router


async def added(router: Running, **more: Any) -> Answer:
    return await manage(router, "POST", "/models/custom", {**NEW, **more})


async def done(router: Running, **more: Any) -> Any:
    answer = await added(router, **more)
    assert answer.status == 200, answer.body
    return answer.json


async def listed(router: Running, query: str = "") -> list[Any]:
    answer = await manage(router, "GET", f"/models{query}")
    assert answer.status == 200, answer.body
    return list(answer.json["models"])


async def one(router: Running, name: str = NAME) -> Any:
    return next((each for each in await listed(router) if each["id"] == name), None)


async def status(router: Running, model: str = NAME) -> int:
    return (await router.ask("chat", model)).status


async def test_a_model_comes_serves_goes_and_comes_back(desk: Running) -> None:
    before = desk.config.read_text()
    assert await status(desk) == 404
    told = await done(desk)
    assert told["changes"][0]["path"] == "models.custom"
    assert await status(desk) == 200
    assert desk.upstream.requests[-1].body["model"] == NAME
    assert desk.upstream.requests[-1].key in OPENAI_KEYS
    assert await status(desk, "gpt-4.1") == 200  # every other name is passed on as before
    assert (await manage(desk, "DELETE", f"/models/custom/openai/{NAME}")).status == 200
    assert await status(desk) == 404
    history = (await manage(desk, "GET", "/config/history")).json["versions"]
    digest = (await manage(desk, "GET", "/config")).json["digest"]
    back = await manage(desk, "POST", "/config/rollback", {"id": history[0]["id"], "digest": digest})
    assert back.status == 200 and await status(desk) == 200
    first = await manage(desk, "POST", "/config/rollback", {"id": history[1]["id"], "digest": back.json["digest"]})
    assert first.status == 200 and await status(desk) == 404
    assert desk.config.read_text() == before


async def test_comments_and_the_rest_of_the_file_stay(desk: Running) -> None:
    before = desk.config.read_text()
    await done(desk, kind="chat")
    line = f"  custom:\n    - {{provider: openai, name: {NAME}, kind: chat}}\n"
    assert desk.config.read_text() == before + line
    assert (await manage(desk, "PATCH", f"/models/custom/openai/{NAME}", {"context_window": 5000})).status == 200
    assert desk.config.read_text().startswith(before) and "5000" in desk.config.read_text()
    assert (await manage(desk, "DELETE", f"/models/custom/openai/{NAME}")).status == 200
    assert desk.config.read_text().startswith(before) and NAME not in desk.config.read_text()


async def test_everything_that_is_said_of_it_counts(desk: Running) -> None:
    facts = {"thinking": "none", "images": False}
    await done(
        desk, display_name="House ${HOME} model", aliases=["house", "haus"], kind="chat", context_window=50_000,
        max_output=700, capabilities=facts,
    )  # fmt: skip
    house = await one(desk, "house")
    assert house["display_name"] == "House ${HOME} model" and house["model"] == NAME and house["origin"] == "custom"
    assert (house["context_window"], house["max_output"], house["kind"]) == (50_000, 700, "chat")
    assert await one(desk) is None  # lists show the aliases
    for name in ("house", "HAUS", NAME):
        assert await status(desk, name) == 200
        assert desk.upstream.requests[-1].body["model"] == NAME
    clamped = await desk.ask("messages", "house", max_tokens=900)
    assert clamped.status == 200 and "max_tokens" in clamped.headers["x-switchyard-notes"]
    google = (await desk.send("/v1beta/models/house")).json
    assert (google["displayName"], google["inputTokenLimit"]) == ("House ${HOME} model", 50_000)
    (shown,) = (await manage(desk, "GET", "/models/custom")).json["models"]
    assert shown == {
        "provider": "openai", "id": NAME, "display_name": "House ${HOME} model", "aliases": ["house", "haus"],
        "kind": "chat", "context_window": 50_000, "max_output": 700, "capabilities": facts, "reason": None,
    }  # fmt: skip


async def test_a_change_counts_at_once(desk: Running) -> None:
    await done(desk, aliases=["house"], kind="chat", context_window=50_000)
    path = f"/models/custom/openai/{NAME}"
    answer = await manage(desk, "PATCH", path, {"aliases": ["home"], "kind": "embedding", "context_window": None})
    assert answer.status == 200, answer.body
    assert await status(desk, "house") == 404 and await status(desk, "home") == 200
    home = await one(desk, "home")
    assert home["kind"] == "embedding" and home["context_window"] != 50_000
    methods = (await desk.send("/v1beta/models/home")).json["supportedGenerationMethods"]
    assert "embedContent" in methods
    assert (await manage(desk, "PATCH", path, {"aliases": []})).status == 200
    assert await status(desk, "home") == 404 and await status(desk) == 200


async def test_lists_by_provider_kind_and_origin(desk: Running) -> None:
    await done(desk, kind="image")
    await done(desk, provider="gemini", id="gemini-embedding-001")  # whose kind is known
    everything = await listed(desk)
    assert {each["kind"] for each in everything} == {"chat", "embedding", "image"}
    assert {each["provider"] for each in await listed(desk, "?provider=google")} == {"gemini"}
    assert [each["id"] for each in await listed(desk, "?kind=embedding")] == ["gemini-embedding-001"]
    assert await listed(desk, "?provider=openai&kind=embedding") == []
    assert NAME in {each["id"] for each in await listed(desk, "?kind=image&provider=openai")}
    assert [each["id"] for each in await listed(desk, "?origin=custom&kind=image")] == [NAME]
    assert {each["provider"] for each in await listed(desk, "?origin=listed")} == {"demo"}
    for kind in ("chat", "embedding", "image"):
        assert await listed(desk, f"?kind={kind}") == [each for each in everything if each["kind"] == kind]
    unknown = await manage(desk, "GET", "/models?provider=opnai")
    assert unknown.status == 404 and "openai" in unknown.json["error"]["message"]
    assert (await manage(desk, "GET", "/models?kind=poem")).status == 400


async def test_a_provider_that_names_its_models_gets_one_more_and_stays_closed(
    upstream: Upstream, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"providers": {"openai": {"models": ["gpt-4.1"]}}}
    async with running(upstream, tmp_path, changes) as router:
        await done(router)
        assert await status(router) == await status(router, "gpt-4.1") == 200
        assert await status(router, "openai/gpt-5") == 404
        again = await manage(router, "POST", "/models/custom", {"provider": "openai", "id": "gpt-4.1"})
        assert again.status == 400 and "a second time" in again.json["error"]["message"]
        origins = {each["id"]: each["origin"] for each in await listed(router, "?provider=openai")}
        assert origins == {"gpt-4.1": "settings", NAME: "custom"}
        assert json.loads(router.config.read_text())["models"] == {"custom": [{"provider": "openai", "name": NAME}]}


async def test_two_providers_may_have_the_same_name(desk: Running) -> None:
    await done(desk)
    assert (await manage(desk, "POST", "/models/custom", {"provider": "gemini", "id": NAME})).status == 200
    assert (await manage(desk, "DELETE", f"/models/custom/google/{NAME}")).status == 200
    assert [each["provider"] for each in (await manage(desk, "GET", "/models/custom")).json["models"]] == ["openai"]


async def test_several_at_once_are_all_kept(desk: Running) -> None:
    answers = await asyncio.gather(*(added(desk, id=f"house-{number}") for number in range(5)))
    assert {each.status for each in answers} == {200}
    there = (await manage(desk, "GET", "/models/custom")).json["models"]
    assert {each["id"] for each in there} == {f"house-{number}" for number in range(5)}


async def test_a_name_with_slashes_goes_and_comes(desk: Running) -> None:
    name = "meta-llama/Llama-9:free"
    await done(desk, id=name)
    assert await status(desk, name) == 404  # the simulator does not have it, but it was asked
    assert desk.upstream.requests[-1].body["model"] == name
    assert (await manage(desk, "DELETE", f"/models/custom/openai/{name}")).status == 200
    asked = len(desk.upstream.requests)
    assert await status(desk, name) == 404 and len(desk.upstream.requests) == asked


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ({"provider": "opnai"}, 404, "openai"),
        ({"provider": "demo"}, 400, "models of its own"),
        ({"provider": "claude"}, 400, "anthropic and claude-oauth"),
        ({"id": "a..b"}, 400, "models.custom[0].name"),
        ({"id": "a b"}, 400, "$.id"),
        ({"id": "kept:3"}, 400, "stands for a secret"),
        ({"display_name": "kept:0"}, 400, "stands for a secret"),
        ({"kind": "poem"}, 400, "$.kind"),
        ({"context_window": 0}, 400, "$.context_window"),
        ({"capabilities": {"imagse": True}}, 400, "imagse"),
        ({"capabilities": {"images": "often"}}, 400, "capabilities.images"),
        ({"capabilities": {"context_window": 7}}, 400, "context_window"),
        ({"kind": "chat", "capabilities": {"embeddings": True}}, 400, "kind"),
        ({"command": ["id"]}, 400, "command"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    desk: Running, more: dict[str, Any], code: int, told: str
) -> None:
    before = desk.config.read_text()
    answer = await added(desk, **more)
    assert answer.status == code and told in answer.json["error"]["message"], answer.body
    assert desk.config.read_text() == before and (await manage(desk, "GET", "/config/history")).json["versions"] == []


@pytest.mark.parametrize(
    ("more", "field", "told"),
    [
        ({"provider": "opnai"}, "provider", "Did you mean 'openai'?"),
        ({"provider": "claude"}, "provider", "Name one of them"),
        ({"id": "a b"}, "id", "characters that cannot stand here"),
        ({"id": "a..b"}, "id", "must not have '..'"),
        ({"id": ""}, "id", "is empty"),
        ({"aliases": ["fine", "a b"]}, "aliases", "cannot stand here"),
        ({"context_window": 0}, "context_window", ">= 1"),
        ({"capabilities": {"images": "often"}}, "capabilities.images", "Expected `bool`"),
        ({"capabilities": {"imagse": True}}, "capabilities.imagse", "no fact"),
    ],
)
async def test_a_form_is_told_which_field_is_wrong(desk: Running, more: dict[str, Any], field: str, told: str) -> None:
    fields = (await added(desk, **more)).json["error"]["fields"]
    assert list(fields) == [field] and told in fields[field]


async def test_a_form_is_told_which_field_is_missing_or_taken(desk: Running) -> None:
    missing = await manage(desk, "POST", "/models/custom", {"provider": "openai"})
    assert missing.json["error"]["fields"] == {"id": "is missing"}
    await done(desk, aliases=["house"])
    assert list((await added(desk)).json["error"]["fields"]) == ["id"]
    assert list((await added(desk, id="other", aliases=["house"])).json["error"]["fields"]) == ["id"]


async def test_what_is_there_already_and_what_is_not(desk: Running) -> None:
    await done(desk, aliases=["house"])
    assert (await added(desk)).status == 409
    other = await manage(desk, "POST", "/models/custom", {"provider": "gemini", "id": "g", "aliases": ["house"]})
    assert other.status == 400 and "models.custom[0] says" in other.json["error"]["message"]
    for method, body in (("PATCH", {"kind": "chat"}), ("DELETE", None)):
        for path in ("openai/other", f"gemini/{NAME}", f"nobody/{NAME}", "openai/gpt-4.1"):
            answer = await manage(desk, method, f"/models/custom/{path}", body)
            assert answer.status == 404, (method, path, answer.body)


async def test_no_secret_of_the_environment_is_read_by_its_name(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, environ={"OWN_SECRET": "sk-own-secret"}) as router:
        await done(router, display_name="${OWN_SECRET}", capabilities={"family": "$${OWN_SECRET:-x}"})
        answer = await manage(router, "GET", "/models")
        assert b"sk-own-secret" not in answer.body and b"${OWN_SECRET}" in answer.body
        (shown,) = (await manage(router, "GET", "/models/custom")).json["models"]
        assert shown["capabilities"] == {"family": "$${OWN_SECRET:-x}"}


async def test_what_comes_from_a_variable_is_not_changed_in_the_file(upstream: Upstream, tmp_path: Path) -> None:
    environ = {"SWITCHYARD__MODELS__CUSTOM": '[{"provider": "openai", "name": "deepseek-reasoner"}]'}
    async with running(upstream, tmp_path, environ=environ) as router:
        assert await status(router) == 200
        answer = await added(router)
        assert answer.status == 409 and "SWITCHYARD__MODELS__CUSTOM" in answer.json["error"]["message"]


async def test_who_added_what_stands_in_the_audit_log(desk: Running) -> None:
    await done(desk)
    await manage(desk, "PATCH", f"/models/custom/openai/{NAME}", {"kind": "chat"})
    await manage(desk, "DELETE", f"/models/custom/openai/{NAME}")
    await desk.stop()
    lines = [json.loads(line) for line in (desk.state / "audit.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in lines] == [f"custom_model_{what}" for what in ("add", "change", "remove")]
    assert {(line["who"], line["account"]) for line in lines} == {("management", f"openai, {NAME}")}


async def test_lookers_see_them_and_change_nothing(desk: Running) -> None:
    await desk.until(lambda: desk.router.recall.memory)
    before = desk.config.read_text()
    for role in ("viewer", "operator"):
        key = await made_key(desk, role, role)
        assert (await manage(desk, "GET", "/models/custom", key=key)).status == 200
        assert (await manage(desk, "POST", "/models/custom", NEW, key=key)).status == 403
    assert desk.config.read_text() == before
