"""The older reads of management: the same answers as ever, for sessions too, of the shapes that are described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.api.manage.account_shapes import AccountList
from router.api.manage.model_routes import Models
from router.api.manage.routing_routes import Routing
from router.api.manage.state_routes import Status
from tests.router.api.harness import running
from tests.router.api.manage.desk import manage, opened
from tests.simulators import Upstream

SHAPES: dict[str, tuple[Any, set[str]]] = {
    "/status": (Status, {"version", "draining", "config", "open_calls", "waiting", "providers"}),
    "/models": (Models, {"models"}),
    "/accounts": (AccountList, {"accounts", "files"}),
    "/relay": (dict[str, Any], {"sessions", "routers", "replaced", "services"}),
    "/routing": (Routing, {"aliases", "combos", "routes", "exclusions", "smaller"}),
    "/explain?model=gpt-4.1": (
        dict[str, Any],
        {"asked", "how", "reasoning", "outcome", "candidates", "smaller", "skipped", "key"},
    ),
}


@pytest.mark.parametrize("path", SHAPES)
async def test_a_session_reads_what_a_key_reads(upstream: Upstream, tmp_path: Path, path: str) -> None:
    shape, names = SHAPES[path]
    async with running(upstream, tmp_path, {}) as router:
        browser = await opened(router)
        by_key, by_session = await manage(router, "GET", path), await browser.send("GET", path)
        assert (by_key.status, by_key.body) == (200, by_session.body)
        assert set(by_key.json) == names
        msgspec.json.decode(by_key.body, type=shape)


async def test_status_names_every_account_with_its_state(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        told = (await manage(router, "GET", "/status")).json
        openai = next(each for each in told["providers"] if each["provider"] == "openai")
        assert [account["state"] for account in openai["accounts"]] == ["ready", "ready"]
        assert set(openai["accounts"][0]) == {"account", "state", "cause", "until"}
        assert openai["reason"] is None and "chat" in openai["dialects"]


async def test_routing_is_told_in_the_order_in_which_it_counts(upstream: Upstream, tmp_path: Path) -> None:
    models = {
        "aliases": {"quick": "gpt-4.1", "old-*": ["gpt-4.1", "gpt-5"]},
        "combos": {
            "smart": {"targets": [{"model": "gpt-5", "weight": 3}, "gpt-4.1"], "strategy": "weighted"},
            "plain": {"targets": ["gpt-5", "gpt-4.1"]},
        },
        "routing": [
            {"pattern": "^gpt", "providers": ["openai"], "priority": 5},
            {"pattern": "^claude", "providers": ["anthropic"], "grace": 3},
        ],
        "exclusions": ["*-preview"],
    }
    async with running(upstream, tmp_path, {"models": models}) as router:
        told = (await manage(router, "GET", "/routing")).json
        assert told["aliases"] == [
            {"name": "quick", "targets": ["gpt-4.1"]},
            {"name": "old-*", "targets": ["gpt-4.1", "gpt-5"]},
        ]
        combos = [(each["name"], [tuple(member.values()) for member in each["members"]]) for each in told["combos"]]
        assert combos == [
            ("smart", [("gpt-5", 3), ("gpt-4.1", 1)]),
            ("plain", [("gpt-5", None), ("gpt-4.1", None)]),
        ]
        routes = [(each["number"], each["pattern"], each["ranks"], each["grace"]) for each in told["routes"]]
        assert routes == [(2, "^claude", [["anthropic"]], 3), (1, "^gpt", [["openai"]], None)]
        assert told["exclusions"] == ["*-preview"] and told["smaller"] == []
        await router.reloaded({"models": {"aliases": {"slow": "gpt-5"}}})
        told = (await manage(router, "GET", "/routing")).json
        assert [each["name"] for each in told["aliases"]] == ["slow"] and told["routes"] == []


async def test_explain_says_what_it_wants(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        for query, told in (("", "`model`"), ("?model=", "$.model"), ("?model=gpt-4.1&dialect=latin", "$.dialect")):
            answer = await manage(router, "GET", f"/explain{query}")
            assert answer.status == 400 and told in answer.json["error"]["message"]
        outcome = (await manage(router, "GET", "/explain?model=nothing-like-it")).json["outcome"]
        assert outcome["action"] == "refuse"
