"""The relay from end to end: clients of four dialects, the real router, real sockets, services and a browser."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from router.faults import Fault
from router.relay.protocol.messages import Profile, Status
from tests.router.api.harness import DIALECTS, Answer, ask, error_text
from tests.router.api.relaying import WITHIN, Relayed, relayed
from tests.simulators import Misbehaviour, Upstream

T = TypeVar("T")
MODEL = "gemini-2.5-flash-aistudio"
ACCOUNT = {"observe": {"account_header": True}}


def spawn(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.get_running_loop().create_task(work)


def by(answer: Answer) -> str:
    return str(answer.headers["x-switchyard-account"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_is_answered_through_a_service(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        desk = await it.connect("desk")
        answer = await it.router.ask(dialect, MODEL, "grüß dich 👩‍🚀", stream=stream)
        assert answer.status == 200, answer.body
        assert "grüß dich 👩‍🚀" in answer.text
        assert answer.headers["x-switchyard-provider"] == "aistudio"
        assert by(answer) == "aistudio/desk"
        assert "/models/gemini-2.5-flash:" in desk.service.asked[0].url


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_is_answered_through_an_existing_browser_client(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    """It says no hello, knows neither numbers nor credit, sends header values as lists, and gets a key by address."""
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        browser = await it.browser()
        answer = await it.router.ask(dialect, MODEL, "grüß dich 👩‍🚀", stream=stream)
        assert answer.status == 200, answer.body
        assert "grüß dich 👩‍🚀" in answer.text
        assert by(answer) == "aistudio/browser-relay-1"
        assert browser.words == {"http_request"}


async def test_thinking_and_tools_come_through(upstream: Upstream, tmp_path: Path) -> None:
    tool = {"name": "look", "description": "d", "input_schema": {"type": "object", "properties": {}}}
    async with relayed(upstream, tmp_path) as it:
        await it.connect()
        path, body = ask("messages", MODEL, "TOOLS look THINK", stream=True, tools=[tool])
        answer = await it.router.send(
            path, {**body, "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}}
        )
        kinds = [frame["content_block"]["type"] for event, frame in answer.frames if event == "content_block_start"]
        assert kinds[0] == "thinking"
        assert kinds[-1] == "tool_use"


@pytest.mark.parametrize(
    "name", [MODEL, "ai-studio-gemini-2.5-flash", "aistudio/gemini-2.5-flash", f"aistudio/{MODEL}"]
)
async def test_every_way_to_name_its_models_means_the_same(upstream: Upstream, tmp_path: Path, name: str) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect(models=("gemini-2.5-flash",))
        answer = await it.router.ask("chat", name)
        assert (answer.status, answer.headers["x-switchyard-provider"]) == (200, "aistudio")
        assert "/models/gemini-2.5-flash:" in desk.service.asked[0].url


async def test_the_models_of_services_are_listed_while_they_are_there(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:

        async def listed() -> set[str]:
            models = (await it.router.send("/v1/models")).json["data"]
            return {model["id"] for model in models if "aistudio" in model["id"]}

        assert await listed() == set()
        desk = await it.connect(models=("gemini-2.5-pro", "gemini-9"))
        assert await listed() == {"gemini-2.5-pro-aistudio", "gemini-9-aistudio"}
        await desk.link.tell(Status(models=("gemini-9",)))
        await it.router.until(lambda: it.hub.sessions[0].models == ("gemini-9",))
        assert await listed() == {"gemini-9-aistudio"}
        await desk.vanish()
        await it.router.until(lambda: not it.names())
        assert await listed() == set()


async def test_without_a_service_the_reason_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        answer = await it.router.ask("chat", MODEL)
        assert answer.status == 503
        assert "no service is connected" in error_text("chat", answer.json)


async def test_tokens_are_counted_by_the_service(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        path = f"/v1beta/models/{MODEL}:countTokens"
        answer = await it.router.send(path, {"contents": [{"role": "user", "parts": [{"text": "one two"}]}]})
        assert answer.status == 200
        assert answer.json["totalTokens"] > 0
        assert desk.service.asked[0].url.endswith("gemini-2.5-flash:countTokens")


# Faults.


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("overloaded", 503), ("bad_request", 400)])
async def test_the_status_of_a_fault_survives(upstream: Upstream, tmp_path: Path, kind: str, status: int) -> None:
    async with relayed(upstream, tmp_path, {"retry": {"max_attempts": 1}}) as it:
        desk = await it.connect()
        desk.service.fault = Fault(kind, "The page says no.", status=status, retry_after=30)  # type: ignore[arg-type]
        answer = await it.router.ask("chat", MODEL)
        assert answer.status == status
        assert "The page says no." in error_text("chat", answer.json)
        if status == 429:
            assert 29 <= float(answer.headers["retry-after"]) <= 32


async def test_an_error_of_the_upstream_survives_in_the_callers_dialect(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, {"retry": {"max_attempts": 1}}) as it:
        await it.connect()
        upstream.always(Misbehaviour(status=429))
        answer = await it.router.ask("messages", MODEL)
        assert answer.status == 429
        assert answer.json["error"]["type"] == "rate_limit_error"


async def test_a_service_that_fails_before_the_first_piece_is_replaced_by_another(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        broken = await it.connect("a")
        broken.service.fault = Fault("rate_limited", "Used up.", status=429, retry_after=600)
        await it.connect("b")
        for _ in range(3):
            answer = await it.router.ask("chat", MODEL, stream=True)
            assert (answer.status, by(answer)) == (200, "aistudio/b")
        assert len(broken.service.asked) == 1


async def test_a_service_that_vanishes_before_the_first_piece_is_replaced_by_another(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        first, second = await it.connect("a"), await it.connect("b")
        for each in (first, second):
            each.service.hold.clear()
        call = spawn(it.router.ask("chat", MODEL, stream=True))
        await it.router.until(lambda: first.service.asked or second.service.asked)
        gone, left = (first, second) if first.service.asked else (second, first)
        left.service.hold.set()
        await gone.vanish()
        answer = await asyncio.wait_for(call, WITHIN)
        assert (answer.status, by(answer)) == (200, f"aistudio/{left.name}")
        assert answer.headers["x-switchyard-attempts"] == "2"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_service_that_vanishes_in_the_middle_gives_an_error_at_once(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        path, body = ask(dialect, MODEL, "LONG 50 GAP 200", stream=True)
        async with it.router.open(path, body) as response:
            await response.content.readany()
            await desk.vanish()
            began = time.monotonic()
            rest = await response.content.read()
        assert time.monotonic() - began < 2.0
        assert b"has gone in the middle of the call" in rest


async def test_what_is_known_of_an_account_survives_its_reconnect(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        desk = await it.connect("desk")
        desk.service.fault = Fault("quota_spent", "Used up.", status=429, retry_after=600)
        assert (await it.router.ask("chat", MODEL)).status == 429
        await desk.vanish()
        again = await it.connect("desk")
        answer = await it.router.ask("chat", MODEL)
        assert answer.status == 429
        assert "aistudio/desk" in error_text("chat", answer.json)
        assert again.service.asked == []
        await it.connect("spare")
        assert by(await it.router.ask("chat", MODEL)) == "aistudio/spare"


async def test_a_service_of_the_same_name_takes_over(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        old = await it.connect("desk")
        old.service.hold.clear()
        call = spawn(it.router.ask("chat", MODEL))
        await it.router.until(lambda: old.service.asked)
        new = await it.connect("desk")
        answer = await asyncio.wait_for(call, WITHIN)
        assert (answer.status, by(answer)) == (200, "aistudio/desk")
        assert len(new.service.asked) == 1
        assert it.names() == ["desk"]
        await it.router.until(lambda: old.link.connected == 0)


async def test_a_profile_that_needs_a_person_is_passed_over_and_says_so(upstream: Upstream, tmp_path: Path) -> None:
    profiles = (Profile(name="default", state="needs_login", cause="The session has expired."), Profile(name="work"))
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        desk = await it.connect("desk", profiles=profiles)
        assert by(await it.router.ask("chat", MODEL)) == "aistudio/desk:work"
        assert desk.service.asked[0].profile == "work"
        await desk.link.tell(Status(profiles=profiles[:1]))
        await it.router.until(lambda: len(it.hub.sessions[0].profiles) == 1)
        answer = await it.router.ask("chat", MODEL)
        assert answer.status in (403, 503)
        assert "The session has expired." in error_text("chat", answer.json)
        await desk.link.tell(Status(profiles=(Profile(name="default"),)))
        await it.router.until(lambda: it.hub.sessions[0].profiles[0].state == "ready")
        assert by(await it.router.ask("chat", MODEL)) == "aistudio/desk"


async def test_the_service_with_the_most_room_is_asked(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        small, large = await it.connect("small", capacity=1), await it.connect("large", capacity=3)
        for each in (small, large):
            each.service.hold.clear()
        calls = [spawn(it.router.ask("chat", MODEL)) for _ in range(8)]
        await it.router.until(lambda: len(small.service.asked) + len(large.service.asked) == 8)
        assert (len(small.service.asked), len(large.service.asked)) == (2, 6)
        for each in (small, large):
            each.service.hold.set()
        assert {answer.status for answer in await asyncio.gather(*calls)} == {200}


async def test_a_service_that_others_keep_busy_is_spared(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        busy, idle = await it.connect("a", capacity=2), await it.connect("b", capacity=2)
        await busy.link.tell(Status(busy=2, free=0))
        await it.router.until(lambda: it.hub.load("aistudio/a") == 1.0)
        for _ in range(4):
            await it.router.ask("chat", MODEL)
        assert (len(busy.service.asked), len(idle.service.asked)) == (0, 4)


# Callers.


async def test_a_caller_that_leaves_stops_the_service_within_a_second(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        path, body = ask("chat", MODEL, "LONG 1000 GAP 50", stream=True)
        async with it.router.open(path, body) as response:
            await response.content.readany()
            response.close()
            began = time.monotonic()
            await it.router.until(lambda: desk.service.cancelled == 1)
        assert time.monotonic() - began < 1.0
        assert (await it.router.ask("chat", MODEL)).status == 200


async def test_a_slow_reader_slows_its_own_stream_alone(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect(capacity=4)
        for listener in it.router.server._listeners:  # as `router.server.listen` has it: connections inherit it
            listener.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        path, body = ask("gemini", MODEL, "LONG 8000", stream=True)
        async with it.router.open(path, body) as slow:
            await slow.content.readany()
            slow.connection.transport.pause_reading()  # type: ignore[union-attr]
            (connection,) = desk.link._connections
            side = connection._side
            (call,) = side._calls
            await it.router.until(lambda: not side.may_send(call))
            for _ in range(5):
                assert (await it.router.ask("chat", MODEL, "LONG 50", stream=True)).status == 200
            assert not side.may_send(call)
            slow.connection.transport.resume_reading()  # type: ignore[union-attr]
            rest = await slow.content.read()
        assert rest.rstrip().endswith(b"}")
        assert b"error" not in rest


async def test_two_hundred_streams_share_one_socket(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect(capacity=200)
        desk.service.hold.clear()
        path, body = ask("chat", MODEL, "LONG 12", stream=True)

        async def call(client: aiohttp.ClientSession) -> bytes:
            async with client.post(it.router.url + path, json=body, headers=it.router.headers) as response:
                assert response.status == 200
                return await response.read()

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            calls = [spawn(call(client)) for _ in range(200)]
            await it.router.until(lambda: len(desk.service.asked) == 200)
            desk.service.hold.set()
            answers = await asyncio.wait_for(asyncio.gather(*calls), 60)
        assert all(answer.rstrip().endswith(b"[DONE]") for answer in answers)
        assert len({b"".join(_texts(answer)) for answer in answers}) == 1
        assert it.names() == ["desk"]


def _texts(body: bytes) -> list[bytes]:
    return re.findall(rb'"content":"([^"]*)"', body)


async def test_a_large_prompt_goes_through_in_pieces(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        text = "é" * 150_000
        assert (await it.router.ask("chat", MODEL, text)).status == 200
        assert text in json.loads(desk.service.asked[0].body)["contents"][0]["parts"][0]["text"]


# The router.


async def test_a_router_that_stops_finishes_what_runs_and_says_goodbye(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        path, body = ask("chat", MODEL, "LONG 20 GAP 50", stream=True)
        async with it.router.open(path, body) as response:
            await response.content.readany()
            (connection,) = desk.link._connections
            ending = spawn(it.router.server.end())
            await asyncio.wait_for(connection.draining.wait(), WITHIN)
            rest = await response.content.read()
            assert rest.rstrip().endswith(b"[DONE]")
        await asyncio.wait_for(ending, WITHIN)
        await asyncio.wait_for(connection.ended.wait(), WITHIN)
        it.router.stopped = True
        await it.router.client.close()


async def test_people_see_the_sessions_with_load_latency_and_errors(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path, {"retry": {"max_attempts": 1}}) as it:
        desk = await it.connect("desk", capacity=3, profiles=(Profile(name="default"),))
        desk.service.fault = Fault("quota_spent", "Used up.", status=429, retry_after=0.01)
        assert (await it.router.ask("chat", MODEL)).status == 429
        await desk.link.tell(Status(busy=1))
        await it.router.until(lambda: it.hub.load("aistudio/desk") == pytest.approx(1 / 3))
        await it.browser()
        assert (await it.router.ask("chat", MODEL, stream=True)).status == 200

        report = await it.router.management("relay")
        browser, seen = report["sessions"]
        assert (browser["name"], browser["kind"], browser["calls"]) == ("browser-relay-1", "browser", {"ok": 1})
        assert (browser["address"], browser["errors"]) == ("127.0.0.1", [])
        assert browser["first_piece_seconds"]["p50"] > 0
        assert (seen["name"], seen["version"], seen["capacity"], seen["busy"]) == ("desk", "1", 3, 1)
        assert (seen["calls"], seen["first_piece_seconds"]["p50"]) == ({"quota_spent": 1}, None)
        assert [each["error"] for each in seen["errors"]] == ["quota_spent: Used up."]
        assert seen["profiles"] == [{"name": "default", "state": "ready", "cause": None}]

        metrics = await it.router.metrics()
        assert metrics['switchyard_relay_sessions{service="aistudio"}'] == 2
        assert metrics['switchyard_relay_capacity{service="aistudio"}'] == 4
        assert metrics['switchyard_relay_calls_total{outcome="ok",service="aistudio"}'] == 1
        assert metrics['switchyard_relay_calls_total{outcome="quota_spent",service="aistudio"}'] == 1
        assert metrics['switchyard_relay_first_piece_seconds_count{service="aistudio"}'] == 1
        assert metrics["switchyard_relay_open_calls"] == 0


async def test_management_of_the_relay_needs_its_key(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        assert (await it.router.send("/v0/management/relay")).status == 401


async def test_a_sign_in_goes_through_the_hub(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        desk = await it.connect()
        sign_in = it.hub.ask_to_sign_in("work", headed=True)
        await it.router.until(lambda: sign_in.status is not None and sign_in.status.state == "done")
        assert desk.service.signed_in == ["work"]


async def test_a_reload_keeps_the_sessions(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        await it.connect()
        await it.router.reloaded({"models": {"aliases": {"quick": MODEL}}})
        assert (await it.router.ask("chat", "quick")).status == 200
        assert it.names() == ["desk"]


async def test_a_session_of_any_kind_counts_as_one_connection_not_as_a_call(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        await it.connect()
        assert it.router.router._gateway.open_calls == 0
        assert not any(connection.busy for connection in it.router.server.connections)


@pytest.mark.parametrize("sticky", [True, False])
async def test_a_conversation_stays_with_a_service_that_asks_for_it(
    upstream: Upstream, tmp_path: Path, sticky: bool
) -> None:
    async with relayed(upstream, tmp_path, ACCOUNT) as it:
        for name in ("a", "b"):
            await it.connect(name, capabilities=("sticky",) if sticky else ())
        headers = {"x-session-id": "one and the same"}
        answers = [await it.router.ask("chat", MODEL, headers=headers) for _ in range(6)]
        assert len({by(answer) for answer in answers}) == (1 if sticky else 2)


async def test_a_provider_that_is_on_without_a_service_is_a_cause_that_blocks_nothing(
    upstream: Upstream, tmp_path: Path
) -> None:
    async def causes(it: Relayed) -> list[str]:
        ready = await it.router.send("/readyz")
        assert ready.status == 200
        return [cause["cause"] for cause in ready.json["causes"]]

    async with relayed(upstream, tmp_path, {"providers": {"aistudio": {"keep_fresh": 0}}}) as it:
        assert await causes(it) == ["no_service"]
        await it.connect("desk")
        assert await causes(it) == []
    async with relayed(upstream, tmp_path / "off", {"providers": {"aistudio": {"enabled": False}}}) as it:
        assert await causes(it) == []
