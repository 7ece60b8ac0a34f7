"""The accounts that are open in the browser, one context each, opened when a page of theirs is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from router.faults import Fault
from services.aistudio.browsers import Browsers
from services.aistudio.contexts import AccountContext, open_context
from services.aistudio.engines import VIEWPORT
from services.aistudio.page.studio import PageGone, StudioPage
from services.aistudio.profiles import ProfileError, Profiles
from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings


class Accounts:
    """`page` gives another page of an account."""

    def __init__(
        self,
        settings: Settings,
        selectors: Selectors,
        profiles: Profiles,
        browsers: Browsers,
        *,
        spawn: Callable[..., Any],
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._selectors = selectors
        self._profiles = profiles
        self._browsers = browsers
        self._spawn = spawn
        self._now = now
        self._wall = wall
        self._open: dict[str, AccountContext] = {}
        self._opening = asyncio.Lock()
        self._models: tuple[str, ...] = ()

    @property
    def open(self) -> list[AccountContext]:
        """Those that are open now."""
        return list(self._open.values())

    @property
    def models(self) -> tuple[str, ...]:
        """What the pages have listed last, for whichever account; empty until one has."""
        pages = [page for account in self._open.values() for page in account.pages]
        self._models = tuple(sorted({name for page in pages for name in page.titles})) or self._models
        return self._models

    def pages(self, name: str) -> int:
        """How many pages an account has."""
        account = self._open.get(name)
        return len(account.pages) if account is not None else 0

    def saved(self, name: str) -> float | None:
        """When the session of an account was last written here (monotonic), None where it is not open."""
        account = self._open.get(name)
        return account.saved if account is not None else None

    async def page(self, name: str) -> tuple[StudioPage, AccountContext]:
        """A ready page of an account; what is wrong with the account is remembered. Raises `Fault`."""
        cdp = False
        try:
            browser = await self._browsers.get()
            cdp = self._browsers.devtools
            async with self._opening:
                account = self._open.get(name)
                if account is None or account.closed:
                    account = await open_context(
                        browser, name, self._profiles, self._settings, self._selectors, dict(VIEWPORT), hook=not cdp,
                        now=self._now(),
                    )  # fmt: skip
                    self._open[name] = account
            return await account.page(self._now(), cdp=cdp, spawn=self._spawn), account
        except Fault as fault:
            self._profiles.trouble(name, fault, self._wall())
            raise
        except ProfileError as error:
            raise Fault("unavailable", str(error)) from error
        except PageGone as error:
            raise Fault("upstream_broken", f"The browser lost the page: {error}.", code="page_gone") from error
        except Exception as error:  # Playwright's own: the browser died under our hands
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Fault("upstream_broken", f"The browser failed: {first}", code="page_gone") from error

    async def end(self, account: AccountContext) -> None:
        """Save the session and close its context."""
        if self._open.get(account.profile) is account:
            del self._open[account.profile]
        await account.save(self._profiles, self._now())
        await account.close()

    def lost(self) -> None:
        """The browser died: whoever works on a page is told at once."""
        for account in self._open.values():
            account.closed = True
            for page in account.pages:
                page.gone("the browser went away")
        self._open.clear()
