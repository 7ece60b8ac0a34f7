"""Memory is tidied once, after a crowd has left."""

from __future__ import annotations

from router.server.tidy import CROWD, Tidy


def _collections(*seen: int) -> int:
    done: list[None] = []
    tidy = Tidy(lambda: done.append(None))
    for connections in seen:
        tidy.seen(connections)
    return len(done)


def test_a_crowd_that_has_left_is_tidied_up_after_once() -> None:
    assert _collections(CROWD, CROWD, 3, 3, 0, 0) == 1


def test_a_crowd_that_stays_is_left_in_peace() -> None:
    assert _collections(CROWD, CROWD * 20, CROWD * 19, CROWD * 6) == 0


def test_few_connections_are_not_worth_it() -> None:
    assert _collections(CROWD - 1, 0, CROWD - 1, 0) == 0


def test_every_crowd_counts_anew() -> None:
    assert _collections(CROWD * 2, 0, CROWD * 2, 0, CROWD, 1) == 3
