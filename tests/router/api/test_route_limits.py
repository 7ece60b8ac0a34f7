"""Limits of one call: what a rule of `models.routing` says of them, and what a caller asks for by headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, Answer, Running, ask, running
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang, status

SILENT = Misbehaviour(after_events=0, ending="stall")


def rule(**limits: Any) -> dict[str, Any]:
    """Only the models of one rule are limited."""
    return {"models": {"routing": [{"pattern": "^gpt-4", "providers": ["openai"], **limits}]}}


async def send(router: Running, model: str = "gpt-4.1", dialect: str = "chat", **headers: str) -> Answer:
    path, body = ask(dialect, model, "kettle", stream=True)
    return await router.send(path, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_a_rule_says_how_long_a_first_token_may_take(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, rule(first_token=0.3)) as router:
        upstream.script(SILENT, model="gpt-4.1")
        assert (await send(router)).status == 504


async def test_a_rule_says_how_often_it_is_tried(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, rule(max_attempts=1)) as router:
        upstream.script(*[status(500)] * 5, model="gpt-4.1")
        answer = await send(router)
        assert (answer.status, answer.headers["x-switchyard-attempts"]) == (502, "1")


async def test_a_rule_says_when_no_further_attempt_begins(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, rule(deadline=0.1)) as router:
        upstream.script(Misbehaviour(status=500, delay=0.3), model="gpt-4.1")
        answer = await send(router)
        assert (answer.status, answer.headers["x-switchyard-attempts"]) == (502, "1")


async def test_a_rule_says_how_long_a_stream_may_be_silent(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, rule(idle=0.3, resume="error")) as router:
        upstream.script(Misbehaviour(after_events=3, ending="stall"), model="gpt-4.1")
        answer = await send(router)
        assert answer.status == 200 and "error" in answer.frames[-1][1]


async def test_a_rule_says_how_long_a_call_may_take(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, rule(total=0.3)) as router:
        upstream.script(hang(), model="gpt-4.1")
        assert (await send(router)).status == 504


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_caller_may_ask_for_a_deadline(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, {}) as router:
        upstream.script(hang(), model="gpt-4.1")
        answer = await send(router, dialect=dialect, x_switchyard_deadline="0.3")
        assert answer.status == 504


async def test_a_caller_may_ask_for_a_quick_first_token_and_not_for_a_slower_one(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, rule()) as router:
        upstream.script(SILENT, model="gpt-4.1")
        assert (await send(router, x_switchyard_first_token_timeout="0.3")).status == 504
    async with running(upstream, tmp_path / "b", rule(first_token=0.3)) as router:
        upstream.script(SILENT, model="gpt-4.1")
        assert (await send(router, x_switchyard_first_token_timeout="50")).status == 504


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e9", ""])
@pytest.mark.parametrize("header", ["x-switchyard-deadline", "x-switchyard-first-token-timeout"])
async def test_what_is_no_time_is_refused(router: Running, header: str, value: str) -> None:
    path, body = ask("chat", "gpt-4.1", "kettle")
    answer = await router.send(path, body, headers={header: value})
    assert answer.status == 400
    assert header in answer.json["error"]["message"]
