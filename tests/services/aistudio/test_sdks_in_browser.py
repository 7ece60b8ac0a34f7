"""The official SDKs through the router's process, its hub, the service's process and a real Chromium to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.router.api.harness import DIALECTS
from tests.sdk.environments import Run, drive, failures
from tests.services.aistudio.conftest import needs_browser
from tests.services.aistudio.processes import MODEL, programs
from tests.simulators.aistudio_page import Studio

pytestmark = [*needs_browser, pytest.mark.sdk]
EACH = [f"{dialect}{how}" for dialect in DIALECTS for how in ("", " streamed")]
GOOD = ("text", "tools", "think", "both")


async def driven(studio: Studio, folder: Path, tier: str, *cases: str) -> None:
    """Drive all SDKs through these cases. Raises `AssertionError` with what failed."""
    names = [f"{case} {each}" for case in cases for each in EACH]
    async with programs(studio, folder, tiers=[tier]) as both:
        url, key = both.router.address, both.router.key
        run = Run(dialect="aistudio", base_url=url, key=key, model=MODEL, cases=",".join(names))
        (outcomes,) = await drive("current", run, within=100)
    assert failures(outcomes) == ""
    assert [one.case for one in outcomes] == names


@pytest.mark.parametrize("tier", ["network", "dom", "final"])
async def test_every_sdk_gets_text_calls_thinking_and_usage_in_every_way_of_reading(
    studio: Studio, tmp_path: Path, tier: str
) -> None:
    await driven(studio, tmp_path, tier, *GOOD)
    assert len(studio.received) == len(GOOD) * len(EACH)


async def test_every_sdk_raises_its_own_error_for_what_the_page_says(studio: Studio, tmp_path: Path) -> None:
    await driven(studio, tmp_path, "network", "fails")


async def test_every_sdk_is_told_how_long_a_spent_quota_lasts(studio: Studio, tmp_path: Path) -> None:
    await driven(studio, tmp_path, "network", "quota")
    assert len(studio.received) == 1  # the router remembers, and asks the page no more
