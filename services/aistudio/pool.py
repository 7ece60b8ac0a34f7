"""The pool: a bounded number of warm pages, lent to one request at a time, cleaned before the next, recycled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.faults import Fault
from router.tasks import Tasks
from services.aistudio.accounts import Accounts
from services.aistudio.browser_watch import BrowserWatch
from services.aistudio.browsers import Browsers
from services.aistudio.contexts import AccountContext
from services.aistudio.notices import NEEDS_LOGIN
from services.aistudio.page.studio import PageGone, StudioPage
from services.aistudio.profiles import Profiles
from services.aistudio.selectors import Selectors
from services.aistudio.settings import Settings
from services.aistudio.signs import Use, Uses
from services.aistudio.waiting import Slots

_log = logging.getLogger("switchyard.aistudio")
SAVE_EVERY = 10
"""Requests after which an account's renewed cookies are written."""

MEMORY_EVERY = 10
STOP = 3.0
"""Seconds that the start of a browser gets to be given up."""
OPENS = 3
"""Times `timeouts.ready` that a new page may take in all, beside a start of the browser."""


class Wish(Struct, frozen=True, kw_only=True):
    """What a request would like to find on a page. profile: only this account. conversation: a digest."""

    model: str | None = None
    conversation: str | None = None
    profile: str | None = None


class Lease:
    """A page for one request. keep: leave its chat as it is, for a request that goes on. stop: it may be generating.
    use: where its signs of life are noted."""

    def __init__(self, page: StudioPage, account: AccountContext, use: Use) -> None:
        self.page = page
        self.account = account
        self.use = page.use = use
        self.keep: str | None = None
        self.stop = True


