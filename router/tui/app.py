"""The terminal's screens: the overview, requests with their story, accounts, the log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Header, Log, Static, TabbedContent, TabPane

from router.tui import shapes
from router.tui.source import Source, Unavailable

EVERY = 2.0
NEWEST = 200
OTHER_VERSION = "the gateway answers in another shape: it is of another version than these screens"


def plain(row: shapes.Row) -> list[Text]:
    """A row whose brackets stay brackets: a provider's words are text, not the terminal's markup."""
    return [Text(cell) for cell in row]


class Story(ModalScreen[None]):
    """One request with every attempt."""

    BINDINGS: ClassVar = [Binding("escape,q,enter", "dismiss", "close")]
    CSS = """
    Story { align: center middle; }
    #story { width: 90%; height: 80%; border: thick $accent; padding: 1 2; }
    #story Static { margin-bottom: 1; }
    #attempts { height: auto; margin-bottom: 1; }
    """

    def __init__(self, call: dict[str, Any]) -> None:
        super().__init__()
        self._call = call

    def compose(self) -> ComposeResult:
        call = self._call
        with VerticalScroll(id="story"):
            served = f"{call['provider'] or '-'}/{call['model'] or '-'}"
            yield Static(f"{call['id']}  {call['asked']} -> {served}", markup=False)
            yield Static(f"{call['status']} {call['outcome']} {call['reason']}", markup=False)
            yield DataTable(id="attempts", cursor_type="none")
            for line in shapes.reasons(call):
                yield Static(line, markup=False)  # in full: a cell would cut it

    def on_mount(self) -> None:
        table = self.query_one("#attempts", DataTable)
        table.add_columns(*shapes.ATTEMPTS)
        table.add_rows(map(plain, shapes.story(self._call)))


class Terminal(App[None]):
    """Asks its source again and again, on a thread, so that a slow gateway never freezes the keyboard."""

    TITLE = "Switchyard"
    CSS = """
    #problem { background: $error; color: $text; padding: 0 1; display: none; }
    #tabs { height: 1fr; }
    #overview DataTable { height: auto; margin-bottom: 1; }
    #calls, #listed, #log { height: 1fr; }
    """
    BINDINGS: ClassVar = [
        Binding("q", "quit", "quit"),
        Binding("r", "refresh", "refresh"),
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

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("", id="problem", markup=False)
        yield Static("", id="head", markup=False)
        with TabbedContent(id="tabs"):
            with TabPane("Overview", id="overview"), VerticalScroll():
                yield DataTable(id="providers", cursor_type="none")
                yield DataTable(id="costs", cursor_type="none")
                yield DataTable(id="windows", cursor_type="none")
            with TabPane("Requests", id="requests"):
                yield DataTable(id="calls", cursor_type="row")
            with TabPane("Accounts", id="accounts"):
                yield DataTable(id="listed", cursor_type="row")
            with TabPane("Logs", id="logs"):
                yield Log(id="log")
        yield Footer()

    def on_mount(self) -> None:
        for name, columns in (
            ("providers", shapes.PROVIDERS),
            ("costs", shapes.COSTS),
            ("windows", shapes.WINDOWS),
            ("calls", shapes.CALLS),
            ("listed", shapes.ACCOUNTS),
        ):
            self.query_one(f"#{name}", DataTable).add_columns(*columns)
        self.set_interval(self._every, self.action_refresh)
        self.action_refresh()

    def action_show(self, tab: str) -> None:
        self.query_one("#tabs", TabbedContent).active = tab
        self.action_refresh()

    def action_refresh(self) -> None:
        self.run_worker(self._read, thread=True, exclusive=True, group="read", exit_on_error=False)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        call = self._calls.get(str(event.row_key.value))
        if event.data_table.id == "calls" and call is not None:
            self.push_screen(Story(call))

    def _read(self) -> None:
        """On a thread: ask for what the open tab shows, and hand it to the screen."""
        try:
            overview = self._source.get("/overview")
            usage = self._maybe("/usage?by=model")
            tab = self.call_from_thread(lambda: self.query_one("#tabs", TabbedContent).active)
            wanted = {"requests": f"/calls?limit={NEWEST}", "accounts": "/accounts", "logs": "/logs?limit=200"}.get(tab)
            more = self._source.get(wanted) if wanted is not None else None
        except Unavailable as problem:
            self.call_from_thread(self._tell, str(problem))
            return
        try:
            self.call_from_thread(self._show, overview, usage, tab, more)
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

    def _show(self, overview: dict[str, Any], usage: dict[str, Any] | None, tab: str, more: Any) -> None:
        self._tell("")
        self.query_one("#head", Static).update(shapes.head(overview, usage))
        self._fill("providers", list(shapes.provider_rows(overview)))
        self._fill("windows", list(shapes.window_rows(overview)))
        self._fill("costs", list(shapes.cost_rows(usage)) if usage is not None else [])
        for name in ("providers", "costs", "windows"):
            table = self.query_one(f"#{name}", DataTable)
            table.display = table.row_count > 0
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
