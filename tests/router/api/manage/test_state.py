"""The older reads of management: the same answers as ever, for sessions too, of the shapes that are described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.api.manage.account_shapes import AccountList
from router.api.manage.model_routes import Models
from router.api.manage.state_routes import Status
from tests.router.api.harness import running
from tests.router.api.manage.desk import manage, opened
from tests.simulators import Upstream

SHAPES: dict[str, tuple[Any, set[str]]] = {
    "/status": (Status, {"version", "draining", "config", "open_calls", "waiting", "providers"}),
    "/models": (Models, {"models"}),
    "/accounts": (AccountList, {"accounts", "files"}),
    "/relay": (dict[str, Any], {"sessions", "routers", "replaced", "services"}),
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


async def test_explain_says_what_it_wants(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        for query, told in (("", "`model`"), ("?model=", "$.model"), ("?model=gpt-4.1&dialect=latin", "$.dialect")):
            answer = await manage(router, "GET", f"/explain{query}")
            assert answer.status == 400 and told in answer.json["error"]["message"]
        outcome = (await manage(router, "GET", "/explain?model=nothing-like-it")).json["outcome"]
        assert outcome["action"] == "refuse"
