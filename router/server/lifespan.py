"""Start and end of the application, by the ASGI lifespan protocol."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from router.server.connection import App
from router.tasks import Tasks

_log = logging.getLogger("switchyard.server")


class StartFailed(Exception):
    """The application could not start; the message says why."""


class Lifespan:
    """Runs the application's lifespan call. `state` is what every request finds in ``scope["state"]``."""

    def __init__(self, app: App, state: dict[str, Any], tasks: Tasks) -> None:
        self._app = app
        self._state = state
        self._tasks = tasks
        self._asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue(2)
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue(4)
        self._running: asyncio.Task[None] | None = None

    async def startup(self, within: float) -> None:
        """Start the application. Raises `StartFailed` with its reason, or after `within` seconds."""
        self._running = self._tasks.spawn(self._run(), "lifespan")
        answer = await self._ask("lifespan.startup", within)
        if answer["type"] == "lifespan.startup.failed":
            raise StartFailed(answer.get("message") or "the application gave no reason")

    async def shutdown(self, within: float) -> None:
        """End the application. What goes wrong is logged, since there is nobody left to tell."""
        if self._running is None or self._running.done():
            return
        try:
            answer = await self._ask("lifespan.shutdown", within)
        except StartFailed as error:
            _log.error("the application did not end in order: %s", error)
            return
        if answer["type"] == "lifespan.shutdown.failed":
            _log.error("the application did not end in order: %s", answer.get("message"))

    async def _ask(self, what: str, within: float) -> dict[str, Any]:
        await self._asked.put({"type": what})
        try:
            return await asyncio.wait_for(self._answers.get(), within)
        except TimeoutError:
            raise StartFailed(f"no answer to {what} within {within:g} seconds") from None

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"spec_version": "2.0", "version": "3.0"}, "state": self._state}
        try:
            await self._app(scope, self._asked.get, self._answers.put)
        except Exception as error:
            _log.debug("the lifespan ended with an error", exc_info=True)
            await self._answers.put({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
