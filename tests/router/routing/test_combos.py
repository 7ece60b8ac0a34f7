"""In which order the members of a combo are asked."""

from __future__ import annotations

from collections import Counter

import pytest

from router.routing.combos import LOOKS_AROUND, Combo, ComboStrategy, Turns, in_order
from router.routing.plan import Candidate
from router.wire.capabilities import Capabilities

NAMES = ("a", "b", "c")


def candidate(name: str, member: int) -> Candidate:
    return Candidate(
        provider=f"p-{name}",
        model=name,
        dialect="chat",
        lane="raw",
        rank=member,
        why="",
        capabilities=Capabilities(),
        member=member,
    )


ALL = tuple(candidate(name, member) for member, name in enumerate(NAMES))


def order(
    strategy: ComboStrategy,
    turn: int = 0,
    *,
    known: dict[str, float] | None = None,
    weights: tuple[int, ...] = (1, 1, 1),
    candidates: tuple[Candidate, ...] = ALL,
) -> str:
    found = in_order(
        Combo("x", NAMES, strategy, weights),
        candidates,
        turn,
        seconds=lambda each: (known or {}).get(each.model),
        price=lambda each: (known or {}).get(each.model),
    )
    assert sorted(each.model for each in found) == sorted(each.model for each in candidates)
    ranks = {each.rank for each in found}
    assert len(ranks) == (len(found) if strategy in ("priority", "cheapest") else 1)
    return "".join(each.model for each in found)


def test_priority_is_the_order_of_the_settings() -> None:
    assert [order("priority", turn) for turn in range(3)] == ["abc"] * 3


def test_round_robin_turns() -> None:
    assert [order("round_robin", turn) for turn in range(4)] == ["abc", "bca", "cab", "abc"]
    assert [order("round_robin", turn, candidates=ALL[1:]) for turn in range(3)] == ["bc", "cb", "bc"]


def test_weights_are_shares_and_the_others_follow() -> None:
    found = Counter(order("weighted", turn, weights=(1, 3, 0))[0] for turn in range(40))
    assert found == {"a": 10, "b": 30}
    assert order("weighted", 1, weights=(1, 3, 0)) == "bac"
    assert order("weighted", 5, weights=(0, 0, 2), candidates=ALL[:2]) == "ab"


def test_the_cheapest_is_first_and_the_unknown_last() -> None:
    assert order("cheapest", known={"c": 0.0, "b": 2.0}) == "cba"
    assert order("cheapest") == "abc"


def test_the_quickest_is_first_but_for_a_look_around() -> None:
    known = {"a": 3.0, "b": 1.0}
    usual = [order("least_latency", turn, known=known) for turn in range(LOOKS_AROUND - 1)]
    assert set(usual) == {"bac"}
    looks = [order("least_latency", LOOKS_AROUND * n + LOOKS_AROUND - 1, known=known)[0] for n in range(3)]
    assert looks == ["a", "c", "a"]
    assert order("least_latency", LOOKS_AROUND - 1, candidates=ALL[:1]) == "a"


@pytest.mark.parametrize("strategy", ["priority", "weighted", "round_robin", "least_latency", "cheapest"])
def test_nobody_is_nobody(strategy: ComboStrategy) -> None:
    assert in_order(Combo("x", NAMES, strategy), (), 0, seconds=lambda _: None, price=lambda _: None) == ()


def test_every_combo_has_turns_of_its_own() -> None:
    turns = Turns()
    assert [turns.next("a"), turns.next("a"), turns.next("b")] == [0, 1, 0]
