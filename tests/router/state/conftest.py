from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.state.migrate import migrate
from router.state.store import StateStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    return path


@pytest.fixture
def store(database: Path) -> Iterator[StateStore]:
    opened = StateStore(database)
    yield opened
    opened.close()
