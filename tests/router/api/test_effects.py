"""The differential harness: every setting that applies on reload is flipped on a router that runs, and shows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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
    await router.router._changes._apply(router.router._file.load(router.config.read_text()))
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


async def continued(upstream: Upstream, folder: Path, kept: dict[str, Any]) -> int:
    """Status of a call that continues an answer, on a router that was started with these settings."""
    async with running(upstream, folder, {"policies": {"stored_responses": kept}}) as router:
        await router.router.recall.known.wait()
        first = await router.ask("responses", "gpt-4.1")
        assert first.status == 200
        more = {"model": "gpt-4.1", "input": "more", "previous_response_id": first.json["id"]}
        return (await router.send("/v1/responses", more)).status


@pytest.mark.parametrize(
    ("off", "on"), [({"enabled": False}, {"enabled": True}), ({"max_bytes": 0}, {"max_bytes": 9999})]
)
async def test_stored_answers_follow_the_settings_of_the_start(
    upstream: Upstream, tmp_path: Path, off: dict[str, Any], on: dict[str, Any]
) -> None:
    assert await continued(upstream, tmp_path / "off", off) == 400
    assert await continued(upstream, tmp_path / "on", on) == 200


@pytest.mark.parametrize("seconds", [60, 7200])
async def test_stored_answers_live_as_long_as_the_settings_say(
    upstream: Upstream, tmp_path: Path, seconds: int
) -> None:
    assert await continued(upstream, tmp_path, {"ttl": seconds}) == 200
    with closing(sqlite3.connect(tmp_path / "state" / "switchyard.sqlite")) as database:
        rows = database.execute("SELECT expires_at - created_at FROM responses").fetchall()
    assert [round(row[0]) for row in rows] == [seconds, seconds]
