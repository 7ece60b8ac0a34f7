"""One router for all faults of a run: each of them leaves it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.faults.cases import CASES
from tests.faults.table import Seen, committed
from tests.faults.world import SILENCE, World, world
from tests.simulators import Upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def faulty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with Upstream() as first, world(first, tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with Upstream() as first, world(first, tmp_path_factory.mktemp("silences"), silence=SILENCE) as made:
        yield made


@pytest.fixture(scope="module")
def seen(pytestconfig: pytest.Config) -> Iterator[Seen]:
    """What the faults come to: to be compared with the page, or written into it."""
    if not pytestconfig.getoption("--write-fault-table"):
        yield Seen(committed())
        return
    found = Seen()
    yield found
    found.write(case.name for case in CASES)
