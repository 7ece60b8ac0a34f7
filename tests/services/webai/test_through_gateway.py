"""The gateway as the program that it is, before the service: every dialect gets the page's words, and its errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

pytest.importorskip("prometheus_client", reason="needs the environment of the gateway")

from tests.router.api.harness import Answer, ask
from tests.sdk.router_process import running_router
from tests.services.webai.running import HERE, KEY, FakePackage, Service, running
from tests.simulators import Upstream


@asynccontextmanager
async def gateway(folder: Path, service: Service) -> AsyncIterator[Any]:
    """Asks the gateway: dialect, text, and more of the body."""
    block = {"enabled": True, "endpoint": service.url, "api_key": KEY}
    settings = {"providers": {"webai": block}}
    async with (
        Upstream() as upstream,
        running_router(folder, upstream, settings=settings) as router,
        aiohttp.ClientSession(headers={"authorization": f"Bearer {router.key}"}) as http,
    ):

        async def listed() -> list[str]:
            """What the gateway offers: it asks a service at a fixed address by itself."""
            async with http.get(f"{router.address}/v1/models") as response:
                return [each["id"] for each in (await response.json())["data"]]

        async def send(dialect: str, text: str, **more: Any) -> Answer:
            path, body = ask(dialect, "gemini-flash-webai", text, **more)
            async with http.post(router.address + path, json=body) as response:
                return Answer(response.status, response.headers, await response.read())

        async with asyncio.timeout(40):
            while "gemini-flash-webai" not in await listed():
                await asyncio.sleep(0.05)
        yield send


async def test_every_dialect_gets_the_words_and_the_errors_of_the_service(tmp_path: Path) -> None:
    package = FakePackage()
    async with running(tmp_path / "service", {}, package=package, installed=HERE) as service:
        await service.put("work", "good")
        async with gateway(tmp_path / "router", service) as send:
            for dialect in ("chat", "responses", "messages", "gemini"):
                for stream in (True, False):
                    package.answers = [["One", "One two", "One two three"]]
                    found = await send(dialect, "x", stream=stream)
                    assert (found.status, found.text) == (200, "One two three"), (dialect, stream)
                    assert "served_by=gemini-web/work" in found.headers["x-switchyard-notes"]
            first = await send("chat", "One", conversation_id="new")
            going = await send("chat", "Two", conversation_id=first.json["conversation_id"])
            assert going.status == 200 and package.asked[-1][1]["chat"].metadata == ["c_1", "r_1", "rc_1"]
            refused = await send("chat", "x", tools=[{"type": "function", "function": {"name": "clock"}}])
            assert refused.status == 400 and "WebAI has no tools" in refused.body.decode()
            package.answers = [[type("UsageLimitExceededError", (Exception,), {})()]]
            limited = await send("messages", "x")
            assert limited.status == 429 and int(limited.headers["retry-after"]) > 0
