"""The price table by management."""

from __future__ import annotations

from pathlib import Path

import yaml

from router.api.manage.price_routes import PriceDesk, Wanted
from router.clock import FakeClock
from tests.router.api.harness import running
from tests.router.api.manage.desk import manage
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
        told = await PriceDesk(router.router._gateway, clock.wall).get(asked)
        assert told.age_days > 1000
