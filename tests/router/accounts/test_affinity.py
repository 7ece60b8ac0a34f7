from __future__ import annotations

import pytest

from router.accounts.affinity import REFRESH, TTL, Affinity
from router.accounts.owners import OwnerRow
from router.routing.affinity import NOTHING_HELD, digest

BODY = b'{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s1"}]}]}'


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_an_answer_carried_is_held_by_its_account(clock: Clock) -> None:
    affinity = Affinity(clock)
    assert affinity.held("messages", BODY, None) is NOTHING_HELD
    affinity.learn([digest("s1")], "anthropic/1")
    held = affinity.held("messages", BODY, None)
    assert (held.prefer, held.foreign("anthropic/2")) == ("anthropic/1", {digest("s1")})
    assert affinity.held("messages", BODY.replace(b"s1", b"s2"), None).prefer is None
    assert affinity.held("messages", b'{"messages":[]}', None) is NOTHING_HELD


def test_rows_are_given_once_and_again_when_they_are_in_use_after_an_hour(clock: Clock) -> None:
    affinity = Affinity(clock)
    affinity.learn([digest("s1")], "anthropic/1")
    row = OwnerRow(digest=digest("s1").hex(), account="anthropic/1", at=clock.now)
    assert affinity.dirty() == [row]
    assert affinity.dirty() == []
    affinity.held("messages", BODY, None)
    assert affinity.dirty() == []
    clock.now += REFRESH
    affinity.held("messages", BODY, None)
    assert [again.at for again in affinity.dirty()] == [clock.now]


def test_loaded_rows_count_until_their_time_is_over(clock: Clock) -> None:
    affinity = Affinity(clock)
    affinity.load([OwnerRow(digest=digest("s1").hex(), account="anthropic/1", at=clock.now)])
    assert affinity.held("messages", BODY, None).prefer == "anthropic/1"
    clock.now += TTL + 1
    assert affinity.held("messages", BODY, None).prefer is None


def test_rows_of_another_process_do_not_replace_what_is_known(clock: Clock) -> None:
    affinity = Affinity(clock)
    affinity.learn([digest("s1")], "anthropic/1")
    affinity.load([OwnerRow(digest=digest("s1").hex(), account="anthropic/2", at=clock.now + 5)])
    assert affinity.held("messages", BODY, None).prefer == "anthropic/1"


def test_what_nobody_persists_is_bounded(clock: Clock) -> None:
    affinity = Affinity(clock, most=3)
    affinity.learn([digest(str(number)) for number in range(10)], "p/a")
    assert len(affinity.dirty()) == 3
