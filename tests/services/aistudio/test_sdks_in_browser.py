"""The official SDKs through the router's process, its hub, the service's process and a real Chromium to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sdk.environments import Run, drive, failures
from tests.services.aistudio.conftest import needs_browser
from tests.services.aistudio.processes import MODEL, programs
from tests.simulators.aistudio_page import Studio

pytestmark = [*needs_browser, pytest.mark.sdk]


@pytest.mark.parametrize("tier", ["network", "dom", "final"])
async def test_every_sdk_gets_text_calls_thinking_usage_and_errors_of_the_page(
    studio: Studio, tmp_path: Path, tier: str
) -> None:
    async with programs(studio, tmp_path, tiers=[tier]) as both:
        run = Run(dialect="aistudio", base_url=both.router.address, key=both.router.key, model=MODEL)
        (outcomes,) = await drive("current", run, within=100)
    assert failures(outcomes) == ""
    assert len(outcomes) == 48
