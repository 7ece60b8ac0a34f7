"""The table in the page is what the matrix has seen: its cases compare their own lines, and here is the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.cases import CASES
from tests.faults.cells import CELLS
from tests.faults.table import Seen, committed, lines, region, render, told

CHAT = [cell for cell in CELLS if cell.situation == "other" and cell.stream]


def test_the_table_has_every_fault_and_no_other_in_their_order() -> None:
    found = committed()
    assert set(found) == {case.name for case in CASES}
    assert region() == render({case.name: found[case.name] for case in CASES}), "run `make fault-table`"


def test_a_cell_says_what_most_come_to_and_who_does_not() -> None:
    assert told(dict.fromkeys(CHAT, "whole")) == "whole"
    assert told({}) == "–"
    by_client = {cell: "error 529" if cell.dialect == "messages" else "error 503" for cell in CHAT}
    assert told(by_client) == "error 503; error 529 for Messages clients"
    by_provider = {cell: "rescued" if cell.upstream == "gemini" else "failed over" for cell in CHAT}
    assert told(by_provider) == "failed over; rescued from Gemini"
    by_lane = {cell: "whole" if cell.lane == "raw" else "failed over" for cell in CHAT}
    assert told(by_lane) == "whole; failed over in the translated lane"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- observed: faults -->\n<!-- /observed -->\nbehind\n", encoding="utf-8")
    same = lines(dict.fromkeys(CELLS, "whole"))
    other = lines({cell: "rescued" if cell.stream else "failed over" for cell in CELLS})
    every = {"a": same, "b": other, "c": same}
    Seen(every).write(every, page)
    assert committed(page) == every
    assert "| a · c | any | whole | whole | whole |" in region(page)
    assert page.read_text(encoding="utf-8").endswith("<!-- /observed -->\nbehind\n")
    with pytest.raises(LookupError):
        Seen({"a": same}).write(["a", "b"], page)
