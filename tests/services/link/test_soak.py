"""A short soak of the relay; ``python -m tests.services.link.soak --seconds 600`` is a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.link.soak import soak


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_no_piece_is_lost_or_repeated_and_nothing_is_left_over(tmp_path: Path) -> None:
    found = await soak(tmp_path, 5)
    assert found["rounds"] >= 6
