"""The terminal's screens, driven by keys as a person does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Log, Static

from router.tui.app import Story, Terminal
from router.tui.source import Unavailable
from tests.tui.answers import ANSWERS


class Fake:
    """Answers, or says why not."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.asked: list[str] = []
        self.guard = threading.Lock()

    def get(self, path: str) -> Any:
        with self.guard:
            self.asked.append(path)
        if self.problem is not None:
            raise Unavailable(self.problem)
        return ANSWERS[path]


@pytest.fixture
def source() -> Fake:
    return Fake()


async def settled(app: Terminal, pilot: Pilot[None]) -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()


def cells(app: Terminal, name: str) -> list[list[str]]:
    table = app.query_one(f"#{name}", DataTable)
    return [[str(cell) for cell in table.get_row_at(at)] for at in range(table.row_count)]


async def test_the_first_screen_says_whether_it_works(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(app, pilot)
        assert "1 of 2 providers work" in str(app.query_one("#head", Static).render())
        assert [row[:2] for row in cells(app, "providers")] == [["openai", "● works"], ["anthropic", "■ down"]]
        assert cells(app, "costs")[1][-1] == "unknown"
        assert cells(app, "windows") == [["anthropic/1", "5h", "29%", "in 2 h"]]


async def test_a_request_tells_its_story(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(app, pilot)
        await pilot.press("2")
        await settled(app, pilot)
        assert [row[2] for row in cells(app, "calls")] == ["gpt-4.1", "nothing"]
        app.query_one("#calls", DataTable).focus()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Story)
        table = app.screen.query_one("#attempts", DataTable)
        assert [str(table.get_row_at(at)[3]) for at in range(table.row_count)] == ["upstream_broken", "ok"]
        told = [str(each.render()) for each in app.screen.query(Static)]
        assert "1: [red]simulated[/red]" in told  # a provider's words are no markup
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, Story)


async def test_the_cursor_stays_at_its_request_and_account(source: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """New calls come in at the top while somebody looks at one further down, and Enter opens that one."""
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(app, pilot)
        await pilot.press("2")
        await settled(app, pilot)
        calls = app.query_one("#calls", DataTable)
        calls.focus()
        await pilot.press("down")
        before = cells(app, "calls")[calls.cursor_row]
        old = ANSWERS["/calls?limit=200"]["calls"]
        newest = [{**old[0], "id": "req_4"}, {**old[0], "id": "req_3"}]
        monkeypatch.setitem(ANSWERS, "/calls?limit=200", {"calls": [*newest, *old]})
        await pilot.press("r")
        await settled(app, pilot)
        assert calls.cursor_row == 3 and cells(app, "calls")[3] == before
        await pilot.press("3")
        await settled(app, pilot)
        listed = app.query_one("#listed", DataTable)
        account = ANSWERS["/accounts"]["accounts"][0]
        more = [{**account, "account": f"openai/{number}"} for number in (1, 2, 3)]
        monkeypatch.setitem(ANSWERS, "/accounts", {"accounts": more, "files": []})
        await pilot.press("r")
        await settled(app, pilot)
        listed.focus()
        await pilot.press("down", "down", "r")
        await settled(app, pilot)
        assert cells(app, "listed")[listed.cursor_row][0] == "openai/3"


async def test_an_answer_of_another_version_is_told(source: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(app, pilot)
        monkeypatch.setitem(ANSWERS, "/overview", {"version": "9"})
        await pilot.press("r")
        await settled(app, pilot)
        problem = app.query_one("#problem", Static)
        assert problem.display and "another version" in str(problem.render())


async def test_accounts_and_the_log_are_asked_for_when_they_are_seen(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(app, pilot)
        assert "/logs?limit=200" not in source.asked and "/accounts" not in source.asked
        await pilot.press("3")
        await settled(app, pilot)
        assert cells(app, "listed")[0][:2] == ["openai/1", "ready"]
        await pilot.press("4")
        await settled(app, pilot)
        await pilot.press("r")
        await settled(app, pilot)
        assert [line for line in app.query_one("#log", Log).lines if line] == ["first [line]"]  # once


async def test_a_gateway_that_goes_and_comes_back_is_told(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot)
        problem = app.query_one("#problem", Static)
        assert not problem.display
        source.problem = "no gateway answers; start it with: make up"
        await pilot.press("r")
        await settled(app, pilot)
        assert problem.display and "make up" in str(problem.render())
        source.problem = None
        await pilot.press("r")
        await settled(app, pilot)
        assert not problem.display
        await pilot.press("q")
    assert app.return_code == 0
