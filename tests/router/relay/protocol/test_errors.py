from __future__ import annotations

from typing import Any

import pytest

from router.faults import KINDS, MEANINGS, Fault, Kind
from router.relay.protocol.errors import error_payload, read_error
from router.relay.protocol.frames import Frame, ProtocolError

OURS = {"unauthenticated", "forbidden", "unsupported_upgrade", "internal"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_survives_the_way(kind: Kind) -> None:
    fault = read_error(Frame("1", "error", error_payload(Fault(kind, "Why.", retry_after=12.5))))
    assert (fault.message, fault.retry_after, fault.status) == ("Why.", 12.5, MEANINGS[kind].status)
    assert (fault.kind == kind) is (kind not in OURS)


def test_scope_and_upstream_status_survive_too() -> None:
    told = Fault("quota_spent", "Used up.", status=429, details={"scope": "account", "other": 1})
    fault = read_error(Frame("1", "error", error_payload(told)))
    assert (fault.kind, fault.status, fault.details) == ("quota_spent", 429, {"scope": "account"})


@pytest.mark.parametrize(
    ("payload", "kind", "status", "message"),
    [
        ({"error": "quota", "status": 429}, "rate_limited", 429, "quota"),
        ({"error": "gone", "status": 404}, "not_found", 404, "gone"),
        ({"error": "boom", "status": 500}, "upstream_broken", 500, "boom"),
        ({"error": "boom"}, "upstream_broken", None, "boom"),
        (
            {"error": {"odd": 1}, "status": 503},
            "overloaded",
            503,
            "The service failed with status 503 and gave no reason.",
        ),
        ({}, "upstream_broken", None, "The service failed and gave no reason."),
        ({"message": "m", "status": 200, "code": "RESOURCE_EXHAUSTED"}, "upstream_broken", None, "m"),
        ({"message": "m", "status": 429, "code": "quota_spent", "retry_after": -1}, "quota_spent", 429, "m"),
        ({"message": "m", "status": 401, "code": "unauthenticated"}, "upstream_auth", 401, "m"),
    ],
)
def test_every_shape_becomes_one_fault(payload: Any, kind: str, status: int | None, message: str) -> None:
    fault = read_error(Frame("1", "error", payload))
    assert (fault.kind, fault.status, fault.message, fault.retry_after) == (kind, status, message, None)


def test_a_status_that_is_no_number_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="error: Expected"):
        read_error(Frame("1", "error", {"status": "429"}))
