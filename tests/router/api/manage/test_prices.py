"""The price table by management."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.api.manage.price_routes import PriceDesk, Wanted
from router.clock import FakeClock
from router.config_history import ConfigHistory, digest_of
from tests.router.api.harness import Running, ask, running
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream

OWN = {
    "version": "2020-01-01",
    "currency": "USD",
    "vendors": {
        "acme": {
            "source": "its page",
            "as_of": "2020-01",
            "models": {"Rocket-1": {"input": 1, "output": 2.5, "above": {"tokens": 1000, "input": 3, "output": 4}}},
        }
    },
}


async def test_the_table_is_told_with_its_age_and_searched(upstream: Upstream, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(OWN))
    async with running(upstream, tmp_path, {"usage": {"prices": str(own)}}) as router:
        whole = (await manage(router, "GET", "/prices?limit=2000")).json
        assert whole["version"].endswith("+2020-01-01") and whole["as_of"] > "2026"
        assert whole["known"] == whole["found"] == len(whole["prices"]) > 50
        assert whole["age_days"] >= 0
        found = (await manage(router, "GET", "/prices?search=ROCKET")).json
        assert found["found"] == 1
        row = found["prices"][0]
        assert (row["vendor"], row["model"], row["as_of"], row["source"]) == ("acme", "Rocket-1", "2020-01", "its page")
        assert [(each["tokens"], each["input"], each["output"]) for each in row["rates"]] == [(0, 1, 2.5), (1000, 3, 4)]
        assert row["rates"][0]["reasoning"] == 2.5
        by_vendor = (await manage(router, "GET", "/prices?vendor=openai&limit=1")).json
        assert len(by_vendor["prices"]) == 1 < by_vendor["found"]
        assert (await manage(router, "GET", "/prices?limit=0")).status == 400


async def test_a_table_grows_old(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        asked = type("Asked", (), {"query": Wanted(limit=1)})()
        clock = FakeClock(1_900_000_000.0)  # 2030-03-17
        history = ConfigHistory(tmp_path / "prices.yaml", tmp_path / "history", clock.wall)
        told = await PriceDesk(router.router._gateway, history, router.router._changes.apply_file, clock.wall).get(
            asked
        )
        assert told.age_days > 1000


def table(version: str, output: float = 1_000.0, vendor: str = "openai") -> str:
    models = {"gpt-4.1": {"input": 0, "output": output}}
    block = {"source": "its page", "as_of": version[:7], "models": models}
    return yaml.safe_dump({"version": version, "vendors": {vendor: block}})


async def put(router: Running, text: str, *, digest: str | None = None, key: str | None = None) -> Any:
    now = (await manage(router, "GET", "/prices?limit=1")).json["digest"] if digest is None else digest
    more = {} if key is None else {"key": key}
    return await manage(router, "PUT", "/prices", {"text": text, "digest": now}, **more)


async def cost(router: Running) -> int:
    await router.send(*ask("chat", "gpt-4.1"))
    return int((await manage(router, "GET", "/calls?limit=1")).json["calls"][0]["cost"])


async def test_another_table_counts_at_once_and_can_be_rolled_back(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        before, shipped = await cost(router), (await manage(router, "GET", "/prices?limit=1")).json
        assert (shipped["source"], shipped["own"], shipped["digest"]) == ("shipped", False, digest_of(""))
        done = (await put(router, table("2099-01-01"))).json
        assert (done["version"], done["known"]) == ("2099-01-01", 1) and "anthropic" in done["missing"]
        assert await cost(router) > 10 * before
        shown = (await manage(router, "GET", "/prices?limit=1")).json
        assert (shown["source"], shown["as_of"], shown["digest"]) == ("state", "2099-01-01", done["digest"])
        again = (await put(router, table("2099-02-02", output=0.0))).json
        assert again["missing"] == [] and await cost(router) == 0
        first, second = (await manage(router, "GET", "/prices/history")).json["versions"]
        assert (first["by"], second["size"]) == ("management", 0)
        back = await manage(router, "POST", "/prices/rollback", {"id": first["id"], "digest": again["digest"]})
        assert back.json["version"] == "2099-01-01"
        away = await manage(router, "POST", "/prices/rollback", {"id": second["id"], "digest": done["digest"]})
        assert away.json["version"] == shipped["version"] and await cost(router) == before
        assert not (router.state / "prices.yaml").exists()
        await router.stop()
        lines = [json.loads(line) for line in (router.state / "audit.jsonl").read_text().splitlines()]
        told = [line["reason"] for line in lines if line["what"] == "managed"]
        assert told == ["prices_put", "prices_put", "prices_rollback", "prices_rollback"]


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("{", 400, "not valid YAML"),
        ("version: 2099-01-01\nvendors: {a: {models: {b: {input: -1}}}}", 400, "vendors.a.models.b.input: must be"),
        ("version: 2099-01-01\nvendors: {a: &x {}, b: *x}", 400, "alias"),
        ("[" * 5000 + "]" * 5000, 400, "price table"),
        ("config/prices.yaml", 400, "must be a mapping"),  # a path is no table
        (table("2001-01-01"), 409, "older than"),
    ],
)
async def test_a_table_that_cannot_be_used_changes_nothing(
    upstream: Upstream, tmp_path: Path, text: str, status: int, told: str
) -> None:
    async with running(upstream, tmp_path, {}) as router:
        answer = await put(router, text)
        assert answer.status == status and told in answer.json["error"]["message"], answer.body
        assert not (router.state / "prices.yaml").exists()
        assert (await manage(router, "GET", "/prices/history")).json["versions"] == []


async def test_two_who_change_the_table_do_not_overwrite_each_other(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        assert (await put(router, table("2099-01-01"))).status == 200
        late = await put(router, table("2099-01-02"), digest=digest_of(""))
        assert late.status == 409 and "changed meanwhile" in late.json["error"]["message"]
        gone = await manage(router, "POST", "/prices/rollback", {"id": "../config.yaml", "digest": digest_of("")})
        assert gone.status == 404
        for role in ("viewer", "operator"):
            assert (await put(router, table("2099-01-02"), key=await made_key(router, role, role))).status == 403


async def test_the_operators_own_table_stays_above_and_its_references_must_hold(
    upstream: Upstream, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({**OWN, "like": {"office": "openai"}}))
    async with running(upstream, tmp_path, {"usage": {"prices": str(own)}}) as router:
        refused = await put(router, table("2099-01-01", vendor="nobody"))
        assert refused.status == 400 and "like.office" in refused.json["error"]["message"]
        done = await put(router, table("2099-01-01"))
        assert done.json["version"] == "2099-01-01+2020-01-01"
        shown = (await manage(router, "GET", "/prices?search=rocket")).json
        assert (shown["own"], shown["source"], shown["found"]) == (True, "state", 1)
