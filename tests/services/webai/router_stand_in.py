"""A router on loopback that takes announcements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web


class RouterStandIn:
    """told: bodies, with the key that came. status: of the answers. known: the one key that is taken, None for any."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.known: str | None = None
        self._changed = asyncio.Condition()
        self.port = 0

    async def __aenter__(self) -> RouterStandIn:
        app = web.Application()
        app.router.add_post("/v0/relay/services", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v0/relay/services"

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for announcements."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(true), 20)

    async def _take(self, request: web.Request) -> web.Response:
        async with self._changed:
            self.told.append((request.headers["authorization"], await request.json()))
            self._changed.notify_all()
        right = self.known is None or request.headers["authorization"] == f"Bearer {self.known}"
        return web.json_response({"accepted": right, "every": 30, "expires": 90}, status=self.status if right else 401)
