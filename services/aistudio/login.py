"""A person signs in to Google in a window; this notices when that is done, saves the session, and closes the window."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from router.faults import Fault
from router.vault.profiles import DEFAULT, NAME
from services.aistudio import display, engines
from services.aistudio.browsers import Browsers
from services.aistudio.contexts import AccountContext
from services.aistudio.on_demand import OnDemand
from services.aistudio.profiles import ProfileError, Profiles
from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings

_log = logging.getLogger("switchyard.aistudio")


class Progress(Struct, frozen=True, kw_only=True):
    """state: waiting, done or failed. vnc_url: where the window is seen, if not on the person's own display."""

    state: str
    message: str
    vnc_url: str | None = None


Tell = Callable[[Progress], Awaitable[None]]


class Logins:
    """Sign-ins of this service, one at a time."""

    def __init__(
        self,
        settings: Settings,
        selectors: Selectors,
        profiles: Profiles,
        browsers: Browsers,
        chance: random.Random,
        environ: Mapping[str, str] = os.environ,
        programs: OnDemand | None = None,
    ) -> None:
        """programs: supervisord's, for a window that nobody here could see; None for children of this process."""
        self._settings = settings
        self._selectors = selectors
        self._profiles = profiles
        self._browsers = browsers
        self._chance = chance
        self._environ = environ
        self._programs = programs
        self._busy = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether a person is signing in now."""
        return self._busy.locked()

    async def sign_in(self, profile: str, headed: bool | None, tell: Tell) -> bool:
        """Let a person sign in; True when the profile has been saved. Never raises for what a person can be told."""
        profile = profile or DEFAULT
        if not NAME.fullmatch(profile):
            await tell(Progress(state="failed", message="A profile is named with letters, digits, dots and dashes."))
            return False
        if self._busy.locked():
            await tell(Progress(state="failed", message="Another sign-in is under way; finish or close it first."))
            return False
        async with self._busy:
            try:
                await self._sign_in(profile, headed, tell)
            except (Fault, engines.NoEngine, ProfileError) as error:
                await tell(Progress(state="failed", message=str(error)))
                return False
            except TimeoutError:
                limit = self._settings.login.deadline
                await tell(Progress(state="failed", message=f"Nobody signed in within {limit:.0f} s."))
                return False
        await tell(Progress(state="done", message=f'The profile "{profile}" is signed in and saved.'))
        return True

    async def _sign_in(self, profile: str, headed: bool | None, tell: Tell) -> None:
        login = self._settings.login
        async with (
            display.somewhere(
                login,
                headed=headed,
                chance=self._chance,
                environ=self._environ,
                logs=self._browsers.logs,
                programs=self._programs,
            ) as shown,
            self._window(profile, shown.display) as (account, page),
        ):
            where = f"Open {shown.vnc_url}" if shown.vnc_url else "Look at the window that has opened"
            message = f"{where} and sign in to Google; this goes on by itself."
            await tell(Progress(state="waiting", message=message, vnc_url=shown.vnc_url))
            async with asyncio.timeout(login.deadline):
                await self._until_signed_in(page)
            self._profiles.replace(profile, await account.state())

    @contextlib.asynccontextmanager
    async def _window(self, profile: str, shown: str | None) -> AsyncIterator[tuple[AccountContext, Any]]:
        browser = await self._browsers.headed(shown)
        try:
            state: dict[str, Any] = {"cookies": [], "origins": []}
            if profile in self._profiles.names():
                with contextlib.suppress(ProfileError):
                    state = self._profiles.load(profile)
            state.pop("sessionStorage", None)
            context = await browser.new_context(storage_state=state, no_viewport=True)
            account = AccountContext(profile, context, self._settings, self._selectors, 0.0)
            await account.prepare({}, hook=False)
            page = await context.new_page()
            account.watch(page)
            yield account, page
        finally:
            with contextlib.suppress(Exception):  # a person may have closed it
                async with asyncio.timeout(10):
                    await browser.close()

    async def _until_signed_in(self, page: Any) -> None:
        """Wait until the page itself is there with its controls. Raises `Fault` when the window is closed before."""
        moved = asyncio.Event()
        page.on("framenavigated", lambda _: moved.set())
        page.on("close", lambda _: moved.set())
        address = self._settings.url or self._selectors.url
        with contextlib.suppress(Exception):  # where it leads is looked at below
            await page.goto(address, wait_until="domcontentloaded", timeout=self._settings.timeouts.ready * 1000)
        moved.set()
        while True:
            await moved.wait()
            moved.clear()
            if page.is_closed():
                raise Fault("unavailable", "The window was closed before the sign-in was done.")
            if await self._is_ready(page, urlsplit(address).netloc):
                return

    async def _is_ready(self, page: Any, host: str) -> bool:
        if urlsplit(page.url).netloc != host:
            return False
        wait = int(self._settings.timeouts.ready * 1000)
        try:
            await page.wait_for_load_state("domcontentloaded", timeout=wait)
            missing = await page.evaluate("(wait) => globalThis.__switchyard.ready(wait)", wait)
        except Exception as error:  # it moved on meanwhile, and that is looked at next
            _log.debug("the page moved during a sign-in: %s", error)
            return False
        return not missing and urlsplit(page.url).netloc == host
