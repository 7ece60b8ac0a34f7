"""A short soak of the whole product; ``make soak`` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.report import summary, write
from tests.soak.run import short, soak

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(120)]
PLAN = short(seconds=5.0, clients=30, seed=5)


async def test_every_call_is_accounted_for_once_and_nothing_is_left_over(tmp_path: Path) -> None:
    found = await soak(tmp_path, PLAN)
    write(tmp_path / "soak.html", found)
    told = "\n".join(f"{name}: {value}" for name, value in summary(found))
    print(told)
    assert found.wrong == [], told
    assert found.outcomes["whole"] > found.calls / 4, told
    assert {kind for _, kind in found.events} == {"router killed", "replaced", "service killed"}
    assert found.misbehaved > 0 and found.recovered > 0, told
