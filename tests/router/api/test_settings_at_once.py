"""Changes of the settings file that come at the same moment."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from router.clock import FakeClock
from router.providers.resolve import NOBODY
from router.settings.load import Loaded
from router.settings_changes import SettingsChanges
from router.settings_file import SettingsFile
from tests.router.api.harness import running
from tests.router.api.test_relay import spawn
from tests.simulators import Upstream


class SlowOnce(SettingsFile):
    """The first text takes until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, {"HOME": str(path.parent)})
        self.reads = threading.Event()
        self.go_on = threading.Event()

    def load(self, text: str) -> Loaded:
        if not self.reads.is_set():
            self.reads.set()
            assert self.go_on.wait(10)
        return super().load(text)


@pytest.mark.parametrize("second", ["applied", "seen"])
async def test_the_newest_text_is_in_force_however_long_an_older_one_takes(
    upstream: Upstream, tmp_path: Path, second: str
) -> None:
    """Whether the second one comes over the management API as well, or is found by the look at the file."""
    async with running(upstream, tmp_path, {}) as router:
        inside, file, clock = router.router, SlowOnce(router.config), FakeClock()
        changes = SettingsChanges(file, inside._gateway, clock, signed_in=lambda: NOBODY, put=inside._put)

        async def look_twice() -> None:
            for _ in range(2):  # the first finds that it has changed, the second that it is quiet
                await changes.look()
                clock.advance(1)

        router.write({"retry": {"max_attempts": 2}})
        older = spawn(changes.apply_file())
        await asyncio.to_thread(file.reads.wait, 10)
        router.write({"retry": {"max_attempts": 3}})
        newer = spawn(changes.apply_file() if second == "applied" else look_twice())
        await asyncio.wait({newer}, timeout=0.2)  # which would be enough for it, if it did not wait for the older one
        file.go_on.set()
        await asyncio.gather(older, newer)
        assert inside._gateway.current.settings.retry.max_attempts == 3