class Pool:
    """Pages of all accounts in one browser. warming: makes pages ready before they are asked for."""

    def __init__(
        self,
        settings: Settings,
        selectors: Selectors,
        profiles: Profiles,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        logs: Path | None = None,
    ) -> None:
        self.settings = settings
        self.profiles = profiles
        self.background = Tasks("aistudio")
        self.warming = Tasks("aistudio")
        self.browsers = Browsers(settings, on_lost=self._lost, now=now, logs=logs)
        self.accounts = Accounts(
            settings, selectors, profiles, self.browsers, spawn=self.background.spawn, now=now, wall=wall
        )
        queue = settings.queue
        self.slots = Slots(settings.browser.max_instances, queue.limit, queue.deadline, now)
        self.uses = Uses(now)
        self.watch = BrowserWatch(self.accounts, self.uses, settings.timeouts.stalled, now)
        self.recycled: dict[str, int] = {"page": 0, "context": 0, "browser": 0, "crash": 0}
        self.bytes = 0
        self._now = now
        self._wall = wall
        self._idle: list[tuple[StudioPage, AccountContext]] = []
        self._last_use = now()
        self._releases = 0
        self._retire = False
        self._closed = False

    @asynccontextmanager
    async def lease(self, wish: Wish) -> AsyncIterator[Lease]:
        """A ready page. Raises `Fault`: 429 when the line is too long, or what keeps every account from working."""
        if self._closed:
            raise Fault("unavailable", "The AI Studio service is stopping.")
        await self.slots.enter()
        started, use = self._now(), self.uses.begin()
        try:
            use.waits(self.settings.timeouts.launch + OPENS * self.settings.timeouts.ready)
            lease = Lease(*await self._find(wish), use)
            use.sign()
        except BaseException:
            self._left(use, None)
            raise
        try:
            yield lease
        finally:
            self._last_use = self._now()
            use.sign()
            if not self._closed:  # else everything is closed already, this page with it
                self.background.spawn(self._release(lease, started), "release")

    async def warm(self) -> None:
        """Load a page for every place, so that the first requests need not wait. Raises `Fault`."""
        names = self.profiles.usable(self._wall())
        for number in range(len(self._idle) + self.slots.busy, self.slots.size):
            page, account = await self.accounts.page(names[number % len(names)])
            self._idle.append((page, account))

    def _left(self, use: Use, seconds: float | None) -> None:
        self.uses.end(use)
        self.slots.leave(seconds)

    def stuck(self) -> str:
        """Why nothing goes on here, "" where it does. A slow answer is none: its holder waits for what has a limit."""
        limits = self.settings.timeouts
        if self.uses.quiet() < limits.stalled:
            return self.slots.stuck(limits.total + limits.launch)
        stuck = self.slots.stuck(limits.stalled)
        return f"{stuck}, while none of the {self.slots.busy} that hold one does anything" if stuck else ""

    async def _find(self, wish: Wish) -> tuple[StudioPage, AccountContext]:
        usable = self.profiles.usable(self._wall()) if wish.profile is None else []
        if wish.profile is not None:
            usable = [self._only(wish.profile)]
        await self._reload_changed()
        self._idle = [(page, account) for page, account in self._idle if not (page.broken or account.closed)]
        ours = [pair for pair in self._idle if pair[0].profile in usable]
        if ours:
            best = max(ours, key=lambda pair: _fits(pair[0], wish))
            self._idle.remove(best)
            return best
        name = min(usable, key=self.accounts.pages)
        while self._idle and len(self._idle) + self.slots.busy > self.slots.size:
            page, account = self._idle.pop(0)
            await account.drop(page)
        return await self.accounts.page(name)

    def _only(self, name: str) -> str:
        """An account that was asked for by name. Raises `Fault` where it is not there."""
        if name not in self.profiles.names():
            raise Fault("not_found", f'There is no AI Studio profile "{name}".', code=NEEDS_LOGIN)
        return name

    async def _reload_changed(self) -> None:
        """An account whose file was replaced, by a sign-in or an import, starts with a new context."""
        for account in self.accounts.open:
            if not self.profiles.changed(account.profile):
                continue
            if not any(all(page is not idle for idle, _ in self._idle) for page in account.pages):
                await self._end_account(account)
                self.profiles.good(account.profile)

    async def _release(self, lease: Lease, started: float) -> None:
        """Stop, clean, and put back or recycle. Runs by itself: a caller that leaves need not wait."""
        page, account = lease.page, lease.account
        lease.use.taken()
        try:
            page.uses += 1
            account.uses += 1
            await self._cleaned(lease)
            page.use = None
            if self._worn(page) or account.closed:
                self.recycled["page"] += 1
                await account.drop(page)
            else:
                self._idle.append((page, account))
            lease.use.waits(self.settings.timeouts.launch)
            await self._care(account)
        finally:
            self._left(lease.use, self._now() - started)
            if self._retire and self.slots.busy == 0:
                await self._replace_browser()

    async def _cleaned(self, lease: Lease) -> None:
        page = lease.page
        try:
            if lease.stop and not page.broken:
                await page.stop()
            if not page.broken and lease.keep is None:
                await page.clear()
            page.conversation = lease.keep
        except (Fault, PageGone) as error:
            _log.info("a page could not be cleaned and is replaced: %s", error)
            page.broken = True

    def _worn(self, page: StudioPage) -> bool:
        limits = self.settings.browser
        return page.broken or page.uses >= limits.page_uses or self._now() - page.born >= limits.page_age

    async def _care(self, account: AccountContext) -> None:
        limits = self.settings.browser
        if account.uses % SAVE_EVERY == 0:
            await account.save(self.profiles, self._now())
        idle = [page for page, owner in self._idle if owner is account]
        if account.uses >= limits.context_uses and len(idle) == len(account.pages):
            self.recycled["context"] += 1
            await self._end_account(account)
        self._releases += 1
        if self._releases % MEMORY_EVERY == 0:
            await self.measure()

    async def measure(self) -> None:
        """Look at memory and age; a browser over the limit is replaced as soon as no page works."""
        self.bytes = await asyncio.to_thread(self.browsers.memory)
        limits = self.settings.browser
        old = self.browsers.running and self._now() - self.browsers.born >= limits.browser_age
        if (self.bytes > limits.memory_limit << 20 or old) and limits.engine != "attach":
            self._retire = True
            self.slots.hold()
            if self.slots.busy == 0:
                await self._replace_browser()

    async def _end_account(self, account: AccountContext) -> None:
        self._idle = [pair for pair in self._idle if pair[1] is not account]
        await self.accounts.end(account)

    async def _replace_browser(self) -> None:
        self._retire = False
        self.recycled["browser"] += 1
        use = self.uses.begin()  # nobody gets a page meanwhile
        try:
            use.waits(self.settings.timeouts.launch)
            await self.end_browser()
        finally:
            self.uses.end(use)
            self.slots.resume()

    async def end_browser(self) -> None:
        """Close everything but the sessions, which are saved."""
        for account in self.accounts.open:
            await self._end_account(account)
        self._idle.clear()
        await self.browsers.end()

    def _lost(self) -> None:
        """The browser died: whoever works is told at once, and a new one is made ready."""
        self.recycled["crash"] += 1
        self.accounts.lost()
        self._idle.clear()
        if not self._closed:
            self.warming.spawn(self._again(), "replace the browser")

    async def _again(self) -> None:
        try:
            await self.warm()
        except Fault as fault:
            _log.warning("no page after the browser went away: %s", fault.message)

    async def idle(self) -> None:
        """End the browser when nobody has needed it for long; to be called from time to time."""
        limit = self.settings.browser.idle_shutdown
        if limit and self.browsers.running and self.slots.busy == 0 and self._now() - self._last_use >= limit:
            await self.end_browser()

    async def refresh(self, name: str) -> None:
        """Load the page of an account once more and write its renewed cookies. Raises `Fault`."""
        async with self.lease(Wish(profile=name)) as lease:
            lease.stop = False
            try:
                await lease.page.open()
            except Fault as fault:
                lease.page.broken = True
                self.profiles.trouble(name, fault, self._wall())
                raise
            await lease.account.save(self.profiles, self._now())

    async def close(self) -> None:
        """What makes pages ready is stopped first: a browser that is being started keeps its driver from ending."""
        self._closed = True
        await self.warming.close(STOP)
        await self.end_browser()
        await self.browsers.close()
        await self.background.close()

    def status(self) -> dict[str, Any]:
        return {
            "busy": self.slots.busy,
            "free": self.slots.size - self.slots.busy,
            "waiting": self.slots.waiting,
            "pages": sum(len(account.pages) for account in self.accounts.open),
            "browser_starts": self.browsers.starts,
            "recycled": dict(self.recycled),
            "memory_bytes": self.bytes,
        }


def _fits(page: StudioPage, wish: Wish) -> tuple[bool, bool]:
    return (wish.conversation is not None and page.conversation == wish.conversation, page.model == wish.model)
