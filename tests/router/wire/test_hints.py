"""When to come back: one table per provider, each form as it stands on their wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire import hints

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("34.07s", 34.07),
        ("1h2m", 3720.0),
        ("1d", 86_400.0),
        ("0s", 0.0),
        (" 2m59.56s ", 179.56),
        ("250µs", 0.00025),
        ("", None),
        ("12", None),
        ("-1s", None),
        ("1 s", None),
        ("1x", None),
        ("s", None),
        ("1s!", None),
    ],
)
def test_durations(text, seconds):
    assert hints.parse_duration(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:20 GMT"}, 60.0),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:20 -0000"}, 60.0),
        ({"retry-after": "Mon, 21 Sep 2026 14:00:00 GMT"}, 0.0),  # past: now
        ({"retry-after": "12s"}, 12.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "x"}, None),
        ({"retry-after": "1", "retry-after-ms": "1500"}, 1.5),
        ({}, None),
    ],
)
def test_retry_after_headers(headers, seconds):
    assert hints.retry_after(headers, None, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"}, None),
        ({"x-ratelimit-reset-requests": "6m0s"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "10",
                "x-ratelimit-reset-requests": "1h0m0s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "120ms",
            },
            0.12,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000030"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000030000"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
    ],
)
def test_openai_resets_count_only_for_an_exhausted_bucket(headers, seconds):
    assert hints.retry_after(headers, None, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-09-21T14:13:50Z",
                "anthropic-ratelimit-tokens-remaining": "1000",
                "anthropic-ratelimit-tokens-reset": "2026-09-21T18:00:00Z",
            },
            30.0,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-09-21T16:13:30+02:00",
            },
            10.0,
        ),
        (
            {
                "anthropic-ratelimit-output-tokens-remaining": "0",
                "anthropic-ratelimit-output-tokens-reset": "tomorrow",
            },
            None,
        ),
    ],
)
def test_anthropic_resets_are_rfc_3339(headers, seconds):
    assert hints.retry_after(headers, None, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (
            {
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-reset": "1790000100",
                "anthropic-ratelimit-unified-5h-status": "rejected",
                "anthropic-ratelimit-unified-5h-reset": "1790000100",
                "anthropic-ratelimit-unified-7d-status": "allowed",
                "anthropic-ratelimit-unified-7d-reset": "1790500000",
            },
            100.0,
        ),
        (
            {
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-reset": "1790000100",
                "anthropic-ratelimit-unified-7d-status": "rejected",
                "anthropic-ratelimit-unified-7d-reset": "1790500000",
            },
            500_000.0,
        ),
        (
            {
                "anthropic-ratelimit-unified-status": "allowed_warning",
                "anthropic-ratelimit-unified-reset": "1790000100",
            },
            None,
        ),
        ({"anthropic-ratelimit-unified-reset": "1790000100"}, 100.0),
    ],
)
def test_claude_plan_resets_are_epoch_seconds_of_rejected_windows(headers, seconds):
    assert hints.retry_after(headers, None, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"x-codex-primary-used-percent": "100", "x-codex-primary-reset-after-seconds": "90"}, None, 90.0),
        ({"x-codex-primary-used-percent": "99.5", "x-codex-primary-reset-after-seconds": "90"}, None, None),
        ({"x-codex-secondary-used-percent": "100.0", "x-codex-secondary-reset-at": "1790003600"}, None, 3600.0),
        ({}, {"error": {"type": "usage_limit_reached", "resets_in_seconds": 1234}}, 1234.0),
        ({}, {"error": {"type": "usage_limit_reached", "resets_at": 1_790_000_050}}, 50.0),
        ({}, {"type": "usage_limit_reached", "resets_in_seconds": 5}, 5.0),
    ],
)
def test_codex_windows_and_body(headers, body, seconds):
    assert hints.retry_after(headers, body, NOW) == seconds


def gemini(*details):
    return {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow down.", "details": list(details)}}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (gemini(RETRY), 34.07),
        ([gemini({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []}, RETRY)], 34.07),
        (gemini({"retryDelay": {"seconds": 3, "nanos": 500_000_000}}), 3.5),
        (gemini({"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quotaResetDelay": "1h0m1s"}}), 3601.0),
        (gemini({"metadata": {"quotaResetTimeStamp": "2026-09-21T14:13:25Z"}}), 5.0),
        (gemini("odd", {"retryDelay": 5}), None),
        (gemini(), None),
        ([], None),
        ([None], None),
        ("text", None),
        ({"error": "text"}, None),
        ({"error": {"details": "none"}}, None),
    ],
)
def test_gemini_details(body, seconds):
    assert hints.retry_after({}, body, NOW) == seconds


def test_a_sentence_counts_only_where_nothing_else_was_said():
    body = {"error": {"message": "Rate limit reached. Please try again in 1.5s. Visit the docs."}}
    assert hints.retry_after({}, body, NOW) == 1.5
    assert hints.retry_after({"retry-after": "1"}, body, NOW) == 1.0
    assert hints.retry_after({}, {"error": {"message": "Please retry in 34.07s."}}, NOW) == 34.07


def test_the_largest_hint_wins():
    assert hints.retry_after({"retry-after": "60"}, gemini(RETRY), NOW) == 60.0
    assert hints.retry_after({"retry-after": "2"}, gemini(RETRY), NOW) == 34.07


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "retryDelay", "metadata", "resets_at", "message"]), inner
        )
    ),
)


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-remaining", "x-ratelimit-reset"]), st.text()
    ),
    json_values,
)
def test_nothing_a_provider_says_breaks_the_reader(headers, body):
    seconds = hints.retry_after(headers, body, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


BY_PROVIDER = {
    "claude-oauth": [
        (
            {
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-representative-claim": "five_hour",
                "anthropic-ratelimit-unified-reset": "1790001000",
                "anthropic-ratelimit-unified-7d_opus-status": "rejected",
                "anthropic-ratelimit-unified-7d_opus-reset": "1790400000",
            },
            {
                "type": "error",
                "error": {"type": "rate_limit_error", "message": "This request would exceed your limit."},
            },
            400_000.0,
        ),
        (
            {"anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-1h-status": "rejected"},
            None,
            None,
        ),
    ],
    "chatgpt-oauth": [
        ({}, {"error": {"type": "usage_limit_reached", "plan_type": "plus", "resets_in_seconds": 9000}}, 9000.0),
        ({}, {"detail": {"code": "usage_limit_reached"}, "resets_at": 1_790_000_060}, 60.0),
        ({}, {"error": {"message": "Rate limit reached for gpt-5.1. Please try again in 11.054s."}}, 11.054),
    ],
    "gemini-cli": [
        (
            {},
            {"error": {"message": "You have exhausted your capacity. Your quota will reset after 10h22m0s."}},
            37320.0,
        ),
        ({}, [gemini({"metadata": {"quotaResetDelay": "373.801628ms"}})], 0.373801628),
    ],
    "antigravity": [
        (
            {},
            gemini({"metadata": {"quotaResetDelay": "1s", "quotaResetTimeStamp": "2026-09-21T14:23:20Z"}}),
            600.0,
        ),
    ],
    "qwen-oauth": [
        ({}, {"error": {"code": "insufficient_quota", "message": "Free allocated quota exceeded."}}, None),
        ({"retry-after": "60"}, {"error": {"code": "rate_limit_exceeded", "message": "Slow."}}, 60.0),
    ],
    "kimi-oauth": [
        (
            {},
            {"error": {"type": "rate_limit_reached_error", "message": "Max RPM: 3, please try again after 1 seconds"}},
            1.0,
        ),
    ],
    "xai-oauth": [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"}, {"error": "Too many."}, 30.0),
    ],
    "iflow": [
        ({}, {"status": "449", "msg": "You exceeded the current rate limit, retry after 20 seconds"}, 20.0),
        ({}, {"status": "435", "msg": "Model not supported", "body": None}, None),
        ({}, {"error": {"code": "429", "message": "busy"}, "retry_after": 3}, 3.0),
    ],
    "copilot": [
        ({"retry-after": "3600", "x-ratelimit-exceeded": "user_global"}, {"error": {"code": "rate_limited"}}, 3600.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000500"}, None, 500.0),
        ({}, {"error": {"message": "Please try again in 1 hour 20 minutes and 5 seconds."}}, 4805.0),
    ],
    "ctonew": [
        ({}, {"error": "Daily limit reached, try again in 3 hours"}, 10_800.0),
        ({}, {"hasReachedLimit": True, "resetAt": "2026-09-22T00:00:00Z"}, 35_200.0),
        ({}, {"error": {"message": "limit"}, "retryAfter": "90s"}, 90.0),
        ({}, {"error": {"retry_after_ms": 2500}}, 2.5),
        ({}, {"error": "limit"}, None),
    ],
}


@pytest.mark.parametrize(
    ("provider", "headers", "body", "seconds"),
    [(name, *row) for name, rows in BY_PROVIDER.items() for row in rows],
)
def test_each_subscription_says_it_in_its_own_way(provider, headers, body, seconds):
    assert hints.retry_after(headers, body, NOW) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("wait 30 seconds", 30.0),
        ("Retry again in about 2 mins.", 120.0),
        ("please wait another 5 hrs", 18_000.0),
        ("try again in 1 day, 2 hours", 93_600.0),
        ("resets in 500 milliseconds", 0.5),
        ("try again in a moment", None),
        ("try again in 5 steps", None),
        ("I waited 30 seconds", None),
        ("x" * 5000 + " try again in 5s", None),  # only the beginning of a message is searched
    ],
)
def test_spoken_spans(message, seconds):
    assert hints.retry_after({}, {"error": {"message": message}}, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"retry-after": "1e30"}, None),
        ({"retry-after": "99999999"}, None),
        ({}, {"error": {"resets_at": "9999-01-01T00:00:00Z"}}),
        ({}, {"error": {"message": "try again in 99999999 days"}}),
    ],
)
def test_no_hint_is_longer_than_a_month_and_a_half(headers, body):
    assert hints.retry_after(headers, body, NOW) == hints.LONGEST
