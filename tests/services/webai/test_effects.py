"""Settings of the service that nothing else proves: what happens is other where one of them is other."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.services.webai.router_stand_in import RouterStandIn
from tests.services.webai.running import HERE, KEY, Answer, FakeClient, FakePackage, Service, running, worker
from tests.services.webai.test_main import config, process

LIMIT = 20
"""Seconds after which a test gives up. Every default that would end the same wait is longer."""


@asynccontextmanager
async def free(folder: Path, more: dict[str, Any], **blocks: Any) -> AsyncGenerator[Service, None]:
    """The service with gpt4free alone. more: its settings."""
    block = {"gemini": {"enabled": False}, "fallback": {"enabled": True, **more}, **blocks}
    async with running(folder, block, worker=worker(block), installed=HERE) as service:
        yield service


@asynccontextmanager
async def begun(service: Service, model: str) -> AsyncGenerator[aiohttp.ClientResponse, None]:
    """A streamed answer of which the first piece has come."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    async with service.session.post(f"{service.url}/v1/chat/completions", json=body, headers=headers) as response:
        await response.content.readany()
        yield response


async def streamed(service: Service, model: str) -> Answer:
    return await asyncio.wait_for(service.chat("x", model=model, stream=True), LIMIT)


async def test_the_absence_of_a_provider_is_never_longer_than_is_set(tmp_path: Path) -> None:
    for most, retries in ((5, range(1, 6)), (3600, range(30, 61))):
        chain = {"failures": 1, "blacklist": 60, "blacklist_most": most, "chains": {"m": ["Bad/fail-unavailable"]}}
        async with free(tmp_path, chain) as service:
            await service.chat("x", model="m")
            again = await service.chat("x", model="m")
            assert again.status == 503 and int(again.headers["retry-after"]) in retries


@pytest.mark.parametrize("mood", ["fail-not_found", "fail-bad_request", "die"])
async def test_what_is_not_the_providers_fault_is_not_held_against_it(tmp_path: Path, mood: str) -> None:
    async with free(tmp_path, {"failures": 1, "chains": {"m": ["Bad/good"]}}) as service:
        assert (await service.chat("x", model=f"gpt4free:Bad/{mood}")).status != 200
        assert (await service.chat("x", model="m")).status == 200
        assert (await service.chat("x", model="gpt4free:Bad/fail-upstream_broken")).status != 200
        assert (await service.chat("x", model="m")).status == 503


async def test_gpt4free_gives_so_many_answers_at_the_same_time(tmp_path: Path) -> None:
    for places, status in ((1, 503), (2, 200)):
        async with free(tmp_path, {"concurrency": places}) as service, begun(service, "gpt4free:One/hold"):
            found = await service.chat("x", model="gpt4free:One/good")
            assert found.status == status, found.json


async def test_a_provider_of_the_users_own_gets_its_key(tmp_path: Path) -> None:
    address = "http://127.0.0.1:9/v1"
    custom = {"Mine": {"base_url": address, "api_key": "sk-of-mine"}, "Open": {"base_url": address}}
    async with free(tmp_path, {"custom": custom}) as service:
        assert (await service.chat("x", model="gpt4free:Mine/key")).text == "sk-of-mine"
        assert (await service.chat("x", model="gpt4free:Open/key")).text == "no key"


async def test_the_next_provider_is_asked_where_one_does_not_begin_in_time(tmp_path: Path) -> None:
    chain = {"first": 1, "chains": {"m": ["Slow/silent", "Good/x"]}}
    async with free(tmp_path, chain) as service:
        found = await asyncio.wait_for(service.chat("x", model="m"), LIMIT)
        assert found.headers["x-webai-served-by"] == "gpt4free/Good"
    async with free(tmp_path, {**chain, "first": 30}, timeouts={"first": 1}) as service:
        assert (await asyncio.wait_for(service.chat("x", model="m"), LIMIT)).status == 504


