"""A router before simulated upstreams, for every test of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.router.api.harness import Running, running
from tests.simulators import Upstream


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


@pytest_asyncio.fixture
async def router(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    """One with the plain settings: two OpenAI accounts, one of Anthropic, one of Gemini."""
    async with running(upstream, tmp_path) as started:
        yield started
