"""The cookies of a browser of this machine, through browser-cookie3, and only when somebody asks for them."""

from __future__ import annotations

import asyncio
from typing import Any

from router.faults import Fault, bad_request
from router.secret import Secret
from services.webai import extras
from services.webai.accounts import PSID, PSIDTS
from services.webai.settings import Cookies

BROWSERS = (
    "chrome", "chromium", "brave", "edge", "vivaldi", "opera", "opera_gx", "arc", "firefox", "librewolf", "safari",
)  # fmt: skip
_LIMIT = 20.0
"""Seconds; a locked key ring asks a person and may never answer."""


async def read(browser: str, *, cookie_file: str | None = None) -> Cookies:
    """The two cookies of the session in that browser. cookie_file: another file than the browser's default one; never
    a caller's. Raises `Fault`."""
    if browser not in BROWSERS:
        raise bad_request(f'"browser" must be one of {", ".join(BROWSERS)}.', "browser")
    try:
        found = await asyncio.wait_for(asyncio.to_thread(_read, browser, cookie_file), _LIMIT)
    except TimeoutError:
        raise Fault("timeout", f"{browser} did not give its cookies within {_LIMIT:g} s.") from None
    if not found.get(PSID):
        text = f"{browser} has no cookie {PSID}: sign in to gemini.google.com there first."
        raise Fault("bad_request", text, param="browser", status=422)
    return Cookies(secure_1psid=Secret(found[PSID]), secure_1psidts=Secret(found.get(PSIDTS, "")))


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
