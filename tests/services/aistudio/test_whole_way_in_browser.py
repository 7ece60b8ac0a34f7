"""From clients of every dialect through router, hub, link, service and browser to the page, and back."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from router.relay.protocol.messages import Hello
from services.aistudio.handler import Relayed, status_of
from services.aistudio.login import Logins
from services.aistudio.service import AIStudio
from services.link.client import Link
from services.link.dialling import Dialler
from tests.router.api.harness import DIALECTS, ask
from tests.router.api.relaying import SERVICE_KEY, relayed
from tests.router.api.relaying import Relayed as RouterSide
from tests.services.aistudio.conftest import Start, needs_browser
from tests.services.aistudio.processes import MODEL, serving
from tests.simulators import Upstream
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser
FIND = {"type": "object", "properties": {"what": {"type": "string"}}}


@asynccontextmanager
async def connected(side: RouterSide, service: AIStudio, name: str = "desk") -> AsyncIterator[Link]:
    """The service, taken by the router."""
    chance = random.Random(2)
    logins = Logins(service.settings, service.selectors, service.profiles, service.pool.browsers, chance, environ={})
    profiles = status_of(service).profiles or ()
    hello = Hello(service="aistudio", name=name, version="1", capacity=service.pool.slots.size, profiles=profiles)
    link = Link([side.url], Dialler(lambda: SERVICE_KEY, "test/1"), hello, Relayed(service, logins), chance)
    task = asyncio.get_running_loop().create_task(link.run())
    await side.router.until(lambda: link.connected > 0)
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_every_dialect_is_answered_by_the_page_with_tools_and_thinking(
    start: Start, studio: Studio, tmp_path: Path
) -> None:
    async with (
        Upstream() as upstream,
        relayed(upstream, tmp_path) as side,
        start() as service,
        connected(side, service),
    ):
        for dialect in DIALECTS:
            for stream in (False, True):
                answer = await side.router.ask(dialect, MODEL, f"hello {dialect}", stream=stream)
                assert answer.status == 200, answer.body
                assert answer.text == f"You said: hello {dialect}"
        tools = [{"name": "find", "input_schema": FIND}]
        thinking = {"type": "enabled", "budget_tokens": 1024}
        asked = ask("messages", MODEL, 'THINK TOOLS find {"what": "it"}', tools=tools, thinking=thinking)
        asked[1]["max_tokens"] = 5000
        content = (await side.router.send(*asked)).json["content"]
        assert [block["type"] for block in content] == ["thinking", "tool_use"]
        assert content[0]["thinking"].startswith("Let me think")
        assert (content[1]["name"], content[1]["input"]) == ("find", {"what": "it"})
        sent = studio.received[-1]
        assert (sent["functions"][0]["name"], sent["budget"], sent["maxTokens"]) == ("find", 1024, 5000)


async def test_errors_and_leaving_clients_reach_the_other_end(start: Start, studio: Studio, tmp_path: Path) -> None:
    async with (
        Upstream() as upstream,
        relayed(upstream, tmp_path) as side,
        start() as service,
        connected(side, service),
    ):
        path, body = ask("chat", MODEL, "LONG 3000 GAP 20", stream=True)
        async with side.router.open(path, body) as response:
            await response.content.readany()
            left = time.monotonic()
        await studio.until(lambda: bool(studio.stopped))
        assert studio.stopped[0][1] - left < 1.0
        refused = await side.router.ask("messages", MODEL, "QUOTA")
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0


async def test_a_second_account_takes_over_by_the_routers_choice(start: Start, studio: Studio, tmp_path: Path) -> None:
    studio.spent = {"ann"}
    async with (
        Upstream() as upstream,
        relayed(upstream, tmp_path) as side,
        start("ann", "bob") as service,
        connected(side, service),
    ):
        for _ in range(2):
            answer = await side.router.ask("chat", MODEL, "hello")
            assert answer.status == 200, answer.body
        assert studio.received[-1]["account"] == "bob"


async def test_the_program_serves_and_stops_when_it_is_told_to(studio: Studio, tmp_path: Path) -> None:
    async with Upstream() as upstream, relayed(upstream, tmp_path / "router") as side:
        async with serving(studio, tmp_path, side.url) as (process, health):
            await side.router.until(lambda: "desk" in side.names(), 20)
            async with aiohttp.ClientSession() as http, http.get(f"{health}/readyz") as ready:
                assert (ready.status, await ready.json()) == (200, {"ready": True, "causes": []})
            answer = await side.router.ask("chat", MODEL, "hello")
            assert answer.text == "You said: hello"
            brought = tmp_path / "auth_profiles" / "work.json"  # by another program, which tells nobody
            brought.write_text(json.dumps(studio.storage_state("bob")))
            (session,) = side.hub.sessions
            await side.router.until(lambda: {each.name for each in session.profiles} == {"default", "work"})
        assert process.returncode == 0
