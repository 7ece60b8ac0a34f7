"""Usage endpoints: what is asked of each, and what its answer says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.asking import Reply
from router.accounts.quota import Window
from router.accounts.record import Access
from router.accounts.usage import USAGE, read_usage, windows
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from router.version import USER_AGENT

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


def made(name: str, used: Any, **facts: Any) -> Window:
    return Window(name=name, used=used, seen_at=NOW, **facts)


CASES: dict[str, list[tuple[Any, dict[str, Window]]]] = {
    "claude-oauth": [
        (
            {
                "five_hour": {"utilization": 37.0, "resets_at": "2026-09-21T15:13:20+00:00"},
                "seven_day": {"utilization": 100, "resets_at": "2026-09-22T14:13:20.000+00:00"},
                "seven_day_opus": {"utilization": 5, "resets_at": None},
                "seven_day_sonnet": None,
                "extra_usage": {"is_enabled": False},
            },
            {
                "5h": made("5h", pytest.approx(0.37), resets_at=NOW + 3600),
                "7d": made("7d", 1.0, resets_at=NOW + 86_400),
                "7d_opus": made("7d_opus", pytest.approx(0.05), bucket="opus"),
            },
        ),
        ({"five_hour": {"resets_at": "2026-09-21T15:13:20Z"}, "seven_day": 3}, {}),
        ({"type": "error", "error": {"message": "no"}}, {}),
    ],
    "chatgpt-oauth": [
        (
            {
                "plan_type": "plus",
                "rate_limit": {
                    "allowed": False,
                    "limit_reached": True,
                    "primary_window": {"used_percent": 100, "limit_window_seconds": 18000, "reset_at": 1_790_009_000},
                    "secondary_window": {"used_percent": 40, "reset_after_seconds": 600},
                },
                "credits": None,
            },
            {
                "primary": made("primary", 1.0, resets_at=NOW + 9000, closed=True),
                "secondary": made("secondary", pytest.approx(0.4), resets_at=NOW + 600),
            },
        ),
        (
            {"rate_limit": {"allowed": True, "primary_window": {"used_percent": 100}, "secondary_window": None}},
            {"primary": made("primary", 1.0)},
        ),
        ({"rate_limit": None}, {}),
    ],
    "copilot": [
        (
            {
                "copilot_plan": "individual_pro",
                "quota_reset_date": "2026-10-01",
                "quota_snapshots": {
                    "chat": {"unlimited": True, "percent_remaining": 100},
                    "premium_interactions": {"percent_remaining": 62.5, "unlimited": False},
                    "completions": {"entitlement": 2000, "remaining": 500},
                    "odd": "x",
                },
            },
            {
                "premium_interactions": made("premium_interactions", 0.375, resets_at=1_790_812_800.0),
                "completions": made("completions", 0.75, resets_at=1_790_812_800.0),
            },
        ),
        ({"access_type_sku": "free"}, {}),
    ],
    "ctonew": [
        (
            {"dailyLimit": 300, "weeklyLimit": 900, "dailyUsage": 30, "weeklyRemaining": 225, "hasReachedLimit": False},
            {"daily": made("daily", pytest.approx(0.1)), "weekly": made("weekly", 0.75)},
        ),
        (
            {"dailyLimit": 300, "dailyUsed": 300, "hasReachedLimit": True, "dailyResetAt": "2026-09-21T14:14:20Z"},
            {"daily": made("daily", 1.0, resets_at=NOW + 60, closed=True), "plan": made("plan", 1.0, closed=True)},
        ),
        ({"dailyLimit": 300, "weeklyLimit": 900, "hasReachedLimit": False}, {}),
        ({"dailyLimit": 0, "dailyUsed": 5}, {}),
    ],
}


@pytest.mark.parametrize(
    ("provider", "body", "expected"), [(name, *row) for name, rows in CASES.items() for row in rows]
)
def test_what_each_endpoint_says(provider, body, expected):
    assert {each.name: each for each in windows(provider, json.dumps(body).encode(), NOW)} == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"{"])
@pytest.mark.parametrize("provider", [*USAGE, "qwen-oauth"])
def test_what_is_no_such_answer_says_nothing(provider, body):
    assert windows(provider, body, NOW) == ()


KEYS = ["five_hour", "utilization", "resets_at", "rate_limit", "primary_window", "used_percent", "quota_snapshots"]
KEYS += ["percent_remaining", "dailyLimit", "dailyUsed", "hasReachedLimit", "reset_at", "premium_interactions"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
)


@given(st.sampled_from(sorted(USAGE)), st.dictionaries(st.sampled_from(KEYS), JSON))
def test_nothing_in_an_answer_breaks_the_reader(provider, body):
    for each in windows(provider, json.dumps(body).encode(), NOW):
        assert 0 <= each.used <= 1


async def asked(provider: str, status: int = 200) -> tuple[HttpRequest | None, tuple[Window, ...]]:
    seen: list[HttpRequest] = []

    async def ask(request: HttpRequest) -> Reply:
        seen.append(request)
        return Reply(status, {}, json.dumps(CASES["chatgpt-oauth"][0][0]).encode(), NOW)

    access = Access(Secret("oat-canary"), {"account_id": "acc-1"})
    found = await read_usage(provider, shipped_sign_ins()[provider], access, ask, proxy="http://p:1")
    return (seen[0] if seen else None), found


async def test_the_account_and_its_secret_are_sent_and_nothing_that_makes_another_program_of_us():
    request, found = await asked("chatgpt-oauth")
    assert request is not None
    assert (request.method, request.url, request.proxy) == (
        "GET",
        "https://chatgpt.com/backend-api/wham/usage",
        "http://p:1",
    )
    assert dict(request.headers) == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        "authorization": "Bearer oat-canary",
        "chatgpt-account-id": "acc-1",
    }
    assert [each.name for each in found] == ["primary", "secondary"]


async def test_each_provider_with_a_usage_address_can_be_read_and_the_others_are_not_asked():
    for provider, facts in shipped_sign_ins().items():
        request, _ = await asked(provider)
        assert (request is not None) == (facts.upstream.usage_url is not None) == (provider in USAGE)


async def test_an_answer_that_is_no_success_says_nothing():
    assert (await asked("chatgpt-oauth", 401))[1] == ()
