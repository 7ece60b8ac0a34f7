"""While nothing has arrived: after the grace a waiting stream gets its head and heartbeats, where clients bear them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.router.api.harness import DIALECTS, MODELS, OTHER, ask, running, scripted
from tests.router.api.test_midstream import chunk, ends_with_error, served_by
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import hang

SMALL = {"server": {"timeouts": {"grace": 0.1, "heartbeat": 0.3, "first_token": 30}}}
BEATS = {"chat": b": keep-alive\n\n", "responses": b": keep-alive\n\n", "messages": b'event: ping\ndata: {"type"'}


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
async def test_a_waiting_stream_gets_heartbeats_and_then_its_answer(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, SMALL) as router:
        upstream.always(Misbehaviour(delay=0.9))
        asked = (router.ask(dialect, model, "kettle", stream=True) for model in (MODELS[dialect], OTHER[dialect]))
        for answer in await asyncio.gather(*asked):
            assert answer.body.startswith(BEATS[dialect])
            assert "kettle" in answer.text


async def test_a_failure_after_heartbeats_is_told_in_the_stream(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, SMALL) as router:
        upstream.always(Misbehaviour(delay=0.8, status=400, message="no such luck"))
        asked = [(dialect, model[dialect]) for dialect in ("chat", "messages") for model in (MODELS, OTHER)]
        calls = (router.ask(dialect, model, stream=True) for dialect, model in (*asked, ("responses", "gpt-4.1")))
        *others, answer = await asyncio.gather(*calls)
        for (dialect, _), other in zip(asked, others, strict=True):
            assert other.body.startswith(BEATS[dialect])
            assert "no such luck" in ends_with_error(dialect, other)
        assert [event for event, _ in answer.frames] == ["error", "response.failed"]
        assert "no such luck" in answer.frames[0][1]["message"]


async def test_gemini_and_unstreamed_callers_get_no_heartbeat(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, SMALL) as router:
        upstream.always(Misbehaviour(delay=0.9, status=400, message="no such luck"))
        answers = await asyncio.gather(
            router.ask("gemini", MODELS["gemini"], stream=True),
            router.ask("gemini", OTHER["gemini"], stream=True),
            *(router.ask(dialect, MODELS[dialect]) for dialect in DIALECTS),
        )
        assert [answer.status for answer in answers] == [400] * 6


async def test_without_grace_a_failure_is_still_a_status(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"server": {"timeouts": {"grace": 0, "heartbeat": 0.3}}}) as router:
        upstream.script(Misbehaviour(delay=1.2, status=400))
        assert (await router.ask("chat", "gpt-4.1", stream=True)).status == 400


async def test_a_fail_over_behind_heartbeats_still_gives_the_answer(upstream: Upstream, tmp_path: Path) -> None:
    timeouts = {"grace": 0.1, "heartbeat": 0.2}
    async with running(upstream, tmp_path, {"server": {"timeouts": timeouts}}) as router:
        upstream.script(Misbehaviour(delay=0.8, status=500), None)
        answer = await router.ask("chat", "gpt-4.1", "kettle", stream=True)
        assert answer.body.startswith(b": keep-alive")
        assert "kettle" in answer.text
        assert len(upstream.requests) == 2


async def test_a_silent_stream_gets_heartbeats_in_the_middle(upstream: Upstream, tmp_path: Path) -> None:
    pieces = (chunk("one"), 1.3, chunk("two"), chunk("", "stop"))
    async with scripted(*pieces) as address, running(upstream, tmp_path, served_by(address, heartbeat=0.3)) as router:
        for dialect in ("chat", "messages"):
            answer = await router.ask(dialect, "gpt-4.1", stream=True)
            first, last = answer.body.index(b"one"), answer.body.index(b"two")
            assert BEATS[dialect] in answer.body[first:last]
            assert answer.text == "onetwo"


async def test_a_client_that_leaves_behind_heartbeats_cancels_the_upstream(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, SMALL) as router:
        upstream.script(hang())
        async with router.open(*ask("chat", "gpt-4.1", stream=True)) as response:
            assert response.status == 200
            [attempt] = await upstream.arrived(1)
            response.close()
        await asyncio.wait_for(attempt.ended.wait(), 2)
        assert attempt.cancelled
        await router.until(lambda: router.router._gateway.open_calls == 0)
