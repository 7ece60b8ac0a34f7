"""What people see of a running gateway: the first screen, the newest calls and their story, the log, as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import MANAGEMENT, Running, running
from tests.router.api.manage.desk import P, made_key, manage
from tests.router.api.relaying import Relayed, relayed
from tests.router.api.test_relay import spawn
from tests.simulators import Upstream
from tests.simulators.faulty import status


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def events(router: Running, path: str) -> AsyncIterator[Any]:
    headers = {"authorization": f"Bearer {MANAGEMENT}"}
    async with router.client.get(router.url + P + path, headers=headers) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.content:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


async def test_the_first_screen(desk: Running, upstream: Upstream) -> None:
    upstream.script(status(401), model="claude-sonnet-4-5")
    await desk.ask("messages", "claude-sonnet-4-5")
    seen = (await manage(desk, "GET", "/overview")).json
    providers = {each["id"]: each for each in seen["providers"]}
    assert set(providers) == {"openai", "anthropic", "gemini"}
    assert providers["openai"] | {"reason": ""} == providers["openai"]
    assert (providers["openai"]["state"], providers["openai"]["ready"], providers["openai"]["accounts"]) == ("ok", 2, 2)
    assert providers["anthropic"]["state"] == "down" and providers["anthropic"]["retry_at"] > seen["now"]
    assert (providers["anthropic"]["tries"], providers["anthropic"]["failed"]) == (1, 1)
    await desk.ask("chat", "gpt-4.1", [])  # type: ignore[arg-type]
    await desk.ask("chat", "gpt-4.1")
    openai = (await manage(desk, "GET", "/overview")).json["providers"][0]
    assert (openai["id"], openai["tries"], openai["failed"]) == ("openai", 1, 0)
    assert [(each["asked"], each["outcome"]) for each in seen["failures"]] == [("claude-sonnet-4-5", "upstream_auth")]
    assert any(cause["cause"] == "cooling" for cause in seen["causes"])


async def test_a_service_that_is_turned_on_and_not_connected_is_missing(upstream: Upstream, tmp_path: Path) -> None:
    async def seen(it: Relayed) -> tuple[dict[str, Any], list[Any]]:
        told = (await manage(it.router, "GET", "/overview")).json
        return {each["id"]: each for each in told["providers"]}["aistudio"], told["missing"]

    async with relayed(upstream, tmp_path, {"providers": {"aistudio": {"keep_fresh": 0}}}) as it:
        provider, (missing,) = await seen(it)
        assert (provider["state"], provider["accounts"]) == ("down", 0)
        assert missing["wanted"] and missing["program"] == "aistudio" and "make up" in missing["remedy"]
        desk, spare = await it.connect("desk"), await it.connect("spare")
        provider, missing = await seen(it)
        assert provider["state"] == "ok" and missing == []
        await spare.vanish()
        await it.router.until(lambda: it.names() == ["desk"])
        _, (gone,) = await seen(it)
        assert (gone["name"], gone["wanted"]) == ("spare", False) and "socket was closed" in gone["cause"]
        await desk.vanish()
        await it.router.until(lambda: it.names() == [])
        provider, (down, _) = await seen(it)
        assert provider["state"] == "down" and (down["name"], down["wanted"]) == ("desk", True)
        assert down["since"] >= gone["since"] > 0


async def test_a_model_that_fails_again_and_again_rests_until_it_is_tried(desk: Running, upstream: Upstream) -> None:
    upstream.script(*[status(500)] * 6, model="gpt-4.1")
    for _ in range(3):
        await desk.ask("chat", "gpt-4.1")
    seen = (await manage(desk, "GET", "/overview")).json
    (resting,) = next(each for each in seen["providers"] if each["id"] == "openai")["circuits"]
    assert resting["model"] == "gpt-4.1" and resting["retry_at"] > seen["now"] and "500" in resting["reason"]
    assert seen["supervised"] is False


async def test_calls_are_listed_with_their_story(desk: Running, upstream: Upstream) -> None:
    upstream.script(status(500), model="gpt-4.1")
    await desk.ask("chat", "gpt-4.1", "one secret prompt")
    await desk.ask("gemini", "gemini-2.5-flash", stream=True)
    listed = (await manage(desk, "GET", "/calls")).json["calls"]
    assert [each["asked"] for each in listed] == ["gemini-2.5-flash", "gpt-4.1"]
    one = (await manage(desk, "GET", f"/calls/{listed[1]['id']}")).json
    assert [each["outcome"] for each in one["attempts"]] == ["upstream_broken", "ok"]
    assert one["attempts"][0]["status"] == 500 and one["input"] > 0
    assert all("looks like its model" in each["why"] for each in one["attempts"])
    assert [each["chosen"] for each in one["attempts"]] == ["it is its turn (round_robin)"] * 2
    assert listed[0]["attempts"][0]["chosen"] == ""  # the provider has one account
    assert one["cost"] == sum(each["cost"] or 0 for each in one["attempts"]) > 0
    assert "secret prompt" not in json.dumps(listed)
    troubled = (await manage(desk, "GET", "/calls?failed=true")).json["calls"]
    assert [each["asked"] for each in troubled] == ["gpt-4.1"]
    for query, count in (("provider=openai", 1), ("model=gemini-2.5-flash", 1), ("text=GEMINI", 1), ("key=nobody", 0)):
        assert len((await manage(desk, "GET", f"/calls?{query}")).json["calls"]) == count, query
    assert (await manage(desk, "GET", "/calls/nothing")).status == 404
    assert (await manage(desk, "GET", "/calls?limit=0")).status == 400


async def test_calls_and_their_story_are_known_after_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        upstream.script(status(500), model="gpt-4.1")
        await router.ask("chat", "gpt-4.1")
        await router.ask("gemini", "gemini-2.5-flash", stream=True)
        await router.ask("chat", "no-such-model")
        before = (await manage(router, "GET", "/calls")).json["calls"]
        failed = (await manage(router, "GET", "/overview")).json["failures"]
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: any(router.router._recent.newest()))
        await router.ask("chat", "gpt-4.1")
        after = (await manage(router, "GET", "/calls")).json["calls"]
        assert len(after) == len(before) + 1 and after[0]["asked"] == "gpt-4.1"
        for old, new in zip(before, after[1:], strict=True):
            assert abs(old.pop("at") - new.pop("at")) < 1
            assert new == old
        assert (await manage(router, "GET", f"/calls/{before[0]['id']}")).json["id"] == before[0]["id"]
        told = (await manage(router, "GET", "/overview")).json["failures"]
        assert [each["id"] for each in told] == [each["id"] for each in failed] != []


async def test_calls_come_as_they_end(desk: Running) -> None:
    stream = events(desk, "/calls/live?model=gpt-4.1")
    first = spawn(anext(stream))
    await desk.until(lambda: desk.router._recent.listeners)
    await desk.ask("gemini", "gemini-2.5-flash")
    await desk.ask("chat", "gpt-4.1")
    assert (await asyncio.wait_for(first, 5))["asked"] == "gpt-4.1"
    await stream.aclose()  # type: ignore[attr-defined]
    await desk.until(lambda: not desk.router._recent.listeners)


async def test_the_log_comes_as_it_is_written(desk: Running) -> None:
    stream = events(desk, "/logs/live?limit=500")
    seen: list[str] = []
    await desk.ask("chat", "gpt-4.1", headers={"user-agent": "kettle/1"})

    async def look() -> None:
        async for line in stream:
            seen.append(line["text"])
            if "gpt-4.1 -> openai/gpt-4.1" in line["text"]:
                return

    await asyncio.wait_for(look(), 5)
    assert any("switchyard" in text for text in seen)
    await stream.aclose()  # type: ignore[attr-defined]
    await desk.until(lambda: not desk.router._tail._listeners)
    lines = (await manage(desk, "GET", "/logs?level=error")).json["lines"]
    assert lines == []


async def test_a_drain_ends_live_streams(desk: Running) -> None:
    stream = events(desk, "/calls/live")
    first = spawn(anext(stream, None))
    await desk.until(lambda: desk.router._recent.listeners)
    desk.drain.start()
    assert await asyncio.wait_for(first, 5) is None


async def test_keys_are_made_listed_and_revoked(desk: Running) -> None:
    key = await made_key(desk, "laptop", "client")
    called = await desk.send("/v1/models", headers={"authorization": f"Bearer {key}"})
    assert called.status == 200
    listed = {each["name"]: each for each in (await manage(desk, "GET", "/keys")).json["keys"]}
    assert listed["laptop"]["source"] == "database" and listed["tester"]["source"] == "settings"
    assert key not in json.dumps(listed)
    again = await manage(desk, "POST", "/keys", {"name": "laptop"})
    assert again.status == 409 and "already a key named" in again.json["error"]["message"]
    assert "already a key named" in again.json["error"]["fields"]["name"]
    wrong = await manage(desk, "POST", "/keys", {"name": "other", "limits": {"usd_per_day": 0}})
    assert list(wrong.json["error"]["fields"]) == ["limits.usd_per_day"]
    fixed = await manage(desk, "DELETE", f"/keys/{listed['tester']['id']}")
    assert fixed.status == 409 and "key of the settings" in fixed.json["error"]["message"]
    assert (await manage(desk, "DELETE", f"/keys/{listed['laptop']['id']}")).status == 204
    assert (await manage(desk, "DELETE", f"/keys/{listed['laptop']['id']}")).status == 404
