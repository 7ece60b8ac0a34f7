"""Short soaks of the relay; ``python -m tests.services.link.soak --seconds 600`` and ``….cycles`` are long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.link.cycles import come_and_go
from tests.services.link.soak import soak


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_no_piece_is_lost_or_repeated_and_nothing_is_left_over(tmp_path: Path) -> None:
    found = await soak(tmp_path, 0, streams=20, pieces=40)
    assert found["rounds"] >= 6


@pytest.mark.soak
async def test_coming_and_going_leaves_nothing_behind(tmp_path: Path) -> None:
    found = await come_and_go(tmp_path, 120)
    assert found["cycles"] == 120
