"""Named chains of models: in which order their members are asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from router.net.proxies import Way

if TYPE_CHECKING:
    from router.routing.plan import Candidate

_T = TypeVar("_T")

ComboStrategy: TypeAlias = Literal["priority", "weighted", "round_robin", "least_latency", "cheapest"]
LOOKS_AROUND = 8
"""Of so many calls one goes to a member that is not the quickest, so that its time is known and stays so."""


class Combo(Struct, frozen=True):
    """name: as written. targets: names of models, in order. weights: of each. way: the proxy that it names."""

    name: str
    targets: tuple[str, ...]
    strategy: ComboStrategy = "priority"
    weights: tuple[int, ...] = ()
    way: Way | None = None


Measure: TypeAlias = "Callable[[Candidate], float | None]"
"""Seconds, or a price; None where nobody knows."""


def in_order(
    combo: Combo, candidates: Sequence[Candidate], turn: int, *, seconds: Measure, price: Measure
) -> tuple[Candidate, ...]:
    """Candidates as the strategy has them. turn: counts the calls of this combo. Members that take turns have one rank,
    so that a conversation stays where it is; in the others the order counts."""
    if combo.strategy == "priority" or not candidates:
        return tuple(candidates)
    if combo.strategy == "cheapest":
        return _ranked(_by(candidates, price))
    if combo.strategy == "least_latency":
        ordered = _by(candidates, seconds)
        others = len(ordered) - 1
        if others and turn % LOOKS_AROUND == LOOKS_AROUND - 1:
            ordered = _first(ordered, 1 + turn // LOOKS_AROUND % others)
        return _level(ordered)
    members = list(dict.fromkeys(candidate.member or 0 for candidate in candidates))
    at = turn % len(members) if combo.strategy == "round_robin" else _weighted(combo, members, turn)
    order = members[at:] + members[:at] if combo.strategy == "round_robin" else _first(members, at)
    return _level(sorted(candidates, key=lambda candidate: order.index(candidate.member or 0)))


def _weighted(combo: Combo, members: Sequence[int], turn: int) -> int:
    """Whose turn it is in a cycle of as many turns as there are weights. Members that cannot serve have none."""
    weights = [combo.weights[member] for member in members]
    place = turn % (sum(weights) or 1)
    for at, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return at
    return 0


def _by(candidates: Sequence[Candidate], measure: Measure) -> list[Candidate]:
    """The least first; those that nobody knows last, as they stand in the settings."""
    measured = [(candidate, measure(candidate)) for candidate in candidates]
    return [each for each, _ in sorted(measured, key=lambda pair: (pair[1] is None, pair[1] or 0.0))]


def _first(items: list[_T], at: int) -> list[_T]:
    return [items[at], *items[:at], *items[at + 1 :]]


def _level(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, rank=0) for candidate in candidates)


def _ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, rank=rank) for rank, candidate in enumerate(candidates))


class Turns:
    """Counts the calls of every combo. Names come from the settings, so there are few."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def coming(self, name: str) -> int:
        """The number of the next call, from 0."""
        return self._turns.get(name, 0)

    def next(self, name: str) -> int:
        """The number of this call, from 0."""
        turn = self.coming(name)
        self._turns[name] = turn + 1
        return turn
