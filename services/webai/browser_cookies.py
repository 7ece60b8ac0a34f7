"""The cookies of a browser of this machine, through browser-cookie3, and only when somebody asks for them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from router.faults import Fault, bad_request
from router.secret import Secret
from services.webai import extras
from services.webai.accounts import PSID, PSIDTS
from services.webai.settings import Cookies

BROWSERS = (
    "chrome", "chromium", "brave", "edge", "vivaldi", "opera", "opera_gx", "arc", "firefox", "librewolf", "safari",
)  # fmt: skip
Work = Callable[[str, str | None], dict[str, str]]
"""Name of a browser, file of cookies: cookies by name. Raises `Fault`."""
_LIMIT = 20.0
"""Seconds; a locked key ring asks a person and may never answer."""


class Browsers:
    """Asks one browser at a time, in a thread of its own: one that waits at a key ring can be neither ended nor waited
    for, and must take no other work's place. The process ends without it."""

    def __init__(self, work: Work | None = None, limit: float = _LIMIT) -> None:
        """work, limit: another way to read, and seconds for it, in tests."""
        self.asking: str | None = None
        """The browser that is being read, also after its caller has left."""
        self._work = work or _read
        self._limit = limit

    async def read(self, browser: str, *, cookie_file: str | None = None) -> Cookies:
        """The two cookies of the session in that browser. cookie_file: another file than the browser's default one;
        never a caller's. Raises `Fault`."""
        if browser not in BROWSERS:
            raise bad_request(f'"browser" must be one of {", ".join(BROWSERS)}.', "browser")
        if self.asking is not None:
            text = (
                f"{self.asking} is being asked for its cookies and has not answered yet: its key ring may wait for "
                "somebody to unlock it. Do so, or give the cookies themselves."
            )
            raise Fault("unavailable", text, retry_after=5)
        try:
            async with asyncio.timeout(self._limit):
                found = await self._begun(browser, cookie_file)
        except TimeoutError:
            raise Fault("timeout", f"{browser} did not give its cookies within {self._limit:g} s.") from None
        if not found.get(PSID):
            text = f"{browser} has no cookie {PSID}: sign in to gemini.google.com there first."
            raise Fault("bad_request", text, param="browser", status=422)
        return Cookies(secure_1psid=Secret(found[PSID]), secure_1psidts=Secret(found.get(PSIDTS, "")))

    def _begun(self, browser: str, cookie_file: str | None) -> asyncio.Future[dict[str, str]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, str]] = loop.create_future()

        def over(found: dict[str, str], error: BaseException | None) -> None:
            self.asking = None
            if future.done():  # nobody waits any more
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(found)

        def run() -> None:
            found: dict[str, str] = {}
            failed: BaseException | None = None
            try:
                found = self._work(browser, cookie_file)
            except BaseException as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(over, found, failed)

        self.asking = browser
        threading.Thread(target=run, name="webai-browser", daemon=True).start()
        return future


def _read(browser: str, cookie_file: str | None) -> dict[str, str]:
    """In a thread: the package reads files and asks the key ring. Raises `Fault`."""
    try:
        import browser_cookie3
    except ImportError:
        raise Fault("unavailable", extras.missing(extras.BROWSER)) from None
    given: dict[str, Any] = {"domain_name": "google.com"} | ({"cookie_file": cookie_file} if cookie_file else {})
    try:
        jar = getattr(browser_cookie3, browser)(**given)
    except Exception as error:  # bare KeyError without D-Bus, sqlite errors, its own: all mean the same
        text = (
            f"The cookies of {browser} cannot be read here ({type(error).__name__}): it may not be installed, or its "
        )
        raise Fault(
            "bad_request", text + "key ring is closed. Firefox needs none.", param="browser", status=422
        ) from None
    return {each.name: each.value for each in jar if each.name in (PSID, PSIDTS) and each.value}
