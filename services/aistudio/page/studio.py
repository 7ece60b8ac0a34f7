"""One page of one account: opens it, finds out whether it is ready, and passes on what happens in it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from router.faults import Fault
from services.aistudio import notices
from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings
from services.aistudio.signs import Use
from services.aistudio.tiers.cdp import CdpWire

_log = logging.getLogger("switchyard.aistudio")
Event = dict[str, Any]
PING = "here"
MOST_EVENTS = 100_000
"""That wait for a slow reader; an answer has a few thousand."""


class PageGone(Exception):
    """The page crashed, was closed, or its browser went away."""


class StudioPage:
    """A page. `broken` pages are not used again. model, system: as last set here; conversation: what its chat holds.

    reports: whether the page's binding works; without it nothing in the page can tell us anything by itself."""

    def __init__(self, page: Any, profile: str, selectors: Selectors, settings: Settings, born: float) -> None:
        self.page = page
        self.profile = profile
        self.selectors = selectors
        self.settings = settings
        self.born = born
        self.uses = 0
        self.broken = False
        self.model: str | None = None
        self.system: str | None = None
        self.conversation: str | None = None
        self.reports = False
        self.wire: CdpWire | None = None
        self.use: Use | None = None
        self.titles: dict[str, str] = {}
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._numbers = -1
        self._ping: asyncio.Event = asyncio.Event()
        page.on("crash", lambda _: self.gone("the page crashed"))
        page.on("close", lambda _: self.gone("the page was closed"))
        page.on("framenavigated", self._navigated)
        page.on("response", self._responded)

    def gone(self, why: str) -> None:
        """Mark the page as lost and tell whoever reads from it."""
        self.broken = True
        self.put({"kind": "gone", "why": why})

    def _navigated(self, frame: Any) -> None:
        if frame == self.page.main_frame:
            self.put({"kind": "moved"})

    async def _responded(self, response: Any) -> None:
        """The page's own list of models, which it asks for when it is loaded."""
        if self.selectors.models not in response.url:
            return
        try:
            self.titles = model_titles(await response.text()) or self.titles
        except Exception as error:  # Playwright's: the page has moved on
            _log.debug("the list of models could not be read: %s", error)

    def waits(self, seconds: float) -> None:
        """Whoever holds the page waits for it, for at most so many seconds."""
        if self.use is not None:
            self.use.waits(seconds)

    def put(self, event: Event) -> None:
        if self.use is not None:
            self.use.hears()
        if len(self._events) >= MOST_EVENTS:
            self.broken = True
            self._events.clear()
            event = {"kind": "gone", "why": "nobody read what it said"}
        self._events.append(event)
        self._arrived.set()

    async def next(self) -> Event:
        """The next event of the answer that is under way."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def forget(self) -> None:
        """Drop events that nobody reads any more, except that the page is gone."""
        kept = [event for event in self._events if event["kind"] == "gone"]
        self._events.clear()
        self._events.extend(kept)

    def reported(self, payload: str) -> None:
        """What the page's binding says. Numbers that go back come from a new document and start again."""
        held = json.loads(payload)
        if held["n"] <= self._numbers and held["n"] != 0:
            _log.warning("a report of the page came twice or late and is left out")
            return
        self._numbers = held["n"]
        for event in held["events"]:
            if event["kind"] == "ping":
                self._ping.set()
            else:
                self.put({**event, "run": held["run"]})

    async def call(self, name: str, *arguments: Any, within: float) -> Any:
        """Call a function of the library in the page. Raises `PageGone`, and `Fault` timeout for a stuck page."""
        self.waits(within)
        try:
            async with asyncio.timeout(within):
                answer = await self.page.evaluate(
                    "([name, given]) => globalThis.__switchyard[name](...given)", [name, list(arguments)]
                )
        except TimeoutError as error:
            self.broken = True
            raise Fault("timeout", f"The AI Studio page did not answer within {within:g} s ({name}).") from error
        except Exception as error:  # Playwright's, whose class the tests of a driverless core do not know
            self.broken = True
            raise PageGone(f"the page failed at {name}: {str(error).splitlines()[0]}") from error
        if self.use is not None:
            self.use.hears()
        return answer

    async def open(self) -> None:
        """Load the page and wait until it can be used. Raises `Fault` that says what is in the way."""
        limits = self.settings.timeouts
        self.model = self.system = self.conversation = None
        await self._go(limits.ready)
        self.check_signed_in()
        missing = await self.call("ready", int(limits.ready * 1000), within=limits.ready + 5)
        self.check_signed_in()
        if missing:
            raise Fault(
                "upstream_broken",
                f"The AI Studio page does not show {', '.join(missing)} (selectors {self.selectors.version}). "
                "If the page has changed, correct selectors.yaml: switchyard aistudio selfcheck",
                code="page_changed",
            )
        if not await self.call("uncover", int(limits.control * 1000), within=limits.control + 5):
            raise Fault("upstream_broken", "Something lies over the AI Studio page that cannot be closed.")
        await self._check_reports()
        if self.settings.temporary_chat:
            await self.call("temporary", within=limits.control + 5)

    async def _go(self, within: float) -> None:
        self.waits(within)
        try:
            address = self.settings.url or self.selectors.url
            await self.page.goto(address, timeout=within * 1000, wait_until="domcontentloaded")
        except Exception as error:  # Playwright's own
            self.broken = True
            first = str(error).strip().splitlines()[0]
            raise Fault("upstream_broken", f"The AI Studio page could not be loaded: {first}") from error

    def check_signed_in(self) -> None:
        """Raises `Fault` needs_login where the page has led to somewhere else than itself."""
        wanted = urlsplit(self.settings.url or self.selectors.url)
        if urlsplit(self.page.url).netloc != wanted.netloc:
            raise notices.needs_login(self.profile)

    async def _check_reports(self) -> None:
        self._ping.clear()
        await self.call("ping", PING, within=self.settings.timeouts.control)
        try:
            async with asyncio.timeout(1.0):
                await self._ping.wait()
            self.reports = True
        except TimeoutError:
            self.reports = False

    async def listen(self, spawn: Callable[..., Any]) -> None:
        """Read the page's network through the DevTools protocol from now on."""
        self.wire = CdpWire(self.page, self.selectors.generate, self.put, spawn)
        await self.wire.start()

    async def clear(self) -> None:
        """A fresh chat. A page that cannot be cleaned is not used again."""
        self.conversation = None
        self.forget()
        wait = self.settings.timeouts.control
        await self.call("unwatch", within=wait)
        if not await self.call("clear", int(wait * 1000), within=wait + 2):
            self.broken = True
        elif self.settings.temporary_chat:
            await self.call("temporary", within=wait + 2)

    async def stop(self) -> None:
        """End the page's generation. A page that goes on is not used again."""
        wait = self.settings.timeouts.stop
        if not await self.call("stop", int(wait * 1000), within=wait + 1):
            self.broken = True

    async def close(self) -> None:
        self.broken = True
        try:
            async with asyncio.timeout(5):
                await self.page.close()
        except Exception as error:  # a page that is gone already
            _log.debug("closing a page: %s", error)


def model_titles(text: str) -> dict[str, str]:
    """The models that the page's own list names and that generate text, with how the page shows them."""
    try:
        held = json.loads(text.removeprefix(")]}'"))
    except ValueError:
        return {}
    found: dict[str, str] = {}
    waiting = [held]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, list):
            continue
        first = each[0] if each else None
        if isinstance(first, str) and first.startswith("models/gemini-") and "embedding" not in first:
            title = each[3] if len(each) > 3 and isinstance(each[3], str) else ""
            found[first.removeprefix("models/")] = title
        else:
            waiting += each
    return found
