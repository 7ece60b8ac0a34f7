"""Tells routers of this service: at the start, every half minute, at once after a change, and when it leaves."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp

from router.tasks import Tasks
from services.link.logs import redacted

_log = logging.getLogger("switchyard.webai.announce")
EVERY = 30.0
_LIMIT = 10.0
"""Seconds that a router has for its answer."""
_LEAVING = 3.0
_FIRST = 2.0
"""Seconds after a first announcement that failed: the router may start at the same moment. Doubles up to `EVERY`."""


class Announcer:
    """One router. told: what is announced, asked anew each time. keys: to announce with; the first that is taken."""

    def __init__(
        self, url: str, keys: Callable[[], list[str]], told: Callable[[], dict[str, Any]], ca: str | None = None
    ) -> None:
        self.accepted: bool | None = None
        """Whether the router took the last one; None before the first."""
        self._url = url
        self._keys = keys
        self._told = told
        self._ca = ca
        self._announcing: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._wait = _FIRST

    def changed(self) -> None:
        """Something is other than it was: announce at once."""
        self._news.set()

    def start(self, tasks: Tasks) -> None:
        """Announce from now on, until `leave`. tasks: whose task it is."""
        self._announcing = tasks.spawn(self._run(), "announce")

    async def _run(self) -> None:
        """Until cancelled."""
        async with self._session() as session:
            while True:
                self._news.clear()
                accepted = await self._send(session, self._told())
                self._wait = EVERY if accepted else min(EVERY, self._wait * 2)
                try:
                    await asyncio.wait_for(self._news.wait(), self._wait)
                except TimeoutError:
                    continue

    async def leave(self) -> None:
        """Say that nothing more can be asked here, as the last word: what is announced after it would call it back."""
        if self._announcing is not None:
            self._announcing.cancel()
            await asyncio.wait([self._announcing], timeout=_LEAVING)
        async with self._session(_LEAVING) as session:
            await self._send(session, {**self._told(), "ready": False, "leaving": True})

    def _session(self, limit: float = _LIMIT) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=self._ca) if self._ca else None
        connector = aiohttp.TCPConnector(ssl=context if context is not None else True)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=limit))

    async def _send(self, session: aiohttp.ClientSession, told: dict[str, Any]) -> bool:
        why, accepted = "there is no service key", False
        for key in self._keys():
            headers = {"authorization": f"Bearer {key}", "user-agent": f"switchyard-webai/{told['version']}"}
            try:
                async with session.post(self._url, json=told, headers=headers, allow_redirects=False) as response:
                    text = (await response.content.read(300)).decode("utf-8", "replace")
                    accepted, why = response.status == 200, f"{self._url} answered {response.status}: {redacted(text)}"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                why = f"{self._url} cannot be reached ({type(error).__name__})"
                break
            if response.status != 401:
                break
        self._say(accepted, why)
        return accepted

    def _say(self, accepted: bool, why: str) -> None:
        """One line per change, not one per try."""
        if accepted != self.accepted:
            if accepted:
                _log.info("announced at %s", self._url)
            else:
                _log.warning("not announced: %s", why)
        self.accepted = accepted
