"""What cto.new's refusals mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.providers.ctonew.faults import answer_fault, limit_of

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "Unauthorized"}, "upstream_auth"),
        (401, {"message": "You have reached your daily limit"}, "upstream_auth"),
        (402, {"message": "Payment required"}, "quota_spent"),
        (403, {"message": "Forbidden"}, "refused"),
        (403, {"error": "Upgrade your plan to use this model"}, "refused"),
        (403, {"message": "You have reached your daily limit. Upgrade to go on."}, "quota_spent"),
        (403, {"hasReachedLimit": True}, "quota_spent"),
        (403, b"<html>Just a moment...</html>", "upstream_broken"),
        (429, {"message": "Too many requests"}, "rate_limited"),
        (429, {"message": "Weekly usage limit reached"}, "quota_spent"),
        (409, {"message": "A task is in progress"}, "rate_limited"),
        (413, {"message": "request entity too large"}, "too_long"),
        (400, {"message": "Prompt is too long"}, "too_long"),
        (400, {"message": "Unknown adapter GPT9"}, "not_found"),
        (400, {"message": "body must have required property 'modelKey'"}, "upstream_broken"),
        (404, {"message": "Route not found"}, "upstream_broken"),
        (500, {"error": {"message": "boom"}}, "upstream_broken"),
        (502, b"<html>Bad gateway</html>", "upstream_broken"),
        (503, b"", "overloaded"),
    ],
)
def test_statuses_and_words(status: int, body: Any, kind: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fault = answer_fault(status, {}, data, NOW)
    assert (fault.kind, fault.status) == (kind, status)
    assert str(status) in fault.message
    assert "<html" not in fault.message


def test_a_model_of_a_higher_tier_concerns_that_model_only() -> None:
    fault = answer_fault(403, {}, b'{"message": "This model needs a higher tier"}', NOW)
    assert (fault.kind, fault.details) == ("refused", {"scope": "model"})
    assert answer_fault(403, {}, b'{"message": "Forbidden"}', NOW).details == {}


@pytest.mark.parametrize(
    ("headers", "limit", "seconds"),
    [
        ({"retry-after": "30"}, None, 30),
        ({}, {"retryAfter": 7200}, 7200),
        ({}, {"resetAt": NOW + 60}, 60),
        ({}, {"resetsAt": "2027-01-15T08:01:00Z"}, 60),
        ({}, {"type": "daily"}, None),
        ({}, "soon", None),
    ],
)
def test_when_a_limit_ends(headers: dict[str, str], limit: Any, seconds: float | None) -> None:
    said = {"hasReachedLimit": True, "limitReached": limit}
    assert answer_fault(403, headers, json.dumps(said).encode(), NOW).retry_after == seconds
    bill = limit_of(json.dumps({**said, "dailyLimit": 300, "weeklyLimit": 900}).encode(), NOW)
    assert bill is not None
    assert (bill.kind, bill.message) == (
        "quota_spent",
        "The account has reached its limit at cto.new (300 a day, 900 a week).",
    )
    if not headers:
        assert bill.retry_after == seconds


@pytest.mark.parametrize("body", [b"", b"{}", b'{"hasReachedLimit": false}', b"[]", b'{"hasReachedLimit": "yes"}'])
def test_a_bill_within_its_limits_explains_nothing(body: bytes) -> None:
    assert limit_of(body, NOW) is None
