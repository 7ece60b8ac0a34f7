"""Budgets of keys for whoever may only look: names and figures, and nothing of the keys themselves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from router.access.keys import ClientKey, digest, key_id
from router.access.limits import KeyLimits
from router.money import MICRO
from router.secret import Secret
from tests.router.api.harness import KEY, Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.test_ledger import every_call
from tests.simulators import Upstream

LIMITS = {"usd_per_day": 5, "tokens_per_month": 1000, "requests_per_minute": 50, "soft": 0.5}
SETTINGS: dict[str, Any] = {
    "auth": {"keys": [{"name": "tester", "key": KEY, "limits": LIMITS}, {"name": "free", "key": "sk-free"}]}
}


async def budgets(router: Running, key: str) -> list[dict[str, Any]]:
    answer = await manage(router, "GET", "/budgets", key=key)
    assert answer.status == 200, answer.body
    return list(answer.json["budgets"])


async def test_a_viewer_sees_what_is_used_of_which_budget_and_until_when(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, SETTINGS) as router:
        await router.until(lambda: router.router.recall.memory)
        viewer = await made_key(router, "watcher", "viewer")
        assert [each["used"] for each in await budgets(router, viewer)] == [0, 0]
        answer = await router.ask("chat", "gpt-4.1", "x" * 400)
        used = answer.json["usage"]["total_tokens"]
        (row,) = await every_call(router, 1)
        tokens, dollars = await budgets(router, viewer)
        now = time.time()
        assert (tokens["key"], tokens["limit"], tokens["unit"]) == ("tester", "tokens_per_month", "tokens")
        assert (tokens["used"], tokens["most"], tokens["soft"]) == (used, 1000, 0.5)
        assert (dollars["limit"], dollars["used"], dollars["most"]) == ("usd_per_day", row["cost"] / 1e6, 5)
        assert 0 < dollars["resets_at"] - now <= 86_400 and dollars["resets_at"] % 86_400 == 0
        assert dollars["resets_at"] <= tokens["resets_at"] <= now + 31 * 86_400
        told = (await manage(router, "GET", "/budgets", key=viewer)).body.decode()
        assert KEY not in told and viewer not in told
        assert '"id"' not in told and "digest" not in told
        assert "free" not in told, "it has no budget"
        assert (await manage(router, "GET", "/keys", key=viewer)).status == 403


async def test_what_was_used_before_a_restart_is_known_at_the_first_look(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, SETTINGS) as router:
        await router.until(lambda: router.router.recall.memory)
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        (row,) = await every_call(router, 1)
        viewer = await made_key(router, "watcher", "viewer")
    async with running(upstream, tmp_path, SETTINGS, keep=True) as again:
        used = {each["limit"]: each["used"] for each in await budgets(again, viewer)}
        assert used == {"usd_per_day": row["cost"] / 1e6, "tokens_per_month": row["fresh_input"] + row["output"]}
        keys = (await manage(again, "GET", "/keys")).json["keys"]
        (tester,) = [each for each in keys if each["name"] == "tester"]
        assert tester["used"]["usd_per_day"] == used["usd_per_day"]


async def test_a_key_that_is_revoked_has_no_budget_any_more(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        made = (await manage(router, "POST", "/keys", {"name": "short", "limits": {"usd_per_month": 1}})).json
        viewer = await made_key(router, "watcher", "viewer")
        assert [each["key"] for each in await budgets(router, viewer)] == ["short"]
        await manage(router, "DELETE", f"/keys/{made['id']}")
        assert await budgets(router, viewer) == []


async def test_a_key_that_stands_in_two_places_has_one_budget_the_one_that_counts(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, SETTINGS) as router:
        await router.until(lambda: router.router.recall.memory)
        hexadecimal = digest(Secret(KEY))
        also = ClientKey(
            id=key_id(hexadecimal), name="also", digest=hexadecimal, limits=KeyLimits(usd_per_day=2 * MICRO)
        )
        await router.router.recall.memory.add_key(also)
        viewer = await made_key(router, "watcher", "viewer")
        told = {(each["key"], each["limit"]): each["most"] for each in await budgets(router, viewer)}
        assert told == {("tester", "usd_per_day"): 2, ("tester", "tokens_per_month"): 1000}
