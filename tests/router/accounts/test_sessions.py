"""Conversations and their accounts in memory: kept while they go on, moved, forgotten; what that does for caches."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from router.accounts.health import Health, Lease
from router.accounts.owners import OwnerRow
from router.accounts.record import Account
from router.accounts.sessions import LONGEST, Session, Sessions
from router.call import Call, Caller
from router.clock import FakeClock
from router.faults import Fault
from router.providers.config import ProviderConfig
from router.secret import Secret

SYSTEM = "careful" * 700


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sessions(clock: FakeClock) -> Sessions:
    return Sessions(clock, ttl=3600.0)


def call(body: Any = None, *, session: str | None = None, key: str = "k") -> Call:
    return Call(
        id="req_1",
        dialect="messages",
        asked="claude-sonnet-4-5",
        stream=True,
        body=json.dumps(body or {}).encode(),
        caller=Caller(key_id=key, key_name=key),
        session=session,
    )


def of(sessions: Sessions, name: str) -> Session:
    found = sessions.of(call(session=name))
    assert found is not None
    return found


def test_a_conversation_stays_with_the_account_that_answered(sessions):
    assert of(sessions, "one").account is None
    sessions.learn(of(sessions, "one"), "p/a")
    assert of(sessions, "one").account == "p/a"
    assert of(sessions, "two").account is None
    assert sessions.of(call()) is None


def test_a_conversation_moves_to_whoever_answers_next(sessions):
    sessions.learn(of(sessions, "one"), "p/a")
    sessions.learn(of(sessions, "one"), "p/b")
    assert of(sessions, "one").account == "p/b"


def test_a_conversation_that_rests_for_too_long_is_forgotten_and_one_that_goes_on_is_not(clock, sessions):
    sessions.learn(of(sessions, "idle"), "p/a")
    sessions.learn(of(sessions, "busy"), "p/b")
    for _ in range(6):
        clock.advance(600)
        assert of(sessions, "busy").account == "p/b"
        sessions.learn(of(sessions, "busy"), "p/b")
    assert of(sessions, "idle").account == "p/a"
    clock.advance(1)
    assert of(sessions, "idle").account is None
    assert of(sessions, "busy").account == "p/b"


def test_a_shorter_life_counts_at_once(clock, sessions):
    sessions.learn(of(sessions, "one"), "p/a")
    clock.advance(100)
    sessions.ttl = 60.0
    assert of(sessions, "one").account is None


def test_nobody_continues_the_conversation_of_another_key(sessions):
    sessions.learn(of(sessions, "one"), "p/a")
    other = sessions.of(call(session="one", key="other"))
    assert other is not None
    assert other.account is None


def test_a_conversation_is_found_by_its_longest_known_beginning(sessions):
    def body(count: int, branch: str = "") -> dict[str, Any]:
        made = [{"role": ("user", "assistant")[at % 2], "content": f"turn {at}"} for at in range(count)]
        return {"system": SYSTEM, "messages": [*made[:-1], {"role": "user", "content": f"turn {count - 1}{branch}"}]}

    def found(made: dict[str, Any]) -> Session:
        session = sessions.of(call(made))
        assert session is not None
        return session

    sessions.learn(found(body(1)), "p/a")
    sessions.learn(found(body(3)), "p/b")
    assert found(body(5)).account == "p/b"
    assert found(body(3, " again")).account == "p/a"
    assert found(body(1, " again")).account is None


def test_rows_come_back_and_are_written_once(clock, sessions):
    sessions.learn(of(sessions, "one"), "p/a")
    sessions.learn(of(sessions, "one"), "p/a")
    rows = sessions.dirty()
    assert [row.account for row in rows] == ["p/a"]
    assert sessions.dirty() == []
    clock.advance(59)
    sessions.learn(of(sessions, "one"), "p/a")  # noted a moment ago
    assert sessions.dirty() == []
    clock.advance(1)
    sessions.learn(of(sessions, "one"), "p/a")
    assert [row.at for row in sessions.dirty()] == [clock.now]
    again = Sessions(clock, ttl=3600.0)
    again.load(rows)
    assert of(again, "one").account == "p/a"


def test_of_what_two_processes_know_the_newer_counts(clock, sessions):
    sessions.learn(of(sessions, "one"), "p/a")
    digest = sessions.dirty()[0].digest
    sessions.load([OwnerRow(digest=digest, account="p/old", at=clock.now - 5)])
    assert of(sessions, "one").account == "p/a"
    sessions.load([OwnerRow(digest=digest, account="p/new", at=clock.now + 5)])
    assert of(sessions, "one").account == "p/new"
    fresh = Sessions(clock, ttl=LONGEST)
    fresh.load([OwnerRow(digest=digest, account="p/a", at=clock.now - LONGEST - 1)])
    assert of(fresh, "one").account is None


def test_memory_is_bounded_and_the_oldest_go_first(clock):
    sessions = Sessions(clock, ttl=3600.0, most=10)
    for at in range(25):
        sessions.learn(of(sessions, str(at)), f"p/{at}")
    assert [at for at in range(25) if of(sessions, str(at)).account] == list(range(15, 25))
    assert len(sessions.dirty()) == 10


class Caches:
    """Prompt caches as providers have them: by account, for five minutes after the last use, the longest prefix."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.kept: dict[tuple[str, int], float] = {}
        self.read = self.asked = 0

    def answer(self, account: str, texts: list[str]) -> None:
        known = 0
        for count in range(1, len(texts) + 1):
            digest = (account, hash(tuple(texts[:count])))
            if self.clock.now - self.kept.get(digest, -1e9) <= 300:
                known = count
        for count in range(1, len(texts) + 1):
            self.kept[(account, hash(tuple(texts[:count])))] = self.clock.now
        if len(texts) > 1:  # the first request of a conversation has nothing to read
            self.asked += sum(map(len, texts[:-2]))
            self.read += sum(map(len, texts[: min(known, len(texts) - 2)]))

    @property
    def share(self) -> float:
        return self.read / self.asked


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("strategy", ["round-robin", "least-busy", "most-quota-left"])
def test_caches_stay_warm_with_affinity_and_not_without(clock, strategy, named):
    """Ten conversations at once over twenty accounts, forty turns each, a minute and a half between two turns."""
    chance = random.Random(5)
    accounts = tuple(
        Account(id=f"p/{label}", provider="p", label=label, secret=Secret("s")) for label in "abcdefghijklmnopqrst"
    )
    provider = ProviderConfig(id="p", kind="anthropic", accounts=accounts)

    def run(ttl: float) -> float:
        health, caches = Health(clock, random.Random(1), strategy), Caches(clock)
        sessions = Sessions(clock, ttl=ttl)
        talks: list[list[str]] = [[f"{SYSTEM} {number}"] for number in range(10)]
        for turn in range(40):
            for number in chance.sample(range(10), 10):
                talks[number] += [f"question {number}.{turn}"]
                said = [
                    {"role": ("user", "assistant")[at % 2], "content": text}
                    for at, text in enumerate(talks[number][1:])
                ]
                body = {"system": talks[number][0], "messages": said}
                session = sessions.of(call(body, session=f"s{number}" if named else None))
                assert session is not None
                lease = health.lease(provider, "m", prefer=session.account if ttl else None)
                assert isinstance(lease, Lease)
                if ttl:
                    sessions.learn(session, lease.account.id)
                caches.answer(lease.account.id, talks[number])
                health.succeeded(lease)
                talks[number] += [f"answer {number}.{turn} " + "word " * 50]
                clock.advance(chance.uniform(0, 18))
        return caches.share

    assert run(3600.0) > 0.99
    assert run(0.0) < 0.25


def test_an_account_that_cannot_serve_hands_its_conversations_on_and_they_do_not_swing_back(clock, sessions):
    accounts = tuple(Account(id=f"p/{label}", provider="p", label=label, secret=Secret("s")) for label in "ab")
    provider = ProviderConfig(id="p", kind="openai", accounts=accounts)
    health = Health(clock, random.Random(1))

    def serve() -> str:
        session = of(sessions, "one")
        lease = health.lease(provider, "m", prefer=session.account)
        assert isinstance(lease, Lease)
        health.succeeded(lease)
        sessions.learn(session, lease.account.id)
        return lease.account.label

    home = serve()
    assert {serve() for _ in range(5)} == {home}
    lease = health.lease(provider, "m", prefer=f"p/{home}")
    assert isinstance(lease, Lease)
    health.failed(lease, Fault("rate_limited", "slow", retry_after=30, status=429))
    other = serve()
    assert other != home
    clock.advance(60)
    assert {serve() for _ in range(5)} == {other}
