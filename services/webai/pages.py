"""The pages of all accounts: opened, proved, kept, renewed and closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from weakref import WeakValueDictionary

from router.faults import Fault
from router.tasks import Tasks
from services.webai.accounts import NEEDS_LOGIN, Accounts, Health, checked_name, due
from services.webai.browser_cookies import Browsers
from services.webai.gemini_package import Package
from services.webai.gemini_web import GeminiWeb
from services.webai.settings import Cookies, Settings

_log = logging.getLogger("switchyard.webai")
_ROTATE_AGAIN = 1800.0
"""Seconds after a rotation that failed."""


class Pages:
    """changed: called when the models may have become other. wall: the time of day."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        package: Package,
        wall: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self.accounts = accounts
        self.browsers = Browsers()
        self._settings = settings
        self._package = package
        self._wall = wall
        self._changed = changed
        self._pages: dict[str, GeminiWeb] = {}
        self._current: dict[str, object] = {}
        """Per account: the sign-in whose renewed cookies are kept."""
        self._next_rotation: dict[str, float] = {}
        self._refused: dict[str, Cookies] = {}
        self._asked_browser = False
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Per account: a page that hangs while it opens keeps nobody else waiting."""
        self._openings: dict[str, asyncio.Task[GeminiWeb | Fault]] = {}
        self._tasks = Tasks("webai-pages")

    @property
    def busy(self) -> int:
        """Answers under way."""
        return sum(page.busy for page in self._pages.values())

    def models(self) -> list[str]:
        """What the pages offer, with repetitions."""
        return [name for page in self._pages.values() for name in page.models]

    def rests(self, name: str) -> bool:
        """Whether a limit is reached for each model of an account; of one whose page is not open nobody knows."""
        page = self._pages.get(name)
        models = page.models if page is not None else []
        return bool(models) and all(self.accounts.resting(name, model) is not None for model in models)

    def is_open(self, name: str) -> bool:
        """Whether the page of an account needs no opening any more."""
        return name in self._pages

    def full(self, name: str) -> bool:
        """Whether an account has no place left."""
        return self.busy_of(name) >= self._settings.gemini.concurrency

    def busy_of(self, name: str) -> int:
        """Answers of one account under way."""
        return self._pages[name].busy if name in self._pages else 0

    async def close(self) -> None:
        """Close all of them, and remove what the package wrote."""
        await self._tasks.close()
        for page in self._pages.values():
            await page.close()
        self._pages.clear()
        self._package.close()

    async def put(self, name: str, cookies: Cookies) -> Health:
        """Prove cookies with one opening of the page, then keep them. Raises `Fault`; what was there stays then."""
        checked_name(name)
        sign_in = object()
        page = self._page(name, cookies, sign_in)
        try:
            await page.open()
            self._call_off(name)
            async with self._lock(name):  # no page opens meanwhile with what is on disk still
                await self._save_new(name, page.cookies)
                await self._drop(name)
                self._pages[name], self._current[name] = page, sign_in
        except BaseException as error:
            await page.close()
            if isinstance(error, OSError):
                raise Fault("internal", f"The account cannot be written: {type(error).__name__}.") from None
            raise
        self.accounts.renewed(name)
        self._changed()
        return self.accounts.health(name)

    async def remove(self, name: str) -> None:
        """Forget an account. Raises `Fault` where there is none."""
        self.accounts.remove(checked_name(name))
        self._call_off(name)
        async with self._lock(name):
            await self._drop(name)
        self._changed()

    async def opened(self, name: str, within: float | None = None) -> GeminiWeb:
        """The page of an account, opened where it is not. within: seconds that this caller waits; the opening itself
        goes on behind it, for the next one. Raises `Fault`; what an opening came to is remembered."""
        page = self._pages.get(name)
        if page is not None:
            self._is_ready(name)
            return page
        opening = self._openings.get(name)
        if opening is None or opening.done():
            opening = self._openings[name] = self._tasks.spawn(self._open(name), f"open-{name}")
            opening.add_done_callback(partial(self._over, name))
        await asyncio.wait([opening], timeout=within)
        if not opening.done():
            raise Fault("timeout", f"The page of the account {name} did not open in time.")
        if opening.cancelled():
            text = f"The opening of the page of the account {name} was called off; ask again."
            raise Fault("unavailable", text, retry_after=1)
        found = opening.result()
        if isinstance(found, Fault):
            raise found
        return found

    async def look(self) -> None:
        """Take in what has changed, open what is not open, rotate what is due."""
        await self._take_in()
        names = self.accounts.names()
        for name in {*self._pages, *names}:
            if name not in names or self.accounts.rewritten(name):
                self._call_off(name)
                async with self._lock(name):
                    await self._drop(name)
                    self.accounts.forget(name)
        await asyncio.gather(*(self._look_at(name) for name in names))

    async def _look_at(self, name: str) -> None:
        state = self.accounts.health(name).state
        if state == "starting":
            with contextlib.suppress(Fault):
                await self.opened(name)
        if state == "ready":
            await self._rotate_if_due(name)

    async def _open(self, name: str) -> GeminiWeb | Fault:
        """In a task of its own: the caller that began it may leave earlier than others who wait for it."""
        async with self._lock(name):
            page = self._pages.get(name)
            if page is None:
                try:
                    page = await self._proved(name)
                except Fault as fault:
                    return fault
                self._pages[name] = page
                self._changed()
        self._is_ready(name)
        return page

    async def _proved(self, name: str) -> GeminiWeb:
        """A page that was opened with what is kept of an account. Raises `Fault`, which is remembered."""
        page, sign_in = None, object()
        try:
            page = self._page(name, self.accounts.load(name).cookies, sign_in)
            self._current[name] = sign_in
            await page.open()
        except Fault as fault:
            if page is not None:
                await page.close()
            self.accounts.trouble(name, fault, self._settings.gemini.rest, opening=True)
            raise
        return page

    def _over(self, name: str, opening: asyncio.Task[GeminiWeb | Fault]) -> None:
        if self._openings.get(name) is opening:  # else the next one has begun already
            del self._openings[name]

    def _call_off(self, name: str) -> None:
        """End the opening of a page that is not wanted any more; it may hang."""
        if (opening := self._openings.get(name)) is not None:
            opening.cancel()

    def _is_ready(self, name: str) -> None:
        if self.accounts.health(name).state == "starting":
            self.accounts.set(name, Health(state="ready"))

    def _lock(self, name: str) -> asyncio.Lock:
        """Whoever puts a page in its place or takes it away holds it."""
        return self._changing.setdefault(name, asyncio.Lock())

    async def _take_in(self) -> None:
        """Cookies of the settings, where they are another sign-in than what is kept or that has ended; and once, where
        there is no account at all, those of the browser that the settings name."""
        for name, cookies in self._settings.gemini.accounts.items():
            if self._refused.get(name) != cookies and self._newer(name, cookies):
                await self._try(name, cookies, "the settings")
        browser = self._settings.gemini.browser
        if browser and not self._asked_browser and not self.accounts.names():
            self._asked_browser = True
            try:
                cookies = await self.browsers.read(browser)
            except Fault as fault:
                _log.warning("%s", fault.message)
                return
            await self._try(browser.replace("_", "-"), cookies, browser)

    def _newer(self, name: str, cookies: Cookies) -> bool:
        """Whether to try cookies of the settings. Of the same sign-in, what is kept is newer: it was renewed."""
        try:
            kept = self.accounts.load(name).cookies
        except Fault:
            return True
        ended = self.accounts.health(name).state == "needs_login"
        return kept.secure_1psid != cookies.secure_1psid or (ended and kept != cookies)

    async def _try(self, name: str, cookies: Cookies, source: str) -> None:
        try:
            await self.put(name, cookies)
            _log.info("account %s of %s is kept", name, source)
        except Fault as fault:
            _log.warning("account %s of %s: %s", name, source, fault.message)
            if fault.code == NEEDS_LOGIN or fault.kind in ("refused", "bad_request"):
                self._refused[name] = cookies  # the same ones are not tried again and again

    def _page(self, name: str, cookies: Cookies, sign_in: object) -> GeminiWeb:
        return GeminiWeb(
            name,
            cookies,
            self._package,
            self._settings.gemini,
            self._settings.timeouts,
            partial(self._save, name, sign_in),
        )

    async def _save(self, name: str, sign_in: object, cookies: Cookies) -> None:
        """Keep renewed cookies. Where that fails they are used all the same, as long as this process lives.

        An answer may outlive its account, or the cookies with which it began: what renews those is not kept then, for
        it would bring the account back, or take the place of the newer ones."""
        if self._current.get(name) is not sign_in or self.accounts.rewritten(name):
            return
        try:
            await asyncio.to_thread(self.accounts.save, name, cookies)
        except OSError as error:
            _log.error("account %s: its renewed cookies cannot be written: %s", name, type(error).__name__)

    async def _save_new(self, name: str, cookies: Cookies) -> None:
        """Under the account's lock. Raises `OSError`."""
        before = self._current.pop(name, None)  # it must not renew over the new ones
        try:
            await asyncio.to_thread(self.accounts.save, name, cookies)
        except BaseException:  # also where the caller has left: what was there goes on, and is renewed
            if before is not None:
                self._current[name] = before
            raise

    async def _drop(self, name: str) -> None:
        """Under the account's lock."""
        page = self._pages.pop(name, None)
        self._current.pop(name, None)
        if page is not None:
            await page.retire()

    async def _rotate_if_due(self, name: str) -> None:
        gemini, page = self._settings.gemini, self._pages.get(name)
        if page is None:
            return
        try:
            moment = due(self.accounts.load(name).rotated, gemini.lifetime, gemini.lead)
            if self._wall() < max(moment, self._next_rotation.get(name, 0.0)):
                return
            await page.rotate()
            self._next_rotation.pop(name, None)
            _log.info("account %s: its cookies are rotated", name)
        except Fault as fault:
            self._next_rotation[name] = self._wall() + _ROTATE_AGAIN
            _log.warning("account %s: its cookies were not rotated: %s", name, fault.message)
            if fault.code == NEEDS_LOGIN:
                self.accounts.trouble(name, fault, gemini.rest)
