"""The table of faults in `docs/reliability.md`: written from what a run has seen, and read back to be compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.faults.cells import SITUATIONS, Cell

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_REGION = re.compile(r"(<!-- observed: faults -->\n).*?(<!-- /observed -->)", re.S)
_HEAD = """| Fault | Client | Another target is there | The only target, once | The only target, always |
|---|---|---|---|---|
"""
_SHOWN = {"chat": "Chat", "responses": "Responses", "messages": "Messages", "gemini": "Gemini"}
_GROUPS: tuple[tuple[Callable[[Cell], str], str], ...] = (
    (lambda cell: f"{_SHOWN[cell.upstream]}", "from"),
    (lambda cell: f"{_SHOWN[cell.dialect]} clients", "for"),
    (lambda cell: f"the {cell.lane} lane", "in"),
)
"""What may decide an outcome, in the order of what is said, and how it is said."""

Lines: TypeAlias = tuple[tuple[str, ...], ...]
"""What one fault comes to: client, and a text for each situation; one line or two."""


@dataclass
class Seen:
    """What the cases of a run have come to, by the names of the faults."""

    lines: dict[str, Lines] = field(default_factory=dict)

    def write(self, names: Iterable[str], page: Path = PAGE) -> None:
        """Into the page. Raises `LookupError` where a fault was not run: half a table would be wrong."""
        text = render({name: self.lines[name] for name in names})
        old = page.read_text(encoding="utf-8")
        page.write_text(_REGION.sub(lambda found: found[1] + text + found[2], old), encoding="utf-8")


def lines(seen: Mapping[Cell, str]) -> Lines:
    """The lines of one fault."""
    streamed, unstreamed = (
        tuple(told({c: o for c, o in seen.items() if c.stream is stream and c.situation == s}) for s in SITUATIONS)
        for stream in (True, False)
    )
    return (("any", *streamed),) if streamed == unstreamed else (("streamed", *streamed), ("unstreamed", *unstreamed))


def told(seen: Mapping[Cell, str]) -> str:
    """One cell of the table: what most calls came to, and which came to something else."""
    if not seen:
        return "–"
    main = Counter(seen.values()).most_common(1)[0][0]
    if all(outcome == main for outcome in seen.values()):
        return main
    for name_of, word in _GROUPS:
        groups: dict[str, set[str]] = {}
        for cell, outcome in seen.items():
            groups.setdefault(name_of(cell), set()).add(outcome)
        if all(len(outcomes) == 1 for outcomes in groups.values()):
            main = Counter(next(iter(outcomes)) for outcomes in groups.values()).most_common(1)[0][0]
            others: dict[str, list[str]] = {}
            for name, (outcome,) in groups.items():
                if outcome != main:
                    others.setdefault(outcome, []).append(name)
            return main + "".join(f"; {outcome} {word} {' and '.join(names)}" for outcome, names in others.items())
    return " or ".join(sorted(set(seen.values())))


def render(every: Mapping[str, Lines]) -> str:
    """The table: faults that come to the same share their lines, at the place of the first."""
    groups: dict[Lines, list[str]] = {}
    for name, found in every.items():
        groups.setdefault(found, []).append(name)
    rows: list[str] = []
    for found, names in groups.items():
        for number, line in enumerate(found):
            rows.append(f"| {' · '.join(names) if number == 0 else ''} | {' | '.join(line)} |\n")
    return _HEAD + "".join(rows)


def committed(page: Path = PAGE) -> dict[str, Lines]:
    """What the page says, by the names of the faults."""
    found: dict[str, Lines] = {}
    names: list[str] = []
    for row in region(page).removeprefix(_HEAD).splitlines():
        faults, *line = (cell.strip() for cell in row.strip("|").split("|"))
        names = faults.split(" · ") if faults else names
        for name in names:
            found[name] = (*found.get(name, ()), tuple(line))
    return found


def region(page: Path = PAGE) -> str:
    """The table as it stands in the page."""
    found = _REGION.search(page.read_text(encoding="utf-8"))
    assert found is not None, f"{page} has no place for the table"
    return found[0].removeprefix(found[1]).removesuffix(found[2])
