"""The first screen: four questions, each with its answer below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Static

from router.tui import first
from router.tui.forecast import Looks
from router.tui.story import plain

_NARROWEST = 30
"""Of a column of words."""


class Overview(VerticalScroll):
    """Shows what `fill` and `count` are given; asks nobody itself."""

    DEFAULT_CSS = """
    Overview .question { text-style: bold; color: $accent; }
    Overview .told { color: $text-muted; }
    Overview #problems { color: $warning; }
    Overview DataTable { height: auto; margin-bottom: 1; }
    Overview #two, Overview #two Vertical { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._looks = Looks()
        self.calls: dict[str, dict[str, Any]] = {}
        """The failures that are shown, by id."""

    def compose(self) -> ComposeResult:
        yield Static("Is it working?", classes="question")
        yield Static("", id="problems", markup=False)
        yield DataTable(id="health", cursor_type="none")
        with Horizontal(id="two"):
            with Vertical():
                yield Static("What did it cost today (UTC)?", classes="question")
                yield Static("", id="sums", classes="told", markup=False)
                yield DataTable(id="by_key", cursor_type="none")
                yield DataTable(id="by_model", cursor_type="none")
                yield DataTable(id="budgets", cursor_type="none")
            with Vertical():
                yield Static("How much is left?", classes="question")
                yield Static("", id="no_windows", classes="told", markup=False)
                yield DataTable(id="windows", cursor_type="none")
        yield Static("Why did that fail? (Enter: the whole story)", classes="question")
        yield Static("", id="no_failures", classes="told", markup=False)
        yield DataTable(id="failures", cursor_type="row")

    def fill(self, overview: dict[str, Any], relay: Mapping[str, Any], accounts: Mapping[str, Any]) -> None:
        """Health, failures and quotas."""
        self._looks.remember(overview["windows"], overview["now"])
        self._tell("problems", first.problem_lines(overview))
        self._wrapped("health", first.HEALTH, first.health_rows(overview, relay, accounts))
        failures = list(first.failure_rows(overview))
        self.calls = {each["id"]: each for each in overview["failures"]}
        self._wrapped("failures", first.FAILURES, [row for _, row in failures], [key for key, _ in failures])
        self._tell("no_failures", [] if failures else ["Nothing has failed lately."])
        windows = list(first.window_rows(overview, self._looks))
        self._table("windows", first.WINDOWS, windows)
        told = "No provider has told of a quota yet. Most do with their first answer."
        self._tell("no_windows", [] if windows else [told])

    def count(
        self, by_key: Mapping[str, Any], by_model: Mapping[str, Any], budgets: Mapping[str, Any], now: float
    ) -> None:
        """Costs and budgets."""
        total, limited = first.today(by_model), list(first.budget_rows(budgets, now))
        unlimited = [] if limited else ["No key has a budget."]
        self._tell("sums", [f"{total}, {by_model['total']['calls']} calls.", *first.cost_notes(by_model), *unlimited])
        for name, what, usage in (("by_key", "by key", by_key), ("by_model", "by model", by_model)):
            self._table(name, (what, *first.COSTS[1:]), list(first.cost_rows(usage)))
        self._table("budgets", first.BUDGETS, limited)

    def _tell(self, name: str, lines: Iterable[str]) -> None:
        place = self.query_one(f"#{name}", Static)
        text = "\n".join(lines)
        place.update(text)
        place.display = bool(text)

    def _table(self, name: str, columns: first.Row, rows: Sequence[first.Row]) -> None:
        table = self.query_one(f"#{name}", DataTable)
        table.clear(columns=True)
        table.add_columns(*columns)
        table.add_rows(map(plain, rows))
        table.display = bool(rows)

    def _wrapped(
        self, name: str, columns: first.Row, rows: Iterable[first.Row], keys: Sequence[str | None] = ()
    ) -> None:
        """A table whose last column has words: as wide as there is room, over as many lines as they need. keys: of the
        rows, where the cursor shall stay at its row."""
        table, rows = self.query_one(f"#{name}", DataTable), list(rows)
        at = table.cursor_row
        here = list(table.rows)[at].value if keys and 0 <= at < table.row_count else None
        table.clear(columns=True)
        room = self.size.width - 2  # of the scroll bar
        for number, title in enumerate(columns[:-1]):
            width = max(len(title), *(len(row[number]) for row in rows)) if rows else len(title)
            table.add_column(title, width=width)
            room -= width + 2 * table.cell_padding
        table.add_column(columns[-1], width=max(_NARROWEST, room - 2 * table.cell_padding))
        for number, row in enumerate(rows):
            table.add_row(*plain(row), key=keys[number] if keys else None, height=None)
        if here in keys:
            table.move_cursor(row=list(keys).index(here))
        table.display = bool(rows)
