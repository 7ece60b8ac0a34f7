"""What a fault is, as data: what goes wrong upstream, and what the client must see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.faults.cells import CELLS, Cell
from tests.simulators import Misbehaviour


@dataclass(frozen=True, slots=True)
class Expected:
    """What a client sees in each situation (`cells.Situation`), in the words of `checks.outcome`.

    `error overloaded` is the dialect's own status for that. tries: how often the only target is asked when it is
    always broken. once: "" where a fault cannot be made for one attempt alone.
    """

    other: str
    once: str
    alone: str
    tries: int = 1

    def of(self, cell: Cell) -> str:
        said = {"other": self.other, "once": self.once, "alone": self.alone}[cell.situation]
        return said.replace("overloaded", "529" if cell.dialect == "messages" else "503")


WHOLE = Expected("whole", "whole", "whole")
PASSING = Expected("failed over", "tried again", "error 502", tries=2)
OVERLOADED = Expected("failed over", "tried again", "error overloaded", tries=2)
SILENT = Expected("failed over", "error 504", "error 504")
RESCUED = Expected("rescued", "rescued", "error", tries=2)

Make: TypeAlias = Callable[[Cell], Misbehaviour | None]
Where: TypeAlias = Literal["", "closed", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault.

    bad: what a target that is asked first does in a cell, None where there is no such thing. streamed, unstreamed: what
    clients of either see. folded: what unstreamed clients see where the answer is read from a stream (`unstreamed` if
    not given). by_upstream: by the dialect of the broken target, where that matters, as (streamed, unstreamed). said:
    the provider's words, handed on where they are the caller's business. gap: seconds that lie between two attempts at
    least. retry_after: seconds that the client is told at least. loose: the provider's numbers and end marks are out of
    order, and are handed on. silence: the router must not wait for long. few: too costly to be made in every cell.
    where: it is the address itself that is wrong.
    """

    name: str
    bad: Make
    streamed: Expected
    unstreamed: Expected | None = None
    folded: Expected | None = None
    by_upstream: Mapping[str, tuple[Expected, Expected]] = field(default_factory=dict)
    said: Callable[[Cell], str] = lambda cell: "simulated failure"
    gap: float = 0.25
    retry_after: float | None = None
    loose: bool = False
    silence: bool = False
    few: bool = False
    where: Where = ""

    def expected(self, cell: Cell) -> Expected:
        if cell.upstream in self.by_upstream:
            return self.by_upstream[cell.upstream][0 if cell.stream else 1]
        if cell.stream or self.unstreamed is None:
            return self.streamed
        return (self.folded or self.unstreamed) if cell.upstream_streams else self.unstreamed

    def cells(self) -> list[Cell]:
        """Where it is met."""
        found = [each for each in CELLS if self.bad(each) is not None and self.expected(each).of(each)]
        if self.few:
            some = (("chat", "raw"), ("messages", "translated"))
            found = [each for each in found if each.situation == "other" and (each.dialect, each.lane) in some]
        return found
