"""Windows as values: what is believed, what is left, what is closed; and the headers of providers that tell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts import quota, quota_headers
from router.accounts.quota import STALE, Window, window

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
PLAN = "anthropic-ratelimit-unified"


def made(name: str = "5h", used: float = 0.5, **facts) -> Window:
    return Window(name=name, used=used, seen_at=NOW, **facts)


def test_a_window_is_kept_in_bounds_and_named_for_a_label():
    assert window("5h", 1.7, NOW) == made("5h", 1.0)
    assert window("5h", -0.1, NOW) == made("5h", 0.0)
    assert window(" Premium Interactions! ", 0.5, NOW) == made("premium_interactions")
    assert window("x" * 99, 0.5, NOW) == made("x" * 32)
    assert window("", 0.5, NOW) is None
    assert window("5h", None, NOW) is None


def test_a_window_that_began_anew_says_nothing():
    assert quota.live([made(resets_at=NOW + 10)], NOW + 9) == (made(resets_at=NOW + 10),)
    assert quota.live([made(resets_at=NOW + 10)], NOW + 10) == ()
    assert quota.live([made()], NOW + STALE - 1) == (made(),)
    assert quota.live([made()], NOW + STALE) == ()


def test_the_fullest_window_that_counts_a_model_decides_what_is_left():
    windows = [made("5h", 0.25, resets_at=NOW + 100), made("7d_opus", 0.9, bucket="opus", resets_at=NOW + 1000)]
    assert quota.left(windows, "sonnet", NOW) == 0.75
    assert quota.left(windows, "opus", NOW) == pytest.approx(0.1)
    assert quota.left(windows, "sonnet", NOW + 100) == 1.0
    assert quota.left([], "sonnet", NOW) == 1.0


def test_only_what_the_provider_closes_until_a_known_time_is_closed():
    shut = made(used=1.0, resets_at=NOW + 5, closed=True)
    assert quota.closed([shut, made(used=1.0, resets_at=NOW + 5), made(closed=True)], NOW) == (shut,)
    assert quota.closed([shut], NOW + 5) == ()


CASES = {
    "claude plan": (
        {
            f"{PLAN}-status": "allowed_warning",
            f"{PLAN}-reset": "1790001000",
            f"{PLAN}-5h-status": "allowed",
            f"{PLAN}-5h-utilization": "0.42",
            f"{PLAN}-5h-reset": "1790001000",
            f"{PLAN}-7d-utilization": "0.1",
            f"{PLAN}-7d_opus-status": "rejected",
            f"{PLAN}-7d_opus-utilization": "1.0",
            f"{PLAN}-7d_opus-reset": "1790300000",
            f"{PLAN}-overage-status": "allowed",
        },
        {
            "5h": made("5h", 0.42, resets_at=NOW + 1000),
            "7d": made("7d", 0.1),
            "7d_opus": made("7d_opus", 1.0, resets_at=NOW + 300_000, bucket="opus"),
        },
    ),
    "claude plan that lets nothing through": (
        {
            f"{PLAN}-status": "rejected",
            f"{PLAN}-5h-status": "rejected",
            f"{PLAN}-5h-utilization": "1.02",
            f"{PLAN}-5h-reset": "1790001000",
            f"{PLAN}-7d-status": "allowed",
            f"{PLAN}-7d-utilization": "0.5",
            f"{PLAN}-7d-reset": "1790500000",
        },
        {
            "5h": made("5h", 1.0, resets_at=NOW + 1000, closed=True),
            "7d": made("7d", 0.5, resets_at=NOW + 500_000),
        },
    ),
    "claude plan that says no more than that": (
        {f"{PLAN}-status": "rejected", f"{PLAN}-reset": "1790001000"},
        {"unified": made("unified", 1.0, resets_at=NOW + 1000, closed=True)},
    ),
    "claude plan that is well and says no more": ({f"{PLAN}-status": "allowed", f"{PLAN}-reset": "1790001000"}, {}),
    "anthropic": (
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "40",
            "anthropic-ratelimit-requests-reset": "2026-09-21T14:13:50Z",
            "anthropic-ratelimit-input-tokens-limit": "1000",
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-output-tokens-limit": "0",
            "anthropic-ratelimit-output-tokens-remaining": "0",
        },
        {
            "requests": made("requests", pytest.approx(0.2), resets_at=NOW + 30),
            "input-tokens": made("input-tokens", 1.0),
        },
    ),
    "codex": (
        {
            "x-codex-primary-used-percent": "12.5",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-after-seconds": "9000",
            "x-codex-secondary-used-percent": "100",
            "x-codex-secondary-reset-at": "1790100000",
        },
        {
            "primary": made("primary", 0.125, resets_at=NOW + 9000),
            "secondary": made("secondary", 1.0, resets_at=NOW + 100_000),
        },
    ),
    "openai": (
        {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "250",
            "x-ratelimit-reset-requests": "6m0s",
            "x-ratelimit-limit-tokens": "1000",
            "x-ratelimit-remaining-tokens": "many",
        },
        {"requests": made("requests", 0.5, resets_at=NOW + 360)},
    ),
    "servers like it": (
        {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "1790000060"},
        {"requests": made("requests", pytest.approx(0.1), resets_at=NOW + 60)},
    ),
    "copilot": (
        {
            "x-quota-snapshot-premium_interactions": "ent=300&ovPerm=false&rem=88.5&rst=2026-09-21T14%3A13%3A50Z",
            "x-quota-snapshot-chat": "ent=-1&ov=0.0&ovPerm=false&rem=100.0&rst=2026-10-01T00%3A00%3A00Z",
            "x-quota-snapshot-completions": "nothing of this",
        },
        {"premium_interactions": made("premium_interactions", pytest.approx(0.115), resets_at=NOW + 30)},
    ),
    "nobody": ({"content-type": "text/event-stream", "date": "x"}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_headers_of_each_provider(case):
    headers, expected = CASES[case]
    assert {each.name: each for each in quota_headers.read(headers, NOW)} == expected


NAMES = sorted({name for headers, _ in CASES.values() for name in headers})


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40) | st.floats().map(str) | st.just("rejected")))
def test_no_header_breaks_the_reader_and_every_window_is_in_bounds(headers):
    for each in quota_headers.read(headers, NOW):
        assert 0 <= each.used <= 1
        assert each.name


def test_a_provider_that_says_very_much_is_heard_up_to_a_bound():
    headers = {f"x-quota-snapshot-{chr(97 + at // 26)}{chr(97 + at % 26)}": "ent=10&rem=50" for at in range(500)}
    assert len(quota_headers.read(headers, NOW)) == 12
