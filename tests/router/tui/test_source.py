"""Where the terminal's screens get their data, from a real gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.cli.tui_command import MISSING, tui
from router.secret import Secret
from router.tui import shapes
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
    source = HttpSource(router.url, Secret(MANAGEMENT))

    def look() -> tuple[object, ...]:
        overview, usage = source.get("/overview"), source.get("/usage?by=model")
        assert "providers work" in shapes.head(overview, usage)
        return (
            list(shapes.provider_rows(overview)),
            list(shapes.window_rows(overview)),
            list(shapes.cost_rows(usage)),
            list(shapes.call_rows(source.get("/calls?limit=200"))),
            list(shapes.account_rows(source.get("/accounts"))),
            list(shapes.log_lines(source.get("/logs?limit=200"))),
        )

    providers, _, _, calls, accounts, lines = await asyncio.to_thread(look)
    assert len(providers) == 3 and len(calls) == 1 and len(accounts) == 4 and lines  # type: ignore[arg-type]
    assert accounts[0][0] and accounts[0][1] == "ready"  # type: ignore[index]
    assert sorted(row[3] for row in accounts)[-1] == "1"  # type: ignore[attr-defined]


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
