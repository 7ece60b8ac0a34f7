"""The windows of accounts in memory, what they tell health and metrics, and the background reader."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest

from router.accounts.asking import Reply
from router.accounts.health import Cooling, Health, Lease
from router.accounts.quota import Window
from router.accounts.record import Access, Account
from router.accounts.windows import AT_ONCE, EVERY, FIRST, LONGEST, SPREAD, UsageReader, Windows
from router.clock import FakeClock
from router.faults import Fault
from router.net.message import HttpRequest
from router.observe.metrics import Metrics, QuotaWindows
from router.providers.config import ProviderConfig
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins

PLAN = "anthropic-ratelimit-unified"


def account(label: str = "a", provider: str = "claude-oauth") -> Account:
    return Account(id=f"{provider}/{label}", provider=provider, label=label, secret=Secret(""), stored=True)


def plan_headers(used: float, now: float, *, status: str = "allowed", window: str = "5h") -> dict[str, str]:
    return {
        f"{PLAN}-status": status,
        f"{PLAN}-{window}-status": status,
        f"{PLAN}-{window}-utilization": str(used),
        f"{PLAN}-{window}-reset": str(int(now) + 600),
    }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    return Health(clock, random.Random(1))


@pytest.fixture
def windows(clock: FakeClock, health: Health) -> Windows:
    made = Windows(clock, health.cool)
    health.windows = made.known
    return made


def test_what_an_answer_says_is_known_until_the_window_begins_anew(clock, windows):
    windows.heard(account(), plan_headers(0.4, clock.now))
    assert [(each.name, each.used) for each in windows.of("claude-oauth/a")] == [("5h", 0.4)]
    clock.advance(600)
    assert windows.of("claude-oauth/a") == ()
    assert windows.of("claude-oauth/b") == ()


def test_the_headers_of_one_account_are_read_once_a_second(clock, windows):
    windows.heard(account(), plan_headers(0.4, clock.now))
    windows.heard(account(), plan_headers(0.5, clock.now))
    windows.heard(account("b"), plan_headers(0.6, clock.now))
    assert [windows.of(f"claude-oauth/{label}")[0].used for label in "ab"] == [0.4, 0.6]
    clock.advance(1)
    windows.heard(account(), plan_headers(0.5, clock.now))
    assert windows.of("claude-oauth/a")[0].used == 0.5
    clock.advance(-100)  # somebody set the clock back
    windows.heard(account(), plan_headers(0.3, clock.now))
    assert windows.of("claude-oauth/a")[0].used == 0.3


def test_a_window_that_was_not_mentioned_again_stays(clock, windows):
    windows.told("x/a", [Window(name="7d", used=0.2, seen_at=clock.now)])
    windows.told("x/a", [Window(name="5h", used=0.3, seen_at=clock.now)])
    assert [each.name for each in windows.of("x/a")] == ["5h", "7d"]
    windows.forget("x/a")
    assert windows.of("x/a") == ()


def two(kind: Any = "claude-oauth") -> ProviderConfig:
    return ProviderConfig(id=kind, kind=kind, accounts=(account("a", kind), account("b", kind)))


def test_a_closed_window_cools_the_account_before_any_call_is_refused(clock, health, windows):
    windows.heard(account(), plan_headers(1.0, clock.now, status="rejected"))
    for _ in range(4):
        lease = health.lease(two(), "claude-sonnet-4-5")
        assert isinstance(lease, Lease)
        assert lease.account.label == "b"
        health.succeeded(lease)
    entry = health.resting("claude-oauth/a")
    assert entry is not None
    assert entry.state == "cooling"
    assert entry.cause == "quota_spent: the provider says that the window 5h is closed"
    clock.advance(602)
    assert health.resting("claude-oauth/a") is None


def test_a_closed_window_of_one_class_of_models_cools_that_class_alone(clock, health, windows):
    windows.heard(account(), plan_headers(1.0, clock.now, status="rejected", window="7d_opus"))
    alone = ProviderConfig(id="claude-oauth", kind="claude-oauth", accounts=(account(),))
    assert isinstance(health.lease(alone, "claude-sonnet-4-5"), Lease)
    told = health.lease(alone, "claude-opus-5")
    assert isinstance(told, Cooling)
    assert told.fault().kind == "rate_limited"
    assert told.fault().retry_after == pytest.approx(600, abs=2)


def test_a_full_window_alone_cools_nothing_and_an_old_closed_one_cools_no_more(clock, health, windows):
    windows.heard(account(), plan_headers(1.0, clock.now))
    assert health.resting("claude-oauth/a") is None
    shut = Window(name="5h", used=1.0, seen_at=clock.now, resets_at=clock.now + 5000, closed=True)
    windows.told("claude-oauth/a", [shut])
    assert health.resting("claude-oauth/a") is not None
    health.forget("claude-oauth/a")
    clock.advance(60)
    windows.told("claude-oauth/a", [Window(name="7d", used=0.1, seen_at=clock.now)])
    assert health.resting("claude-oauth/a") is None


def test_a_far_reset_is_obeyed_for_half_an_hour_and_then_probed(clock, health, windows):
    shut = Window(name="7d", used=1.0, seen_at=clock.now, resets_at=clock.now + 500_000, closed=True)
    windows.told("claude-oauth/a", [shut])
    alone = ProviderConfig(id="claude-oauth", kind="claude-oauth", accounts=(account(),))
    clock.advance(1799)
    assert isinstance(health.lease(alone, "m"), Cooling)
    clock.advance(2)
    lease = health.lease(alone, "m")
    assert isinstance(lease, Lease)
    assert lease.probe


def test_most_quota_left_follows_what_is_heard(clock, health, windows):
    health.strategy = "most-quota-left"
    used = {"claude-oauth/a": 0.5, "claude-oauth/b": 0.2}
    for each in two().accounts:
        windows.heard(each, plan_headers(used[each.id], clock.now))

    def serve() -> str:
        lease = health.lease(two(), "claude-sonnet-4-5")
        assert isinstance(lease, Lease)
        health.succeeded(lease)
        return lease.account.label

    assert [serve() for _ in range(3)] == ["b", "b", "b"]
    clock.advance(2)
    windows.heard(account("b"), plan_headers(0.8, clock.now))
    assert [serve() for _ in range(3)] == ["a", "a", "a"]
    clock.advance(700)  # both began anew
    assert sorted(serve() for _ in range(4)) == ["a", "a", "b", "b"]


def test_windows_are_gauges(clock, windows):
    windows.heard(account(), plan_headers(0.25, clock.now))
    windows.told("copilot/a", [Window(name="premium", used=1.0, seen_at=clock.now)])
    metrics = Metrics()
    metrics.collect(QuotaWindows(lambda: windows.samples([account(), account(provider="copilot"), account("b")])))

    def sample(name: str, account: str, provider: str, window: str) -> float | None:
        labels = {"account": account, "provider": provider, "window": window}
        return metrics.registry.get_sample_value(f"switchyard_quota_{name}", labels)

    assert sample("used_ratio", "claude-oauth/a", "claude-oauth", "5h") == 0.25
    assert sample("resets_at_seconds", "claude-oauth/a", "claude-oauth", "5h") == clock.now + 600
    assert sample("used_ratio", "copilot/a", "copilot", "premium") == 1.0
    assert sample("resets_at_seconds", "copilot/a", "copilot", "premium") is None
    assert "claude-oauth/b" not in metrics.exposition().decode()


class Asked:
    """A reader before a provider that answers by script: a body, or a fault."""

    def __init__(self, clock: FakeClock, windows: Windows) -> None:
        self.urls: list[str] = []
        self.secrets: list[str] = []
        self.answer: Any = {"five_hour": {"utilization": 10}}
        self.clock = clock
        self.reader = UsageReader(windows, self.ask, clock, random.Random(3))

    async def ask(self, request: HttpRequest) -> Reply:
        self.urls.append(request.url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Reply(200, {}, json.dumps(self.answer).encode(), self.clock.now)

    async def access(self, account: Account, takes: str) -> Access:
        self.secrets.append(f"{account.id} {takes}")
        return Access(Secret("s"), {})

    async def round(self, *accounts: Account) -> int:
        before = len(self.urls)
        await self.reader.round(accounts, shipped_sign_ins(), self.access)
        return len(self.urls) - before

    async def asked_at(self, account: Account, until: float, step: float = 5.0) -> list[float]:
        """The moments at which it was asked for, looking every few seconds."""
        moments, began = [], self.clock.now
        while self.clock.now < began + until:
            if await self.round(account):
                moments.append(self.clock.now - began)
            self.clock.advance(step)
        return moments


async def test_accounts_are_asked_about_some_time_after_the_start_and_then_every_five_minutes(clock, windows):
    asked = Asked(clock, windows)
    moments = await asked.asked_at(account(), 2000)
    assert FIRST <= moments[0] <= FIRST + SPREAD + 5
    pauses = [after - before for before, after in pairwise(moments)]
    assert len(pauses) >= 4
    assert all(EVERY <= pause <= EVERY * 1.2 + 5 for pause in pauses)
    assert windows.of("claude-oauth/a")[0].used == pytest.approx(0.1)


@pytest.mark.parametrize("answer", [{}, Fault("upstream_broken", "no"), TimeoutError(), OSError("no route")])
async def test_failures_are_quiet_and_the_question_comes_more_and_more_rarely(clock, windows, answer):
    asked = Asked(clock, windows)
    asked.answer = answer
    moments = await asked.asked_at(account(), 6 * 3600, 30)
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses[0] > EVERY * 1.9
    assert max(pauses) <= LONGEST * 1.2 + 30
    assert pauses[-1] >= LONGEST
    asked.answer = {"five_hour": {"utilization": 10}}
    await asked.asked_at(account(), LONGEST * 2, 30)
    later = await asked.asked_at(account(), 2000)
    assert len(later) >= 4


async def test_few_are_asked_about_at_a_time_and_nobody_is_forgotten(clock, windows):
    asked = Asked(clock, windows)
    many = [account(f"{at:02}") for at in range(10)]
    await asked.round(*many)
    clock.advance(FIRST + SPREAD)
    assert [await asked.round(*many) for _ in range(4)] == [AT_ONCE, AT_ONCE, 2, 0]
    assert {each.partition(" ")[0] for each in asked.secrets} == {each.id for each in many}


async def test_each_endpoint_gets_the_secret_that_it_takes_and_others_are_left_alone(clock, windows):
    asked = Asked(clock, windows)
    accounts = [account(provider=name) for name in ("claude-oauth", "copilot", "qwen-oauth", "unknown")]
    await asked.round(*accounts)
    clock.advance(FIRST + SPREAD)
    await asked.round(*accounts)
    assert sorted(asked.secrets) == ["claude-oauth/a access", "copilot/a refresh"]


async def test_an_account_that_left_is_asked_about_no_more(clock, windows):
    asked = Asked(clock, windows)
    await asked.round(account())
    clock.advance(FIRST + SPREAD)
    assert await asked.round() == 0
    assert await asked.round(account()) == 0  # as new again
    clock.advance(FIRST + SPREAD)
    assert await asked.round(account()) == 1
