"""One browser context per account: its cookies and storage, its scripts, its pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from services.aistudio.page import scripts
from services.aistudio.page.studio import StudioPage
from services.aistudio.profiles import Profiles
from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings

_log = logging.getLogger("switchyard.aistudio")
SESSION = "() => Object.fromEntries(Object.entries(sessionStorage))"


class AccountContext:
    """The context of one profile. uses: requests so far; saved: when its session was last written to the file.

    attached: it is a person's own, in which only our pages are closed."""

    def __init__(self, profile: str, context: Any, settings: Settings, selectors: Selectors, now: float) -> None:
        self.profile = profile
        self.context = context
        self.uses = 0
        self.saved = now
        self.closed = False
        self.attached = False
        self.pages: list[StudioPage] = []
        self._settings = settings
        self._selectors = selectors
        self._by_page: dict[Any, StudioPage] = {}

    async def prepare(self, session: dict[str, dict[str, str]], *, hook: bool) -> None:
        """Scripts and the binding, before any page."""
        if session:
            await self.context.add_init_script(scripts.session_storage(session))
        await self.context.expose_binding(scripts.BINDING, self._reported)
        await self.context.add_init_script(scripts.source(self._selectors, self._settings, hook=hook))

    def _reported(self, source: Any, payload: str) -> None:
        page = self._by_page.get(source["page"])
        if page is not None:
            page.reported(payload)

    async def page(self, born: float, *, cdp: bool, spawn: Callable[..., Any]) -> StudioPage:
        """A new page, loaded and ready. Raises `Fault` where it cannot be used."""
        async with asyncio.timeout(self._settings.timeouts.launch):
            raw = await self.context.new_page()
        page = self.watch(raw, born)
        try:
            if cdp:
                await page.listen(spawn)
            await page.open()
        except BaseException:
            await asyncio.shield(self.drop(page))
            raise
        return page

    def watch(self, raw: Any, born: float = 0.0) -> StudioPage:
        """A page of this account that is there already."""
        page = StudioPage(raw, self.profile, self._selectors, self._settings, born)
        self._by_page[raw] = page
        self.pages.append(page)
        return page

    async def drop(self, page: StudioPage) -> None:
        """Close a page for good."""
        self._by_page.pop(page.page, None)
        if page in self.pages:
            self.pages.remove(page)
        await page.close()

    async def state(self) -> dict[str, Any]:
        """What the browser holds for this account now."""
        held: dict[str, Any] = await self.context.storage_state(indexed_db=True)
        sessions: dict[str, dict[str, str]] = {}
        for page in self.pages:
            with contextlib.suppress(Exception):  # a page that is just loading has nothing to say
                origin = await page.page.evaluate("() => location.origin")
                sessions.setdefault(origin, await page.page.evaluate(SESSION))
        return {**held, "sessionStorage": sessions}

    async def save(self, profiles: Profiles, now: float) -> None:
        """Write renewed cookies to the profile; a file that somebody else has changed meanwhile wins."""
        if self.closed or profiles.changed(self.profile):
            return
        self.saved = now
        try:
            async with asyncio.timeout(15):
                profiles.save(self.profile, await self.state())
        except Exception as error:  # Playwright's, or the disk's: the session in the browser goes on
            _log.warning("the profile %s could not be saved: %s", self.profile, type(error).__name__)

    async def close(self) -> None:
        self.closed = True
        if self.attached:
            for page in list(self.pages):
                await self.drop(page)
            return
        for page in self.pages:
            page.broken = True
        with contextlib.suppress(Exception):  # it may be gone with its browser
            async with asyncio.timeout(10):
                await self.context.close()


async def open_context(
    browser: Any,
    profile: str,
    profiles: Profiles,
    settings: Settings,
    selectors: Selectors,
    viewport: dict[str, int],
    *,
    hook: bool,
    now: float,
) -> AccountContext:
    """Raises `ProfileError`, and Playwright's errors."""
    state = profiles.load(profile)
    session = state.pop("sessionStorage", {})
    attached = settings.browser.engine == "attach" and bool(browser.contexts)
    if attached:
        context = browser.contexts[0]
    else:
        async with asyncio.timeout(settings.timeouts.launch):
            context = await browser.new_context(storage_state=state, viewport=viewport)
    account = AccountContext(profile, context, settings, selectors, now)
    account.attached = attached
    await account.prepare(session, hook=hook)
    return account
