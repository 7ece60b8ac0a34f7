"""What an operator changes of a signed-in account over HTTP shows in who answers the next call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.router.api.harness import MANAGEMENT, Running
from tests.router.api.subscribed import MODELS, subscribed, token_of
from tests.simulators import Upstream

MANAGES = {"authorization": f"Bearer {MANAGEMENT}"}
PROVIDER = "claude-oauth"
MODEL = MODELS[PROVIDER]
NOBODY = "http://127.0.0.1:9"
CALLS = 8


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


async def change(router: Running, label: str, changes: dict[str, Any]) -> None:
    answer = await router.send(f"/v1/auth/{PROVIDER}/{label}", changes, method="PATCH", headers=MANAGES)
    assert answer.status == 200, answer.body


async def shares(router: Running, model: str = MODEL) -> dict[str, int]:
    """How many of `CALLS` calls each account answered, by its label."""
    before = len(router.upstream.requests)
    for number in range(CALLS):
        answer = await router.ask("chat", f"{PROVIDER}/{model}", f"call {number}")
        assert answer.status == 200, answer.body
    tokens = [request.headers["authorization"] for request in router.upstream.requests[before:]]
    return {label: tokens.count(f"Bearer {token_of(PROVIDER, label)}") for label in ("a", "b")}


HALVES, ALL_B = {"a": CALLS // 2, "b": CALLS // 2}, {"a": 0, "b": CALLS}


@pytest.mark.parametrize(
    ("to_a", "back", "expected"),
    [
        ({"disabled": True}, {"disabled": False}, ALL_B),
        ({"priority": 1}, {"priority": 0}, ALL_B),
        ({"excluded": ["claude-sonnet-*"]}, {"excluded": []}, ALL_B),
        ({"weight": 3}, {"weight": 1}, {"a": CALLS * 3 // 4, "b": CALLS // 4}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_the_share_of_an_account_follows_what_is_set_and_comes_back(
    upstream: Upstream, tmp_path: Path, to_a: dict[str, Any], back: dict[str, Any], expected: dict[str, int]
) -> None:
    changes = {"routing": {"strategy": "weighted"}}
    async with subscribed(upstream, tmp_path, "a", "b", changes=changes) as router:
        assert await shares(router) == HALVES
        await change(router, "a", to_a)
        assert await shares(router) == expected
        await change(router, "a", back)
        assert await shares(router) == HALVES


async def test_the_proxy_of_an_account_is_what_its_calls_leave_by(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path) as router:
        await change(router, "a", {"proxy": NOBODY})
        answer = await router.ask("chat", f"{PROVIDER}/{MODEL}")
        assert answer.status >= 500 and upstream.requests == []
        await change(router, "a", {"proxy": None})
        await router.until(lambda: router.router._gateway.health.resting(f"{PROVIDER}/a") is None)
        assert (await router.ask("chat", f"{PROVIDER}/{MODEL}")).status == 200


async def test_a_name_that_one_account_has_is_answered_by_that_one(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path, "a", "b") as router:
        assert (await router.ask("chat", f"{PROVIDER}/mine")).status == 404
        await change(router, "b", {"aliases": {"mine": MODEL}})
        assert await shares(router, "mine") == ALL_B
        await change(router, "b", {"aliases": {}})
        assert (await router.ask("chat", f"{PROVIDER}/mine")).status == 404


async def test_two_accounts_think_as_much_as_each_is_set_to(upstream: Upstream, tmp_path: Path) -> None:
    async def told() -> dict[str, Any]:
        asked = {"reasoning_effort": "high", "max_tokens": 30_000}
        found = {}
        for number in range(2):
            answer = await router.ask("chat", f"{PROVIDER}/{MODEL}", f"call {number}", **asked)
            assert answer.status == 200, answer.body
            request = upstream.requests[-1]
            label = "a" if request.headers["authorization"] == f"Bearer {token_of(PROVIDER, 'a')}" else "b"
            found[label] = request.body.get("thinking", {}).get("budget_tokens")
        return found

    async with subscribed(upstream, tmp_path, "a", "b") as router:
        alike = await told()
        assert alike["a"] == alike["b"] > 5000
        await change(router, "a", {"thinking": {"max": 5000}})
        await change(router, "b", {"thinking": {"mode": "off"}})
        assert await told() == {"a": 5000, "b": None}
        wrong = {"thinking": {"mode": "fixed"}}
        answer = await router.send(f"/v1/auth/{PROVIDER}/a", wrong, method="PATCH", headers=MANAGES)
        assert answer.status == 400 and "thinking with mode fixed needs default" in answer.json["error"]["message"]
        for label in ("a", "b"):
            await change(router, label, {"thinking": None})
        assert await told() == alike
