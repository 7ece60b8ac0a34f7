"""Where the terminal's screens get their data, from a real gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.cli.tui_command import MISSING, tui
from router.secret import Secret
from router.tui import first, shapes
from router.tui.forecast import Looks
from router.tui.source import HttpSource, Unavailable
from tests.router.api.harness import KEY, MANAGEMENT, Running, running
from tests.simulators import Upstream


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Running]:
    async with Upstream() as upstream, running(upstream, tmp_path / "router") as one:
        await one.until(lambda: one.router.recall.memory)
        yield one


async def test_the_screens_understand_what_a_gateway_says(router: Running) -> None:
    await router.ask("chat", "gpt-4.1")
    await router.ask("chat", "no-such-model")
    source = HttpSource(router.url, Secret(MANAGEMENT))

    def look() -> tuple[list[Any], ...]:
        overview, usage = source.get("/overview"), source.get("/usage?by=model")
        accounts, relay, calls = source.get("/accounts"), source.get("/relay"), source.get("/calls?limit=200")
        assert "providers work" in first.head(overview, usage)
        assert list(first.budget_rows(source.get("/budgets"), overview["now"])) == []
        assert list(shapes.facts(calls["calls"][0])) and list(shapes.story(calls["calls"][1]))
        return (
            list(first.health_rows(overview, relay, accounts)),
            list(first.window_rows(overview, Looks())),
            list(first.failure_rows(overview)),
            list(first.cost_rows(source.get("/usage?by=key"))),
            list(shapes.call_rows(calls)),
            list(shapes.account_rows(accounts)),
            list(shapes.log_lines(source.get("/logs?limit=200"))),
        )

    providers, _, failures, _, calls, accounts, lines = await asyncio.to_thread(look)
    assert len(providers) == 3 and len(calls) == 2 and len(accounts) == 4 and lines
    assert accounts[0][0] and accounts[0][1] == "ready"
    assert sorted(row[3] for row in accounts)[-1] == "1"
    (failure,) = failures
    assert failure[1][1] == "no-such-model" and "No provider has this model" in failure[1][3]


async def test_what_keeps_data_away_is_told(router: Running) -> None:
    for key, told in ((KEY, "401"), ("no", "401")):
        with pytest.raises(Unavailable, match=told):
            await asyncio.to_thread(HttpSource(router.url, Secret(key)).get, "/overview")
    with pytest.raises(Unavailable, match="make up"):
        await asyncio.to_thread(HttpSource("http://127.0.0.1:1", Secret("x")).get, "/overview")


def test_the_command_becomes_the_screens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    became: list[tuple[list[str], Path]] = []

    def become(words: list[str], where: Path) -> None:
        became.append((words, where))

    assert tui("http://127.0.0.1:8317", root=tmp_path, become=become) == 1
    assert MISSING in capsys.readouterr().err
    python = tmp_path / ".venvs" / "tui" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    key = tmp_path / "a.key"
    assert tui("http://127.0.0.1:8317", str(key), root=tmp_path, become=become) == 1
    for wrong in ("", "sk\nsk", "schlüssel"):
        key.write_text(wrong)
        assert tui("http://127.0.0.1:8317", str(key), root=tmp_path, become=become) == 1
        assert "one key alone" in capsys.readouterr().err
    key.write_text("sk\n")
    assert tui("http://127.0.0.1:8317", str(key), root=tmp_path, become=become) == 0
    assert became == [([str(python), "-m", "router.tui", "http://127.0.0.1:8317", str(key)], tmp_path)]
