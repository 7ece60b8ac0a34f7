"""The terminal's screens: the overview, requests with their story, accounts, the log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Footer, Header, Log, Static, TabbedContent, TabPane

from router.tui import first, shapes
from router.tui.overview import Overview
from router.tui.source import Source, Unavailable
from router.tui.story import Story, plain

EVERY = 2.0
COUNTED = 5
"""Every so many looks costs are asked for too: the ledger adds them up."""
NARROW = 110
"""Columns below which nothing stands side by side."""
NEWEST = 200
OTHER_VERSION = "the gateway answers in another shape: it is of another version than these screens"


_MORE = {"requests": f"/calls?limit={NEWEST}", "accounts": "/accounts", "logs": "/logs?limit=200"}
_COSTS = {"by_key": "/usage?by=key", "by_model": "/usage?by=model", "budgets": "/budgets"}


class Terminal(App[None]):
    """Asks its source again and again, on a thread, so that a slow gateway never freezes the keyboard."""

    TITLE = "Switchyard"
    CSS = """
    #problem { background: $error; color: $text; padding: 0 1; display: none; }
    #tabs { height: 1fr; }
    #calls, #listed, #log { height: 1fr; }
    .-narrow #two { layout: vertical; }
    """
    HORIZONTAL_BREAKPOINTS: ClassVar = [(0, "-narrow"), (NARROW, "-wide")]
    BINDINGS: ClassVar = [
        Binding("q", "quit", "quit"),
        Binding("r", "anew", "refresh"),
        Binding("1", "show('overview')", "overview"),
        Binding("2", "show('requests')", "requests"),
        Binding("3", "show('accounts')", "accounts"),
        Binding("4", "show('logs')", "logs"),
    ]

    def __init__(self, source: Source, *, every: float = EVERY) -> None:
        super().__init__()
        self._source = source
        self._every = every
        self._calls: dict[str, dict[str, Any]] = {}
        self._logged: list[str] = []
        self._keys: dict[str, Sequence[str]] = {}
        self._looks = 0
        self._usage: dict[str, Any] | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("", id="problem", markup=False)
        yield Static("", id="head", markup=False)
        with TabbedContent(id="tabs"):
            with TabPane("Overview", id="overview"):
                yield Overview()
            with TabPane("Requests", id="requests"):
                yield DataTable(id="calls", cursor_type="row")
            with TabPane("Accounts", id="accounts"):
                yield DataTable(id="listed", cursor_type="row")
            with TabPane("Logs", id="logs"):
                yield Log(id="log")
        yield Footer()

    def on_mount(self) -> None:
        for name, columns in (
            ("calls", shapes.CALLS),
            ("listed", shapes.ACCOUNTS),
        ):
            self.query_one(f"#{name}", DataTable).add_columns(*columns)
        self.set_interval(self._every, self.action_refresh)
        self.action_refresh()

    def action_show(self, tab: str) -> None:
        self.query_one("#tabs", TabbedContent).active = tab
        self.action_refresh()

    def action_anew(self) -> None:
        """Costs included."""
        self._looks = 0
        self.action_refresh()

    def action_refresh(self) -> None:
        self.run_worker(self._read, thread=True, exclusive=True, group="read", exit_on_error=False)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        known = {"calls": self._calls, "failures": self.query_one(Overview).calls}
        call = known.get(event.data_table.id or "", {}).get(str(event.row_key.value))
        if call is not None:
            self.push_screen(Story(call))

    def _read(self) -> None:
        """On a thread: ask for what the open tab shows, and hand it to the screen."""
        ask = self._source.get
        try:
            seen: dict[str, Any] = {"overview": ask("/overview")}
            seen["tab"] = tab = self.call_from_thread(lambda: self.query_one("#tabs", TabbedContent).active)
            if tab == "overview":
                seen |= {"relay": ask("/relay"), "accounts": ask("/accounts")}
            elif tab in _MORE:
                seen["more"] = ask(_MORE[tab])
            if self._looks % COUNTED == 0:
                seen |= {name: self._maybe(path) for name, path in _COSTS.items()}
            counted = all(seen.get(name, ...) is not None for name in _COSTS)
            self._looks = self._looks + 1 if counted else 0
        except Unavailable as problem:
            self.call_from_thread(self._tell, str(problem))
            return
        try:
            self.call_from_thread(self._show, seen)
        except (KeyError, TypeError, AttributeError):
            self.call_from_thread(self._tell, OTHER_VERSION)

    def _maybe(self, path: str) -> Any:
        """None where the ledger is off or not open yet."""
        try:
            return self._source.get(path)
        except Unavailable:
            return None

    def _tell(self, problem: str) -> None:
        line = self.query_one("#problem", Static)
        line.update(problem)
        line.display = bool(problem)

    def _show(self, seen: dict[str, Any]) -> None:
        self._tell("")
        overview, tab, place = seen["overview"], seen["tab"], self.query_one(Overview)
        if "by_model" in seen:
            self._usage = seen["by_model"]
        self.query_one("#head", Static).update(first.head(overview, self._usage))
        if "relay" in seen:
            place.fill(overview, seen["relay"], seen["accounts"])
        if all(seen.get(name) is not None for name in _COSTS):
            place.count(seen["by_key"], seen["by_model"], seen["budgets"], overview["now"])
        more: Any = seen.get("more")
        if tab == "requests":
            self._calls = {each["id"]: each for each in more["calls"]}
            self._fill("calls", [row for _, row in shapes.call_rows(more)], list(self._calls))
        elif tab == "accounts":
            rows = list(shapes.account_rows(more))
            self._fill("listed", rows, [row[0] for row in rows])
        elif tab == "logs":
            self._add_lines(list(shapes.log_lines(more)))

    def _fill(self, name: str, rows: list[shapes.Row], keys: Sequence[str] = ()) -> None:
        """All rows anew. keys: of the rows, where the cursor shall stay at its row, wherever that is by now."""
        table = self.query_one(f"#{name}", DataTable)
        here, place = self._keys.get(name, ()), table.cursor_row
        at = here[place] if 0 <= place < len(here) else None
        table.clear()
        for row, key in zip_longest(rows, keys):
            table.add_row(*plain(row), key=key)
        self._keys[name] = keys
        if rows and keys:
            table.move_cursor(row=keys.index(at) if at in keys else min(place, len(rows) - 1))

    def _add_lines(self, lines: list[str]) -> None:
        """Only those that are new, so that somebody who has scrolled up stays there."""
        log = self.query_one("#log", Log)
        last = self._logged[-1] if self._logged else None
        start = len(lines) - lines[::-1].index(last) if last in lines else 0
        log.write_lines(lines[start:])
        self._logged = lines
