"""One request with every attempt, over the other screens."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Static

from router.tui import shapes


def plain(row: shapes.Row) -> list[Text]:
    """A row whose brackets stay brackets: a provider's words are text, not the terminal's markup."""
    return [Text(cell) for cell in row]


class Story(ModalScreen[None]):
    """What became of it, why it went where it went, and what it used."""

    BINDINGS: ClassVar = [Binding("escape,q,enter", "dismiss", "close")]
    CSS = """
    Story { align: center middle; }
    #story { width: 90%; height: 80%; border: thick $accent; padding: 1 2; }
    #story Static { margin-bottom: 1; }
    #story .fact { margin-bottom: 0; color: $text-muted; }
    #attempts { height: auto; margin-bottom: 1; }
    """

    def __init__(self, call: dict[str, Any]) -> None:
        super().__init__()
        self._call = call

    def compose(self) -> ComposeResult:
        call = self._call
        with VerticalScroll(id="story"):
            served = f"{call['provider'] or '-'}/{call['model'] or '-'}"
            yield Static(f"{call['id']}  {call['asked'] or call['surface']} -> {served}", markup=False)
            yield Static(shapes.verdict(call), id="verdict", markup=False)
            if call["attempts"]:
                yield DataTable(id="attempts", cursor_type="none")
            else:
                yield Static("No provider was asked.")
            for line in shapes.reasons(call):
                yield Static(line, markup=False)  # in full: a cell would cut it
            for line in shapes.facts(call):
                yield Static(line, classes="fact", markup=False)

    def on_mount(self) -> None:
        if not self._call["attempts"]:
            return
        table = self.query_one("#attempts", DataTable)
        table.add_columns(*shapes.ATTEMPTS)
        table.add_rows(map(plain, shapes.story(self._call)))
