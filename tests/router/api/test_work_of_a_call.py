"""How much of our own code a call runs through: a figure that no load on the machine changes, unlike its time.

Speed is lost in small steps that nobody sees; this shows each. Who adds to a call on purpose raises the bound here, and
says why in the commit."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import router
from tests.router.api.harness import running
from tests.simulators import Upstream

OURS = str(Path(router.__file__).parent)
CALLS = 20


@pytest.mark.parametrize(
    ("dialect", "stream", "most"),
    [("chat", False, 492), ("chat", True, 647), ("messages", False, 822), ("messages", True, 877)],
)
async def test_a_call_runs_through_no_more_functions_than_it_has_to(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool, most: int
) -> None:
    entered: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            entered[f"{frame.f_code.co_filename.removeprefix(OURS)} {frame.f_code.co_qualname}"] += 1

    async with running(upstream, tmp_path, {}) as gateway:
        await gateway.router.recall.known.wait()
        for _ in range(5):
            assert (await gateway.ask(dialect, "gpt-4.1", stream=stream)).status == 200
        sys.setprofile(count)
        try:
            for _ in range(CALLS):
                await gateway.ask(dialect, "gpt-4.1", stream=stream)
        finally:
            sys.setprofile(None)
    each = entered.total() / CALLS
    assert each <= most, f"{each:.0f} entries a call; most of them: {entered.most_common(30)}"
