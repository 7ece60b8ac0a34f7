"""What the process is doing, by management: only where it is turned on, only here, only for admins."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.router.api.harness import MANAGEMENT, Running, ask, running
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream
from tests.simulators.faulty import hang

ON = {"observe": {"debug": True}, "auth": {"management": {"remote": True, "key": MANAGEMENT}}}
PATHS = (
    ("GET", "/debug/tasks", None),
    ("GET", "/debug/memory", None),
    ("PUT", "/debug/tracing", {"on": False}),
    ("POST", "/debug/profile", {"seconds": 0.1}),
)


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, ON) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def test_it_is_off_by_default_and_turned_off_at_once(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        for method, path, body in PATHS:
            answer = await manage(router, method, path, body)
            assert answer.status == 404 and "observe.debug" in answer.json["error"]["message"]
        assert asyncio.get_running_loop().get_task_factory() is None
        await router.reloaded({"observe": {"debug": True}})
        assert asyncio.get_running_loop().get_task_factory() is not None
        await router.reloaded({})
        assert asyncio.get_running_loop().get_task_factory() is None
        assert (await manage(router, "GET", "/debug/tasks")).status == 404


async def test_it_is_told_on_this_machine_to_admins_alone(desk: Running) -> None:
    operator = await made_key(desk, "helper", "operator")
    for method, path, body in PATHS:
        away = await manage(desk, method, path, body, x_forwarded_for="203.0.113.9")
        assert away.status == 403 and "this machine" in away.json["error"]["message"]
        assert (await manage(desk, method, path, body, key=operator)).status == 403


async def test_every_task_has_a_name_an_age_and_a_place(desk: Running) -> None:
    desk.upstream.always(hang())
    waiting = asyncio.get_running_loop().create_task(desk.send(*ask("chat", "gpt-4.1")), name="caller")
    await desk.upstream.arrived(1)
    told = (await manage(desk, "GET", "/debug/tasks")).json
    assert told["count"] == len(told["tasks"]) > 5
    named = {each["name"]: each for each in told["tasks"]}
    assert named["app:watch settings"]["coroutine"] == "Tasks._repeat"
    assert 0 <= named["caller"]["age"] < 60
    assert named["caller"]["at"].endswith(".py:" + named["caller"]["at"].rpartition(":")[2])
    ages = [each["age"] for each in told["tasks"] if each["age"] is not None]
    assert ages == sorted(ages, reverse=True)
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_memory_is_told_and_traced_on_demand(desk: Running) -> None:
    before = (await manage(desk, "GET", "/debug/memory")).json
    assert before["traced"] is None and before["peak"] > 10_000_000
    assert before["resident"] is None or 0 < before["resident"] <= before["peak"] * 1.1
    assert len(before["pending"]) == 3
    assert (await manage(desk, "PUT", "/debug/tracing", {"on": True})).status == 204
    traced = (await manage(desk, "GET", "/debug/memory")).json["traced"]
    assert traced["current"] > 0 and 0 < len(traced["top"]) <= 30
    assert (await manage(desk, "PUT", "/debug/tracing", {"on": 1})).status == 400
    assert (await manage(desk, "PUT", "/debug/tracing", {"on": False})).status == 204
    assert not tracemalloc.is_tracing()
    assert (await manage(desk, "PUT", "/debug/tracing", {"on": True})).status == 204
    await desk.stop()
    assert not tracemalloc.is_tracing()  # what it started ends with it


async def test_where_the_time_goes_is_told_after_some_seconds_of_calls(desk: Running) -> None:
    profile = asyncio.get_running_loop().create_task(manage(desk, "POST", "/debug/profile", {"seconds": 1.0}))
    await desk.until(lambda: desk.router._debugging._profiling)
    for _ in range(3):
        assert (await desk.ask("chat", "gpt-4.1")).status == 200
    told = (await profile).json
    assert 1.0 <= told["seconds"] < 20 and 0 < told["busy"] <= told["seconds"]
    assert 0 < len(told["top"]) <= 30 and all(row["own"] <= row["whole"] for row in told["top"])
    assert any(
        row["at"].count("/") <= 2 and row["at"].endswith(".py:" + row["at"].rpartition(":")[2]) for row in told["top"]
    )
    assert desk.router._debugging._profiling is None
    assert (await manage(desk, "POST", "/debug/profile", {"seconds": 61})).status == 400


async def test_a_profile_is_one_at_a_time_and_ends_with_the_setting(desk: Running) -> None:
    profile = asyncio.get_running_loop().create_task(manage(desk, "POST", "/debug/profile", {"seconds": 60}))
    await desk.until(lambda: desk.router._debugging._profiling)
    again = await manage(desk, "POST", "/debug/profile", {"seconds": 0.1})
    assert again.status == 409 and "already" in again.json["error"]["message"]
    await desk.reloaded({**ON, "observe": {"debug": False}})
    assert (await profile).json["seconds"] < 60
