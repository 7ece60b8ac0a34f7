"""Services and browsers connected to a router under test."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from router.relay.protocol.messages import Hello
from services.link.client import Link
from services.link.dialling import Dialler
from tests.router.api.harness import Running, merged, running
from tests.services.link.gemini_service import Browser, GeminiService
from tests.simulators import Upstream

SERVICE_KEY = "sk-service-canary-0123456789"
RELAY_KEY = "sk-relay-canary-0123456789"
ORIGIN = "https://app.example"
WITHIN = 40.0


@dataclass
class Connected:
    """One service. task: ends when its link does."""

    name: str
    link: Link
    service: GeminiService
    task: asyncio.Task[None]

    async def vanish(self) -> None:
        """Go without a word, as a killed process does."""
        for connection in list(self.link._connections):
            connection._socket._connection.transport.abort()  # type: ignore[attr-defined]
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass
class Relayed:
    """A router with whatever connects to it."""

    router: Running
    stack: AsyncExitStack
    http: aiohttp.ClientSession

    @property
    def hub(self) -> Any:
        return self.router.router._hub

    @property
    def url(self) -> str:
        return self.router.url.replace("http://", "ws://") + "/v1/ws"

    def names(self) -> list[str]:
        return [session.name for session in self.hub.sessions]

    async def connect(self, name: str = "desk", key: str = SERVICE_KEY, **hello: Any) -> Connected:
        """A service that the router has taken."""
        service = GeminiService(self.router.upstream, self.http)
        link = Link(
            [self.url],
            Dialler(lambda: key, "switchyard-test/1"),
            Hello(service="aistudio", name=name, version="1", **hello),
            service,
            random.Random(3),
        )
        task = asyncio.get_running_loop().create_task(link.run())
        self.stack.push_async_callback(self._end, task)
        before = link.connected
        await self.router.until(lambda: link.connected > before)
        return Connected(name, link, service, task)

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait([task])

    async def open(self, query: str = "", **options: Any) -> aiohttp.ClientWebSocketResponse:
        """A bare socket."""
        return await self.stack.enter_async_context(self.http.ws_connect(self.url + query, **options))

    async def browser(self, name: str = "key") -> Browser:
        """A plain client that the router has taken."""
        before = len(self.hub.sessions)
        made = Browser(await self.open(f"?{name}={RELAY_KEY}", origin=ORIGIN), self.router.upstream, self.http)
        task = asyncio.get_running_loop().create_task(made.run())
        self.stack.push_async_callback(self._end, task)
        await self.router.until(lambda: len(self.hub.sessions) > before)
        return made


@asynccontextmanager
async def relayed(
    upstream: Upstream, folder: Path, changes: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Relayed]:
    """A router whose keys of scope `service` and `relay` are known here."""
    keys = folder / "state" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "service.key").write_text(SERVICE_KEY)
    (keys / "relay.key").write_text(RELAY_KEY)
    base = {"relay": {"allowed_origins": [ORIGIN], "arrival_wait": 0}}
    async with (
        running(upstream, folder, merged(base, changes or {}), **options) as router,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
        AsyncExitStack() as stack,
    ):
        yield Relayed(router, stack, http)