async def test_an_account_whose_limit_is_reached_rests_as_long_as_is_set(tmp_path: Path) -> None:
    for rest in (60, 300):
        now, package = [1_000_000.0], FakePackage()
        async with running(
            tmp_path, {"gemini": {"rest": rest}}, package=package, installed=HERE, wall=lambda now=now: now[0]
        ) as service:
            await service.put("a", "good")
            package.answers = [[type("UsageLimitExceededError", (Exception,), {})()]]
            await service.chat("x")
            now[0] += rest - 1
            early = await service.chat("x")
            assert (early.status, early.headers["retry-after"]) == (429, "1")
            now[0] += 1
            assert (await service.chat("x")).status == 200


@pytest.mark.parametrize(
    ("model", "word", "timeouts"),
    [
        ("gemini-flash", "One", {"idle": 0.3}),
        ("gemini-flash", "One", {"total": 1}),
        ("gpt4free:One/hold", "Held", {"idle": 0.3}),
        ("gpt4free:One/hold", "Held", {"total": 4}),
    ],
)
async def test_a_silent_answer_ends_after_the_time_for_a_piece_and_for_the_whole(
    tmp_path: Path, package: FakePackage, model: str, word: str, timeouts: dict[str, float]
) -> None:
    """Each alone, with the other at its default."""
    package.answers = [["One two three", asyncio.Event()]]
    block = {"timeouts": timeouts, "fallback": {"enabled": True}}
    async with running(tmp_path, block, package=package, worker=worker(block), installed=HERE) as service:
        await service.put("a", "good")
        found = await streamed(service, model)
        assert found.text.startswith(word) and not found.done
        assert "silent" in found.chunks[-1]["error"]["message"]


async def test_an_answer_that_goes_on_and_on_ends_after_the_time_for_the_whole(tmp_path: Path) -> None:
    class Talkative(FakeClient):
        async def generate_content_stream(self, **_: Any) -> AsyncGenerator[Any, None]:
            said = "word "
            while True:
                yield await asyncio.to_thread(type, "Output", (), {"text": said, "thoughts": None, "images": []})
                said += "word "

    class Package(FakePackage):
        def client(self, cookies: Any, settings: Any) -> FakeClient:
            return Talkative(self, cookies)

    async with running(tmp_path, {"timeouts": {"total": 0.5}}, package=Package(), installed=HERE) as service:
        await service.put("a", "good")
        found = await streamed(service, "gemini-flash")
        assert not found.done and "error" in found.chunks[-1]


async def test_a_page_that_does_not_open_in_time_is_given_up(tmp_path: Path) -> None:
    class Shut(FakePackage):
        async def start(self, client: FakeClient, timeouts: Any) -> None:
            await asyncio.Event().wait()

    async with running(tmp_path, {"timeouts": {"start": 0.2}}, package=Shut(), installed=HERE) as service:
        assert (await asyncio.wait_for(service.put("a", "good"), LIMIT)).status == 504


async def test_it_listens_on_the_address_that_is_set_and_on_no_other(tmp_path: Path) -> None:
    async with (
        RouterStandIn() as router,
        aiohttp.ClientSession() as session,
        process(config(tmp_path, router.port, ", host: '127.0.0.2'")) as (_, port, _lines),
    ):
        async with session.get(f"http://127.0.0.2:{port}/healthz") as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{port}/healthz")
        await router.until(lambda: bool(router.told))
        assert router.told[0][1]["endpoint"] == f"http://127.0.0.2:{port}"


async def test_open_answers_are_cut_when_their_time_at_the_end_is_over(tmp_path: Path) -> None:
    """Without the setting they would have 25 seconds."""
    path = config(tmp_path, more=", endpoint: 'http://127.0.0.1:1', timeouts: {drain: 0.2}")
    async with process(path, "tests.services.webai.stood_in") as (service, port, _), aiohttp.ClientSession() as session:
        url, headers = f"http://127.0.0.1:{port}", {"authorization": "Bearer sk-service"}
        cookies = {"secure_1psid": "good", "secure_1psidts": "ts-1"}
        async with session.put(f"{url}/v1/accounts/a", json=cookies, headers=headers) as response:
            assert response.status == 200
        body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as response:
            await response.content.readany()
            service.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.wait(), LIMIT) == 0
