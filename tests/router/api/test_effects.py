"""The differential harness: every setting that applies on reload is flipped on a router that runs, and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.router.api.effects import CASES, Changes
from tests.router.api.harness import Running, running
from tests.simulators import Upstream


async def put(router: Running, changes: Changes) -> None:
    """Settings in force now, without waiting for the watcher to look (which has tests of its own)."""
    value: dict[str, Any] = changes(router) if callable(changes) else changes
    await router.until(lambda: router.router._gateway.open_calls == 0)
    router.write(value)
    await router.router._apply(router.router._file.load(router.config.read_text()))
    router.router._health._entries.clear()
    router.router._health._turns.clear()
    router.upstream.behave()


@pytest.mark.parametrize("path", CASES)
async def test_a_changed_setting_shows_at_once(upstream: Upstream, tmp_path: Path, path: str) -> None:
    case = CASES[path]
    async with running(upstream, tmp_path, environ={"OWN_VARIABLE": "sk-sim-of-the-environment"}) as router:
        await put(router, case.before)
        assert await case.probe(router) == case.first, "before"
        await put(router, case.after)
        assert await case.probe(router) == case.second, "after"
        for held in router.__dict__.get("held", ()):
            held.close()
