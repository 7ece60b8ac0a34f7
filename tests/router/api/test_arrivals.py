"""Calls that only a service could answer wait for it while it is about to come."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.router.api.harness import DIALECTS, ask
from tests.router.api.relaying import WITHIN, relayed
from tests.router.api.test_relay import MODEL, spawn
from tests.simulators import Upstream

LONG = {"relay": {"arrival_wait": 60}}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_waits_for_a_service_that_is_about_to_come(
    upstream: Upstream, tmp_path: Path, *, stream: bool
) -> None:
    async with relayed(upstream, tmp_path, LONG) as it:
        calls = [spawn(it.router.ask(dialect, MODEL, stream=stream)) for dialect in DIALECTS]
        await it.router.until(lambda: it.router.router._gateway.open_calls == len(DIALECTS))
        await it.connect()
        answers = await asyncio.wait_for(asyncio.gather(*calls), WITHIN)
        assert [answer.status for answer in answers] == [200] * len(DIALECTS)


async def test_a_service_whose_connection_was_lost_is_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, LONG) as it:
        desk = await it.connect()
        it.router.router._gateway.arrivals._started = -1e9  # the start was long ago
        await desk.vanish()
        await it.router.until(lambda: not it.names())
        call = spawn(it.router.ask("chat", MODEL))
        await it.router.until(lambda: it.router.router._gateway.open_calls == 1)
        await it.connect()
        assert (await asyncio.wait_for(call, WITHIN)).status == 200


async def test_nobody_waits_longer_than_the_settings_say(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, {"relay": {"arrival_wait": 0.2}}) as it:
        answer = await asyncio.wait_for(it.router.ask("chat", MODEL), WITHIN)
        assert answer.status == 503


async def test_a_caller_that_leaves_does_not_wait_on(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, LONG) as it:
        path, body = ask("chat", MODEL, stream=True)
        call = spawn(it.router.send(path, body))
        await it.router.until(lambda: it.router.router._gateway.open_calls == 1)
        call.cancel()
        await it.router.until(lambda: it.router.router._gateway.open_calls == 0)


async def test_what_no_service_could_serve_is_refused_at_once(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, LONG) as it:
        answer = await asyncio.wait_for(it.router.ask("chat", "no-such-model"), WITHIN)
        assert answer.status == 404


async def test_a_service_that_is_switched_off_is_not_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, {**LONG, "providers": {"aistudio": {"enabled": False}}}) as it:
        answer = await asyncio.wait_for(it.router.ask("chat", MODEL), WITHIN)
        assert answer.status == 503
