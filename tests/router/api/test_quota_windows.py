"""Quota windows through the whole router: read from answers, shown, and used to choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.accounts.quota import Window
from tests.router.api.harness import OPENAI_KEYS, Running, running
from tests.router.api.subscribed import MODELS, subscribed
from tests.simulators import Upstream
from tests.simulators.faulty import status


async def test_what_an_answer_says_of_a_plan_is_a_gauge_and_shown_of_the_account(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with subscribed(upstream, tmp_path) as router:
        assert (await router.ask("responses", f"chatgpt-oauth/{MODELS['chatgpt-oauth']}")).status == 200
        labels = '{account="chatgpt-oauth/a",provider="chatgpt-oauth",window="primary"}'
        seen = await router.metrics()
        assert seen[f"switchyard_quota_used_ratio{labels}"] == pytest.approx(0.125)
        resets = seen[f"switchyard_quota_resets_at_seconds{labels}"]
        assert resets == pytest.approx(router.router._clock.wall() + 9000, abs=60)
        shown = {each["account"]: each["quota"] for each in (await router.management("accounts"))["accounts"]}
        assert {each["name"]: each["used_percent"] for each in shown["chatgpt-oauth/a"]} == {
            "primary": 12.5,
            "secondary": 40,
        }


async def keys_used(router: Running, calls: int = 6) -> set[str]:
    before = len(router.upstream.requests)
    for _ in range(calls):
        assert (await router.ask("chat", "gpt-4.1")).status == 200
    return {attempt.key for attempt in router.upstream.requests[before:]}


@pytest.mark.parametrize(
    ("strategy", "keys"), [("round_robin", set(OPENAI_KEYS)), ("most-quota-left", {OPENAI_KEYS[1]})]
)
async def test_the_setting_decides_whether_quotas_choose(
    upstream: Upstream, tmp_path: Path, strategy: str, keys: set[str]
) -> None:
    async with running(upstream, tmp_path, {"routing": {"strategy": strategy}}) as router:
        windows, now = router.router._gateway.windows, router.router._clock.wall()
        for account, used in (("openai/1", 0.9), ("openai/2", 0.1)):
            windows.told(account, [Window(name="day", used=used, resets_at=now + 3600, seen_at=now)])
        assert await keys_used(router) == keys


async def test_a_plan_that_closes_rests_before_the_next_call_meets_it(upstream: Upstream, tmp_path: Path) -> None:
    async with subscribed(upstream, tmp_path, "a", "b") as router:
        plan = "anthropic-ratelimit-unified"
        reset = str(int(router.router._clock.wall()) + 900)
        said = {f"{plan}_status": "rejected", f"{plan}_reset": reset}
        upstream.script(status(429, **{name.replace("-", "_"): value for name, value in said.items()}))
        for _ in range(4):
            assert (await router.ask("messages", f"claude-oauth/{MODELS['claude-oauth']}")).status == 200
        failed, *others = [attempt.key for attempt in upstream.requests]
        assert failed not in others
        states = {each["account"]: each for each in (await router.management("accounts"))["accounts"]}
        assert sorted(states[f"claude-oauth/{label}"]["state"] for label in "ab") == ["cooling", "ready"]


async def test_explain_names_who_would_stand_in(upstream: Upstream, tmp_path: Path) -> None:
    smaller = {"quota_exceeded": "smaller_model", "smaller_models": {"gpt-*": "claude-haiku-4-5"}}
    async with running(upstream, tmp_path, {"routing": smaller}) as router:
        told = await router.management("explain?model=gpt-4.1")
        assert [(each["provider"], each["model"]) for each in told["smaller"]] == [("anthropic", "claude-haiku-4-5")]
        assert (await router.management("explain?model=claude-sonnet-4-5"))["smaller"] == []
