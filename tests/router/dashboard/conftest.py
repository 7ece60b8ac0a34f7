"""A router before simulated upstreams, as the tests of the API have it; and for a browser one that has been used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.router.api.conftest import router, upstream
from tests.router.api.harness import Running
from tests.router.dashboard.browser import CHROMIUM, WITHIN, Person, person
from tests.router.dashboard.scene import used

__all__ = ["router", "upstream"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    """Chromium, without a window."""
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=WITHIN)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def lived(tmp_path: Path) -> AsyncIterator[Running]:
    """A router that has been used."""
    async with used(tmp_path / "router") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def looked_at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The same for all tests of a module: of those that look, and change nothing that another one sees."""
    async with used(tmp_path_factory.mktemp("looked-at") / "router") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(lived: Running, browser: Any) -> AsyncIterator[Person]:
    """Somebody who is signed in to it."""
    async with person(lived, browser) as one:
        await one.sign_in()
        yield one
