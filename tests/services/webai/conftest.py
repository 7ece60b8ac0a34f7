from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.tasks import Tasks
from tests.services.webai.running import FREE, HERE, FakePackage, Service, before, running, worker
from tests.simulators.webai.gemini_page import GeminiPage


@pytest.fixture
def package() -> FakePackage:
    return FakePackage()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    found = Tasks("test")
    yield found
    await found.close()


@pytest.fixture
async def service(tmp_path: Path, package: FakePackage) -> AsyncIterator[Service]:
    async with running(tmp_path, {}, package=package, installed=HERE) as found:
        assert (await found.put("work", "good")).status == 200
        yield found


@pytest.fixture
async def both(tmp_path: Path, package: FakePackage) -> AsyncIterator[Service]:
    """Gemini's page and gpt4free."""
    block = {"fallback": FREE}
    async with running(tmp_path, block, package=package, worker=worker(block), installed=HERE) as found:
        yield found


@pytest.fixture
async def page() -> AsyncIterator[GeminiPage]:
    async with GeminiPage() as found:
        found.account("psid-a")
        yield found


@pytest.fixture
async def real(tmp_path: Path, page: GeminiPage) -> AsyncIterator[Service]:
    async with running(tmp_path, before(page)) as found:
        assert (await found.put("a", "psid-a")).json == {"name": "a", "state": "ready"}
        yield found
