"""The service with the real g4f, whose provider is a stand-in on loopback: `make test-webai`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.webai.running import KEY, Service, running
from tests.simulators.webai.free_provider import FreeProvider

pytest.importorskip("g4f")
pytestmark = pytest.mark.webai


@pytest.fixture
async def provider() -> AsyncIterator[FreeProvider]:
    async with FreeProvider() as found:
        yield found


@pytest.fixture
async def service(tmp_path: Path, provider: FreeProvider) -> AsyncIterator[Service]:
    fallback = {
        "enabled": True,
        "failures": 1,
        "first": 20,
        "chains": {"gpt-4o": ["Bad/down", "Local/gpt-4o"], "slow": ["Local/slow"]},
        "custom": {"Local": {"base_url": provider.url, "api_key": "k"}, "Bad": {"base_url": provider.url}},
    }
    async with running(tmp_path, {"gemini": {"enabled": False}, "fallback": fallback}) as found:
        yield found


async def test_a_provider_answers_streamed_and_not(service: Service, provider: FreeProvider) -> None:
    for stream in (False, True):
        found = await service.chat("Hello there", model="gpt4free:Local/gpt-4o", stream=stream)
        assert found.text == "Hello there"
        assert found.headers["x-webai-served-by"] == "gpt4free/Local"
    assert found.done
    assert provider.asked[-1]["model"] == "gpt-4o"
    assert provider.asked[-1]["messages"][-1]["content"] == "Hello there"
    assert provider.keys[-1] == "Bearer k"


async def test_the_chain_goes_to_the_next_one_and_remembers(service: Service, provider: FreeProvider) -> None:
    found = await service.chat("Hi", model="gpt-4o")
    assert (found.text, found.headers["x-webai-served-by"]) == ("Hi", "gpt4free/Local")
    assert list((await service.ask("GET", "/readyz")).json["fallback"]["left_out"]) == ["Bad"]
    asked = len(provider.asked)
    await service.chat("Hi", model="gpt-4o")
    assert len(provider.asked) == asked + 1, "the one that failed is left out"


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("gpt4free:NoSuchProvider/x", 404),
        ("gpt4free:Anthropic/x", 502),
        ("gpt4free:Local/limited", 429),
        ("gpt4free:Local/locked", 502),
        ("gpt4free:Local/down", 502),
        ("gpt4free:Local/empty", 502),
    ],
)
async def test_every_exception_of_the_package_becomes_an_error(service: Service, model: str, status: int) -> None:
    found = await service.chat("Hi", model=model)
    assert found.status == status
    assert "gpt4free" in json.dumps(found.json)


async def test_a_caller_that_leaves_ends_the_provider_s_answer(service: Service, provider: FreeProvider) -> None:
    body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    async with service.session.post(f"{service.url}/v1/chat/completions", json=body, headers=headers) as response:
        await response.content.readany()
    await asyncio.wait_for(provider.left.wait(), 20)
    assert service.webai.busy == 0
