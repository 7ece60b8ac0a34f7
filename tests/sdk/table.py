"""The table of dialect pairs: client and SDK generation down, upstream across."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.sdk.environments import Outcome


@dataclass(slots=True)
class Table:
    """What each pair did: (client, generation) -> upstream -> outcomes."""

    rows: dict[tuple[str, str], dict[str, list[Outcome]]] = field(default_factory=dict)

    def enter(self, client: str, generation: str, upstream: str, outcomes: list[Outcome]) -> None:
        """Add outcomes of one pair; several runs of a pair add up."""
        self.rows.setdefault((client, generation), {}).setdefault(upstream, []).extend(outcomes)

    def lines(self) -> Iterator[tuple[str, bool]]:
        """Each line and whether everything in it is good."""
        upstreams = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        yield f"{'client (SDK)':24}" + "".join(f"{name:>16}" for name in upstreams), True
        for (client, generation), row in sorted(self.rows.items()):
            cells = "".join(f"{_cell(row.get(name)):>16}" for name in upstreams)
            good = all(one.ok is not False for outcomes in row.values() for one in outcomes)
            yield f"{client + ' (' + generation + ')':24}{cells}", good
        for (client, generation), row in sorted(self.rows.items()):
            for name, outcomes in row.items():
                for one in outcomes:
                    if one.ok is False:
                        yield f"  {client} ({generation}) -> {name}, {one.case}: {one.detail[:400]}", False


def _cell(outcomes: list[Outcome] | None) -> str:
    if outcomes is None:
        return "not run"
    good, run = (sum(one.ok is state for one in outcomes) for state in (True, False))
    return f"green {good}" if run == 0 else f"RED {run} of {good + run}"
