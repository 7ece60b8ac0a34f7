"""A second target is asked beside a slow one: the first answer counts, the other call ends at once and is paid for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, ask, running
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang, status

MODELS = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}
NAME = "pair"
SLOW = Misbehaviour(delay=30)


def hedged(value: Any, **retry: Any) -> dict[str, Any]:
    pair = [f"{provider}/{model}" for provider, model in MODELS.items()]
    return {"models": {"aliases": {NAME: pair}}, "retry": {"hedge": value, **retry}}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_second_target_answers_where_the_first_is_slow(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(SLOW, model=MODELS["openai"])
        answer = await asyncio.wait_for(router.ask(dialect, NAME, "kettle", stream=stream), 10)
        assert answer.status == 200 and "kettle" in answer.text
        assert answer.headers["x-switchyard-provider"] == "anthropic"
        assert answer.headers["x-switchyard-attempts"] == "2"
        await router.until(lambda: upstream.requests[0].cancelled)


async def test_without_it_the_first_target_is_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged("off")) as router:
        upstream.script(Misbehaviour(delay=0.5), model=MODELS["openai"])
        answer = await router.ask("chat", NAME, "kettle", stream=True)
        assert answer.headers["x-switchyard-provider"] == "openai" and len(upstream.requests) == 1


async def test_a_rule_has_its_own_word(upstream: Upstream, tmp_path: Path) -> None:
    rule = {"pattern": "^gpt", "providers": ["openai"], "hedge": 0.1}
    async with running(upstream, tmp_path, {"models": {"routing": [rule]}}) as router:
        upstream.script(SLOW, model="gpt-4.1")
        answer = await asyncio.wait_for(router.ask("chat", "gpt-4.1", "kettle", stream=True), 10)
        assert (answer.status, len(upstream.requests)) == (200, 2)


async def test_the_first_answer_counts_also_where_the_second_was_asked(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(Misbehaviour(delay=0.6), model=MODELS["openai"])
        upstream.script(SLOW, model=MODELS["anthropic"])
        answer = await router.ask("chat", NAME, "kettle", stream=True)
        assert answer.headers["x-switchyard-provider"] == "openai"
        await router.until(lambda: upstream.requests[1].cancelled)


async def test_a_quick_answer_asks_nobody_else(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(5)) as router:
        answer = await router.ask("chat", NAME, "kettle", stream=True)
        assert answer.status == 200 and len(upstream.requests) == 1


async def test_where_one_fails_the_other_answers_and_where_both_do_the_plan_goes_on(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(Misbehaviour(delay=0.3, status=500), model=MODELS["openai"])
        upstream.script(Misbehaviour(delay=0.5), model=MODELS["anthropic"])
        answer = await router.ask("chat", NAME, "kettle", stream=True)
        assert (answer.status, answer.headers["x-switchyard-provider"]) == (200, "anthropic")
        upstream.script(Misbehaviour(delay=0.2, status=500), model=MODELS["openai"])
        upstream.script(Misbehaviour(delay=0.2, status=500), model=MODELS["anthropic"])
        answer = await router.ask("chat", NAME, "kettle", stream=True)
        assert answer.status == 200 and answer.headers["x-switchyard-attempts"] == "3"


async def test_what_is_learnt_decides_where_it_is_automatic(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged("auto")) as router:
        for _ in range(10):  # nobody is asked twice before enough is known
            await router.ask("chat", "openai/gpt-4.1", "kettle", stream=True)
        assert len(upstream.requests) == 10
        upstream.script(SLOW, model=MODELS["openai"])
        answer = await asyncio.wait_for(router.ask("chat", NAME, "kettle", stream=True), 10)
        assert answer.headers["x-switchyard-provider"] == "anthropic"


async def test_a_caller_that_leaves_ends_both(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(hang(), model=MODELS["openai"])
        upstream.script(hang(), model=MODELS["anthropic"])
        path, body = ask("chat", NAME, "kettle", stream=True)
        call = asyncio.get_running_loop().create_task(router.send(path, body))
        await router.until(lambda: len(upstream.requests) == 2)
        call.cancel()
        await router.until(lambda: all(attempt.cancelled for attempt in upstream.requests))
        await router.until(lambda: router.router._gateway.open_calls == 0)
        assert router.router._health.snapshot().busy == {}


async def test_the_prompt_of_the_other_call_is_counted(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(SLOW, model=MODELS["openai"])
        await router.ask("messages", NAME, "kettle", stream=True)
        tokens = {name: value for name, value in (await router.metrics()).items() if "tokens_total" in name}
        assert tokens['switchyard_tokens_total{kind="fresh_input",provider="openai"}'] > 0
        assert tokens['switchyard_tokens_total{kind="fresh_input",provider="anthropic"}'] > 0


async def test_with_one_attempt_left_nobody_else_is_asked(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(0.1, max_attempts=1)) as router:
        upstream.script(Misbehaviour(delay=0.4), model=MODELS["openai"])
        assert (await router.ask("chat", NAME, "kettle", stream=True)).status == 200
        assert len(upstream.requests) == 1


async def test_a_target_alone_is_hedged_with_another_account(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, hedged(0.1)) as router:
        upstream.script(SLOW, model=MODELS["openai"])
        answer = await asyncio.wait_for(router.ask("chat", "openai/gpt-4.1", "kettle", stream=True), 10)
        assert answer.status == 200
        upstream.script(status(500), model=MODELS["openai"])  # and the next call goes on as ever
        assert (await router.ask("chat", "openai/gpt-4.1", "kettle", stream=True)).status == 200
