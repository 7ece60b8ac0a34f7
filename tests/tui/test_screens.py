"""The terminal's screens, driven by keys as a person does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Log, Static

from router.tui.app import COUNTED, Terminal
from router.tui.source import Unavailable
from router.tui.story import Story
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


def told(app: Terminal, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).render())


async def test_the_first_screen_answers_the_four_questions(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 60)) as pilot:
        await settled(app, pilot)
        assert "1 of 2 providers work" in told(app, "head") and "webai does not run" in told(app, "problems")
        assert [row[:2] for row in cells(app, "health")] == [
            ["openai", "▲ works in part"], ["  o3 (openai/1)", "▲ rests"], ["anthropic", "■ down"],
            ["studio (aistudio)", "● ready"], ["webai-1 (webai)", "■ down"],
            ["den (aistudio)", "○ gone"], ["aistudio", "■ down"],
        ]  # fmt: skip
        assert "of unknown price" in told(app, "sums") and "No key has a budget" not in told(app, "sums")
        assert cells(app, "by_key") == [["laptop", "4", "1,244", "$0.0125 + ?"]]
        assert cells(app, "by_model")[1][-1] == "unknown"
        assert cells(app, "budgets")[0][2:] == ["$1.50", "$2.00", "75%", "in 2 h"]
        assert cells(app, "windows") == [["anthropic/1", "5h", "29%", "in 2 h", "used up in 73 min"]]
        assert "The plan or the credit is used up" in cells(app, "failures")[0][3]
        assert app.query_one("#health").region.bottom <= 60 and app.query_one("#failures").region.bottom <= 60
        failures = app.query_one("#failures", DataTable)
        assert failures.ordered_rows[0].height > 1  # all of its words are there, below each other
        failures.focus()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Story)
        assert "Wait for the reset" in str(app.screen.query_one("#verdict", Static).render())


async def test_a_narrow_terminal_has_everything_below_each_other(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(80, 60)) as pilot:
        await settled(app, pilot)
        assert app.query_one("#windows").region.y > app.query_one("#budgets").region.y
        await pilot.resize_terminal(140, 60)
        await pilot.pause()
        assert app.query_one("#windows").region.y < app.query_one("#budgets").region.y


async def test_where_nothing_is_there_to_tell_that_is_told(source: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/overview", {**ANSWERS["/overview"], "failures": [], "windows": []})
    monkeypatch.setitem(ANSWERS, "/budgets", {"budgets": []})
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 60)) as pilot:
        await settled(app, pilot)
        assert "Nothing has failed" in told(app, "no_failures") and "No provider has told" in told(app, "no_windows")
        assert "No key has a budget" in told(app, "sums")
        assert not app.query_one("#failures").display and not app.query_one("#budgets").display


async def test_costs_are_asked_for_now_and_then_and_at_once_by_hand(source: Fake) -> None:
    app = Terminal(source, every=3600)
    async with app.run_test(size=(140, 60)) as pilot:
        await settled(app, pilot)
        for _ in range(COUNTED - 1):
            app.action_refresh()
            await settled(app, pilot)
        assert source.asked.count("/usage?by=key") == 1 and source.asked.count("/overview") == COUNTED
        app.action_refresh()
        await settled(app, pilot)
        assert source.asked.count("/usage?by=key") == 2
        await pilot.press("r")
        await settled(app, pilot)
        assert source.asked.count("/usage?by=key") == 3


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
        assert str(table.get_row_at(1)[6]) == "$0.0125"
        lines = [str(each.render()) for each in app.screen.query(Static)]
        assert "1: [red]simulated[/red]" in lines  # a provider's words are no markup
        assert "2: asked because: another account of the same provider" in lines
        assert "2: openai/2: most of its quota is left" in lines and "cost $0.0125" in lines
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
        assert "/logs?limit=200" not in source.asked and "/calls?limit=200" not in source.asked
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
