"""The settings over the management API: seen without secrets, planned in words, put in force, taken back."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.config_history import ConfigHistory
from tests.router.api.harness import ANTHROPIC_KEY, KEY, MANAGEMENT, OPENAI_KEYS, Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream

SECRETS = (*OPENAI_KEYS, ANTHROPIC_KEY, KEY, MANAGEMENT)


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}) as router:
        yield router


async def shown(router: Running) -> Any:
    answer = await manage(router, "GET", "/config")
    assert answer.status == 200
    return answer.json


def changed(config: Any, **blocks: Any) -> str:
    """The text of `config` with other blocks."""
    return json.dumps({**json.loads(config["text"]), **blocks})


async def test_no_secret_is_shown(desk: Running) -> None:
    answer = await manage(desk, "GET", "/config")
    text = answer.body.decode()
    assert not any(secret in text for secret in SECRETS)
    assert '"kept:0"' in answer.json["text"]
    port = next(each for each in answer.json["settings"] if each["path"] == "server.port")
    assert port["value"] == 0 and "config.yaml:" in port["origin"]


async def test_a_plan_tells_changes_in_words_and_changes_nothing(desk: Running) -> None:
    before = desk.config.read_text()
    config = await shown(desk)
    text = changed(config, retry={"max_attempts": 2}, server={**json.loads(config["text"])["server"], "port": 1})
    plan = (await manage(desk, "POST", "/config/plan", {"text": text})).json
    assert plan["ok"] and plan["mistakes"] == []
    told = {each["path"]: each for each in plan["changes"]}
    assert told["retry.max_attempts"]["told"] == "retry.max_attempts changes from 6 to 2, at once."
    assert told["server.port"]["applies"] == "restart"
    assert set(told) == {"retry.max_attempts", "server.port"}
    assert desk.config.read_text() == before


async def test_a_plan_tells_which_providers_come_and_go(desk: Running) -> None:
    config = await shown(desk)
    providers = json.loads(config["text"])["providers"]
    del providers["gemini"]
    providers["groq"] = {"api_keys": ["gsk-new"]}
    plan = (await manage(desk, "POST", "/config/plan", {"text": changed(config, providers=providers)})).json
    assert (plan["providers_added"], plan["providers_removed"]) == (["groq"], ["gemini"])
    assert "gsk-new" not in json.dumps(plan)


async def test_a_plan_tells_what_follows_and_it_follows(desk: Running) -> None:
    await desk.until(lambda: desk.router.recall.memory)
    config = await shown(desk)
    blocks = json.loads(config["text"])
    narrow = await manage(desk, "POST", "/keys", {"name": "narrow", "rights": {"models": ["quick"]}})
    headers = {"authorization": f"Bearer {narrow.json['key']}"}
    before = (await desk.ask("chat", "quick", headers=headers)).status
    server = {**blocks["server"], "port": 1}
    models = {**blocks.get("models", {}), "aliases": {"quick": "gpt-4.1"}}
    text = changed(config, models=models, retry={"max_attempts": 2}, server=server)
    told = (await manage(desk, "POST", "/config/plan", {"text": text})).json["consequences"]
    assert told["keys"] == ["Every client key gains quick."]
    assert told["limits"] == ["retry.max_attempts changes from 6 to 2, at once."]
    assert told["restart"] == ["server.port counts from the next start on."]
    assert (told["routes"], told["providers"]) == ([], [])
    applied = changed(config, models=models)
    done = await manage(desk, "PUT", "/config", {"text": applied, "digest": config["digest"]})
    assert done.status == 200, done.body
    assert (before, (await desk.ask("chat", "quick", headers=headers)).status) == (404, 200)


async def test_a_plan_lists_every_mistake_with_its_line(desk: Running) -> None:
    text = "server:\n  port: many\nretry:\n  max_attempts: 0\nmodels:\n  routing: [{pattern: x, providers: [nobody]}]\n"
    plan = (await manage(desk, "POST", "/config/plan", {"text": text})).json
    assert not plan["ok"]
    assert {(each["path"], each["line"]) for each in plan["mistakes"]} >= {
        ("server.port", 2),
        ("retry.max_attempts", 4),
    }
    only = (await manage(desk, "POST", "/config/plan", {"text": text.replace("many", "1").replace("0", "1")})).json
    assert any("nobody" in each["problem"] for each in only["mistakes"])


async def test_what_is_applied_counts_at_once_and_keeps_secrets_and_mode(desk: Running, upstream: Upstream) -> None:
    desk.config.chmod(0o640)
    config = await shown(desk)
    text = changed(config, models={"aliases": {"quick": "gpt-4.1"}})
    done = await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})
    assert done.status == 200, done.body
    assert (await desk.ask("chat", "quick")).status == 200  # without waiting for the file to be looked at
    written = desk.config.read_text()
    assert all(secret in written for secret in OPENAI_KEYS)
    assert desk.config.stat().st_mode & 0o777 == 0o640
    assert (await shown(desk))["digest"] == done.json["digest"]


async def test_a_change_of_an_old_file_is_refused(desk: Running) -> None:
    config = await shown(desk)
    text = changed(config, retry={"max_attempts": 2})
    assert (await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})).status == 200
    stale = await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})
    assert stale.status == 409 and "changed meanwhile" in stale.json["error"]["message"]


async def test_mistakes_are_not_put_in_force(desk: Running) -> None:
    before = desk.config.read_text()
    config = await shown(desk)
    for block in ({"max_attempts": 0}, {"max_attemps": 2}):
        text = changed(config, retry=block)
        answer = await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})
        assert answer.status == 400 and "retry.max_attem" in answer.json["error"]["message"]
    assert desk.config.read_text() == before


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"services": [{"name": "own", "command": ["sh", "-c", "id"]}]}, "services"),
        ({"auth": {"dir": "/etc", "keys": []}}, "auth.dir"),
        ({"auth": {"management": {"remote": True}}}, "auth.management"),
        ({"server": {"tls": {"cert": "/a", "key": "/b"}}}, "server.tls"),
        ({"relay": {"routers": ["wss://evil.example/v1/ws"]}}, "relay.routers"),
        ({"providers": {"aistudio": {"service": {"command": ["id"]}}}}, "providers.aistudio.service.command"),
        ({"providers": {"openai": {"api_keys": [{"key_file": "/etc/shadow"}]}}}, "providers.openai.api_keys"),
    ],
)
async def test_some_settings_are_out_of_reach(desk: Running, blocks: dict[str, Any], path: str) -> None:
    before = desk.config.read_text()
    config = await shown(desk)
    text = changed(config, **blocks)
    plan = (await manage(desk, "POST", "/config/plan", {"text": text})).json
    if plan["ok"]:
        assert any(each.startswith(path) for each in plan["beyond_reach"])
    answer = await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})
    assert answer.status in (400, 403)
    assert desk.config.read_text() == before


async def test_the_way_back(desk: Running) -> None:
    first = await shown(desk)
    text = changed(first, retry={"max_attempts": 2})
    done = (await manage(desk, "PUT", "/config", {"text": text, "digest": first["digest"]})).json
    versions = (await manage(desk, "GET", "/config/history")).json["versions"]
    assert len(versions) == 1 and versions[0]["by"] == "management"
    back = {"id": versions[0]["id"], "digest": done["digest"]}
    assert (await manage(desk, "POST", "/config/rollback", back)).status == 200
    assert (await shown(desk))["digest"] == first["digest"]
    for wrong in ("../config.yaml", "1-x.yaml", ""):
        answer = await manage(desk, "POST", "/config/rollback", {"id": wrong, "digest": first["digest"]})
        assert answer.status == 404


async def test_a_mark_that_stands_for_nothing_is_a_mistake(desk: Running) -> None:
    config = await shown(desk)
    text = config["text"].replace('"kept:0"', '"kept:99"')
    plan = (await manage(desk, "POST", "/config/plan", {"text": text})).json
    assert not plan["ok"] and "stands for no secret" in plan["mistakes"][0]["problem"]


async def test_a_file_with_a_mistake_shows_no_secret_either(desk: Running) -> None:
    """It is not in force, so nobody has read its secrets."""
    desk.config.write_text("providers: {openai: {api_keys: [sk-very-new, {key: sk-newer}]}}\nserver: {prot: 1}\n")
    await desk.until(lambda: desk.router._gateway.config_error)
    answer = await manage(desk, "GET", "/config")
    assert "sk-very-new" not in answer.body.decode() and "sk-newer" not in answer.body.decode()
    mended = answer.json["text"].replace("prot: 1", "port: 0")
    done = await manage(desk, "PUT", "/config", {"text": mended, "digest": answer.json["digest"]})
    assert done.status == 200, done.body
    assert "sk-very-new" in desk.config.read_text() and desk.router._gateway.config_error is None


async def test_a_file_that_is_no_yaml_is_not_shown(desk: Running) -> None:
    desk.config.write_text("providers: {openai: {api_keys: [sk-very-new]}\n  x: [")
    await desk.until(lambda: desk.router._gateway.config_error)
    answer = await manage(desk, "GET", "/config")
    assert answer.json["text"] == "" and answer.json["error"] and "sk-very-new" not in answer.body.decode()


CANARY = "kanarienvogel-of-the-environment"


VISIBLE: tuple[dict[str, Any], ...] = (
    {"models": {"aliases": {"quick": "*"}}},
    {"models": {"custom": [{"provider": "openai", "name": "mine", "display_name": "*"}]}},
    {"policies": {"system_prompt": {"prepend": "*"}}},
    {"policies": {"payload": [{"set": {"key": "*"}}]}},
    {"observe": {"level": "*"}},
    {"server": {"port": "*"}},
    {"models": {"routing": [{"pattern": "x", "providers": ["*"]}]}},
)


@pytest.mark.parametrize("written", ["kept:0", "${CANARY}", "behind ${CANARY:-x}"])
async def test_nobody_reads_a_secret_or_a_variable_by_putting_its_name_elsewhere(
    upstream: Upstream, tmp_path: Path, written: str
) -> None:
    async with running(upstream, tmp_path, {}, environ={"CANARY": CANARY}) as router:
        await router.until(lambda: router.router.recall.memory)
        operator = await made_key(router, "helper", "operator")
        config, before = await shown(router), router.config.read_text()
        for blocks in VISIBLE:
            text = changed(config, **json.loads(json.dumps(blocks).replace("*", written)))
            plan = await manage(router, "POST", "/config/plan", {"text": text}, key=operator)
            done = await manage(router, "PUT", "/config", {"text": text, "digest": config["digest"]})
            assert (plan.status, plan.json["ok"], done.status) == (200, False, 400), (blocks, plan.body)
            told = (plan.body + done.body).decode().casefold()
            assert not any(secret[:12].casefold() in told for secret in (*SECRETS, CANARY)), blocks
        assert router.config.read_text() == before


async def test_an_anchor_takes_no_secret_elsewhere_and_no_name_is_made_of_one(desk: Running) -> None:
    for text in (
        "providers: {openai: {api_keys: [&a kept:0]}}\nmodels: {aliases: {quick: *a}}\n",
        "providers: {openai: {api_keys: [kept:0]}}\nmodels: {aliases: {kept:0: gpt-4.1}}\n",
        "providers: {openai: {api_keys: [kept:0]}}\nmodels: {kept:0: 1}\n",
    ):
        plan = await manage(desk, "POST", "/config/plan", {"text": text})
        assert plan.status == 200 and not plan.json["ok"], plan.body
        assert not any(secret in plan.body.decode() for secret in SECRETS)


async def test_a_secret_and_a_variable_may_go_where_secrets_are(upstream: Upstream, tmp_path: Path) -> None:
    proxy = "http://me:kanarienvogel@proxy.example:8080"
    plain = {"providers": {"openai": {"proxy": proxy}}, "models": {"aliases": {"quick": "${MODEL}"}}}
    async with running(upstream, tmp_path, plain, environ={"CANARY": CANARY, "MODEL": "gpt-4.1"}) as router:
        config = await shown(router)
        given = json.loads(config["text"])
        openai = given["providers"]["openai"]
        given["network"] = {**given.get("network", {}), "proxy": openai.pop("proxy")}
        openai["api_keys"] = [openai["api_keys"][1], {"key": "${CANARY}"}, openai["api_keys"][0]]
        done = await manage(router, "PUT", "/config", {"text": json.dumps(given), "digest": config["digest"]})
        assert done.status == 200, done.body
        assert proxy in router.config.read_text() and all(each in router.config.read_text() for each in OPENAI_KEYS)
        assert "kanarienvogel" not in done.body.decode()


async def test_the_way_back_leads_to_what_a_person_wrote(upstream: Upstream, tmp_path: Path) -> None:
    plain = {"models": {"aliases": {"quick": "${MODEL}"}}}
    async with running(upstream, tmp_path, plain, environ={"MODEL": "gpt-4.1"}) as router:
        first = await shown(router)
        done = await manage(router, "PUT", "/config", {"text": changed(first, models={}), "digest": first["digest"]})
        version = (await manage(router, "GET", "/config/history")).json["versions"][0]["id"]
        back = await manage(router, "POST", "/config/rollback", {"id": version, "digest": done.json["digest"]})
        assert back.status == 200, back.body
        assert (await router.ask("chat", "quick")).status == 200


async def test_a_price_table_with_mistakes_is_told_and_another_one_is_out_of_reach(
    upstream: Upstream, tmp_path: Path
) -> None:
    table = tmp_path / "own.yaml"
    table.write_text('version: "2026-11-01"\nvendors: {}\n')
    async with running(upstream, tmp_path, {"usage": {"prices": str(table)}}) as router:
        config = await shown(router)
        table.write_text("nothing: of the kind\n")
        text = changed(config, retry={"max_attempts": 2})
        plan = (await manage(router, "POST", "/config/plan", {"text": text})).json
        assert [each["path"] for each in plan["mistakes"]] == ["usage.prices"]
        assert "version" in plan["mistakes"][0]["problem"]
        done = await manage(router, "PUT", "/config", {"text": text, "digest": config["digest"]})
        assert done.status == 400 and "price table" in done.json["error"]["message"]
        table.write_text('version: "2026-11-01"\nvendors: {}\n')
        text = changed(config, usage={"prices": None})
        done = await manage(router, "PUT", "/config", {"text": text, "digest": config["digest"]})
        assert done.status == 403 and "usage.prices" in done.json["error"]["message"]


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"usage": {"prices": "*"}}, "usage.prices"),
        ({"providers": {"openai": {"api_keys": [{"key_file": "*"}]}}}, "providers.openai.api_keys[0].key_file"),
        ({"providers": {"vertex": {"service_account_files": ["*"]}}}, "providers.vertex.service_account_files[0]"),
        ({"auth": {"keys": [{"name": "x", "key_file": "*"}]}}, "auth.keys[0].key_file"),
    ],
)
async def test_no_file_is_read_that_somebody_names_from_afar(
    desk: Running, tmp_path: Path, blocks: dict[str, Any], path: str
) -> None:
    """It may be one that never ends, and whether it is there is nobody's business."""
    os.mkfifo(tmp_path / "endless")
    config = await shown(desk)
    plans = []
    for name in ("endless", "nothing"):
        text = changed(config, **json.loads(json.dumps(blocks).replace("*", str(tmp_path / name))))
        plans.append((await manage(desk, "POST", "/config/plan", {"text": text})).json)
        assert path in plans[-1]["beyond_reach"] and not plans[-1]["ok"]
        done = await manage(desk, "PUT", "/config", {"text": text, "digest": config["digest"]})
        assert done.status == 403 and path in done.json["error"]["message"]
    assert plans[0] == plans[1]


async def test_a_price_table_that_breaks_while_settings_are_put_in_force_is_told(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "own.yaml"
    table.write_text('version: "2026-11-01"\nvendors: {}\n')
    put = ConfigHistory.put

    def broken(self: ConfigHistory, text: str, digest: str, by: str) -> str:
        made = put(self, text, digest, by)
        table.write_text("nothing: of the kind\n")
        return made

    monkeypatch.setattr(ConfigHistory, "put", broken)
    async with running(upstream, tmp_path, {"usage": {"prices": str(table)}}) as router:
        config = await shown(router)
        text = changed(config, retry={"max_attempts": 2})
        done = await manage(router, "PUT", "/config", {"text": text, "digest": config["digest"]})
        assert done.status == 503 and "the file is as it was" in done.json["error"]["message"], done.body
        assert (await shown(router))["digest"] == config["digest"]
        audit = router.state / "audit.jsonl"
        await router.until(lambda: audit.exists() and "config_apply failed" in audit.read_text())
