"""A person before the dashboard: a real browser that notes whatever should never happen."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.router.api.harness import MANAGEMENT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),  # one browser for all of them
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed here"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
WITHIN = 10_000.0
"""Milliseconds for what a page is expected to do."""
_REPORTS = "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP: ' + e.violatedDirective))"


class Addressed(Protocol):
    """Whatever a browser can go to."""

    @property
    def url(self) -> str: ...


class Person:
    """page: of Playwright. troubles: errors of the console, exceptions, refusals by the policy, requests elsewhere."""

    def __init__(self, router: Any, page: Any) -> None:
        self.router = router
        self.page = page
        self.troubles: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda said: self.troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._requested)

    def _requested(self, request: Any) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self.router.url + "/", "data:")):
            self.troubles.append(f"asked {request.url}")

    async def open(self, screen: str) -> None:
        """Another screen, by its address."""
        await self.page.goto(f"{self.router.url}/dashboard/#/{screen}")
        await self.page.locator("main h1").wait_for()

    async def sign_in(self, key: str = MANAGEMENT) -> None:
        await self.page.goto(f"{self.router.url}/dashboard/")
        await self.page.get_by_label("Management key").fill(key)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("heading", name="Overview").wait_for()


@asynccontextmanager
async def person(router: Addressed, browser: Any, **options: Any) -> AsyncIterator[Person]:
    """With cookies and storage of their own; afterwards nothing may have gone wrong. options: of the context."""
    context = await browser.new_context(**{"reduced_motion": "reduce", **options})
    context.set_default_timeout(WITHIN)
    try:
        await context.add_init_script(_REPORTS)
        one = Person(router, await context.new_page())
        yield one
        assert one.troubles == []
    finally:
        await context.close()
