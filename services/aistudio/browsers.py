"""The one browser of this service: started when it is needed, watched, replaced when it dies, ended when idle."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router.faults import Fault
from router.tasks import Tasks
from services.aistudio import display, engines, memory, sandbox
from services.aistudio.settings import Settings

_log = logging.getLogger("switchyard.aistudio")
STOP = 5.0
"""Seconds that the driver gets to end, which takes it less than one unless it hangs."""


class Browsers:
    """`get` gives the running browser. on_lost is called when it dies by itself.

    reason: why there is none, for a person; "" while all is well. note: what is worth to know of the one that is used.
    starts: how often one was started. logs: the folder for the logs of the programs of a virtual screen."""

    def __init__(
        self, settings: Settings, *, on_lost: Callable[[], None], now: Callable[[], float], logs: Path | None = None
    ) -> None:
        self.choice: engines.Choice | None = None
        self.reason = ""
        self.note = ""
        self.starts = 0
        self.born = 0.0
        self.logs = logs
        self._settings = settings
        self._on_lost = on_lost
        self._now = now
        self._drivers = Tasks("aistudio")
        self._driver: asyncio.Task[Any] | None = None
        self._playwright: Any = None
        self._browser: Any = None
        self._starting = asyncio.Lock()
        self._screens = contextlib.AsyncExitStack()
        self._display: str | None = None
        self._confined: sandbox.Confined | None = None

    @property
    def running(self) -> bool:
        return self._browser is not None

    @property
    def devtools(self) -> bool:
        """Whether the network is read through the DevTools protocol."""
        return self.choice is not None and self.choice.cdp and self._settings.browser.devtools

    def check(self) -> engines.Choice:
        """Which browser would be used. Raises `NoEngine`, and remembers why."""
        try:
            if importlib.util.find_spec("playwright") is None:
                raise engines.NoEngine("Playwright is not installed in this environment (make browser).")
            choice = engines.choose(self._settings.browser)
        except engines.NoEngine as error:
            self.reason = str(error)
            raise
        self.reason = ""
        if choice.note != self.note and choice.note:
            _log.warning("%s", choice.note)
        self.note = choice.note
        return choice

    def confined(self, choice: engines.Choice) -> sandbox.Confined:
        """Whether a Chromium gets its sandbox; found out once, and said in the log where not."""
        if choice.engine != "chromium":
            return sandbox.Confined(on=True)  # other browsers look after theirs
        if self._confined is None:
            wanted, path = self._settings.browser.sandbox, choice.path
            self._confined = sandbox.decide(wanted, root=sandbox.is_root(), refused=lambda: sandbox.refusal(path))
            if not self._confined.on:
                _log.warning("Chromium runs without its sandbox: %s", self._confined.why)
        return self._confined

    async def get(self) -> Any:
        """The browser, started if need be. Raises `Fault` unavailable that says why there is none."""
        async with self._starting:
            if self._browser is None:
                try:
                    self._browser = await self._start()
                except engines.NoEngine as error:
                    self.reason = str(error)
                    raise Fault("unavailable", f"No browser for AI Studio: {error}", code="no_browser") from error
            return self._browser

    async def _start(self) -> Any:
        self.choice = self.check()
        settings = self._settings.browser
        await self._drive()
        browser = await engines.launch(
            self._playwright,
            self.choice,
            settings,
            headless=settings.mode == "headless",
            sandbox=self.confined(self.choice).on,
            display=await self._screen(),
            timeout=self._settings.timeouts.launch,
        )
        browser.on("disconnected", lambda _: self._lost(browser))
        self.starts += 1
        self.born = self._now()
        _log.info("started %s (%s)", self.choice.engine, browser.version)
        return browser

    async def _screen(self) -> str | None:
        """Where the window goes, None for none. Raises `NoEngine`."""
        if self._settings.browser.mode == "headless":
            return None
        if self._settings.browser.mode == "virtual":
            if self._display is None:
                try:
                    self._display = await self._screens.enter_async_context(display.screen(self.logs))
                except Fault as fault:
                    raise engines.NoEngine(fault.message) from fault
            return self._display
        own = display.own_display(self._settings.login, os.environ)
        if own is None:
            raise engines.NoEngine("browser.mode is headed, and this session has no display; virtual needs none.")
        return own.display

    async def _drive(self) -> None:
        """Whoever waits for the driver may be cancelled; its start may not, for it would go on without an owner and
        keep the event loop from ending."""
        if self._playwright is None:
            from playwright.async_api import async_playwright  # only here, so that the core runs without it

            if self._driver is None or self._driver.done():
                self._driver = self._drivers.spawn(async_playwright().start(), "driver")
            self._playwright = await asyncio.shield(self._driver)

    async def headed(self, screen: str | None) -> Any:
        """A second browser with a window, for a sign-in. The caller closes it. Raises `NoEngine`."""
        choice = self.check()
        if choice.engine == "attach":
            raise engines.NoEngine("An attached browser is a person's own: sign in to Google in its window.")
        await self._drive()
        return await engines.launch(
            self._playwright,
            choice,
            self._settings.browser,
            headless=False,
            sandbox=self.confined(choice).on,
            display=screen,
            timeout=self._settings.timeouts.launch,
        )

    def _lost(self, browser: Any) -> None:
        if browser is self._browser:
            self._browser = None
            _log.warning("the browser went away and is replaced")
            self._on_lost()

    async def end(self) -> None:
        """Close the browser; sessions stay in their files. An attached browser is only let go."""
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(Exception):  # it may be gone already
                async with asyncio.timeout(10):
                    await browser.close()

    async def close(self) -> None:
        await self.end()
        driver, self._driver, self._playwright = self._driver, None, None
        if driver is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(STOP):
                    playwright = await asyncio.shield(driver)
                    await playwright.stop()
        await self._drivers.close(STOP)
        self._display = None
        await self._screens.aclose()

    def memory(self) -> int:
        """Bytes of proportional set size of the browser and its driver."""
        return memory.of_browsers()
