from __future__ import annotations

from typing import Any

import pytest

from router.faults import MEANINGS, Fault, Kind
from router.wire.codec import dumps
from router.wire.messages import SPEC
from tests.data import recorded


def error(kind: str, message: str) -> bytes:
    return dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_up"})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("invalid_request_error", "messages.0.content: bad"), "bad_request"),
        (400, error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "too_long"),
        (400, error("invalid_request_error", "input length and `max_tokens` exceed context limit: 1"), "too_long"),
        (400, error("invalid_request_error", "Your credit balance is too low to access"), "quota_spent"),
        (401, error("authentication_error", "invalid x-api-key"), "upstream_auth"),
        (402, error("billing_error", "pay"), "quota_spent"),
        (403, error("permission_error", "not you"), "refused"),
        (404, error("not_found_error", "model: x"), "not_found"),
        (409, error("conflict_error", "x"), "conflict"),
        (413, error("request_too_large", "x"), "too_large"),
        (429, error("rate_limit_error", "This request would exceed your organization's rate limit"), "rate_limited"),
        (429, error("rate_limit_error", "You have reached your monthly limit"), "quota_spent"),
        (500, error("api_error", "Internal server error"), "upstream_broken"),
        (504, error("timeout_error", "x"), "timeout"),
        (422, error("api_error", "roles must alternate"), "bad_request"),  # of a server that has no word for it
        (503, error("api_error", "busy"), "overloaded"),
        (529, error("overloaded_error", "Overloaded"), "overloaded"),
        (400, b'{"error":"plain"}', "bad_request"),
        (422, b'{"detail":"plain"}', "bad_request"),
        (429, b'{"message":"slow"}', "rate_limited"),
        (401, b"", "upstream_auth"),
        (403, b"no", "refused"),
        (404, b"<html><title>Not Found</title></html>", "not_found"),
        (408, b"", "timeout"),
        (413, b"<html>", "too_large"),
        (502, b"<html>", "upstream_broken"),
        (503, b"", "overloaded"),
        (504, b"", "timeout"),
        (529, b"", "overloaded"),
        (302, b"", "upstream_broken"),
    ],
)
def test_an_error_answer_of_any_shape_has_one_kind(status: int, body: bytes, kind: Kind) -> None:
    fault = SPEC.read_fault(status, {}, body)
    assert (fault.kind, fault.status) == (kind, status)
    assert fault.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (error("invalid_request_error", "context_management: Extra inputs"), "context_management: Extra inputs"),
        (b'{"error":"plain"}', "plain"),
        (b'{"error":{"message":"inner"}}', "inner"),
        (b'{"detail":"why"}', "why"),
        (b"just text", "The provider answered 400: just text"),
        (b"", "The provider answered 400 without a reason."),
        (b'{"x":1}', 'The provider answered 400: {"x":1}'),
    ],
)
def test_the_providers_reason_is_found_word_for_word(body: bytes, message: str) -> None:
    assert SPEC.read_fault(400, {}, body).message == message


def test_an_html_page_is_named_and_not_quoted() -> None:
    fault = SPEC.read_fault(502, {"content-type": "text/html"}, b"<html><title>Bad\n gateway</title><p>secret</html>")
    assert fault.message == "The provider answered 502 with an HTML page (Bad gateway): is its base URL right?"


def test_a_rejected_credential_is_never_quoted() -> None:
    fault = SPEC.read_fault(401, {}, error("authentication_error", "Incorrect API key provided: sk-secret"))
    assert "sk-secret" not in fault.message
    assert fault.passthrough is None


def test_a_mistake_in_the_request_is_handed_on_verbatim() -> None:
    """Claude Code repairs its request by the text of the 400."""
    body = error("invalid_request_error", "messages.1.role: Input should be 'user' or 'assistant'")
    fault = SPEC.read_fault(400, {}, body)
    assert fault.passthrough == body
    assert fault.param == "messages[1].role"
    status, headers, rendered = SPEC.render_fault(fault, "req_ours")
    assert status == 400
    assert dumps(rendered) == body
    assert headers["x-should-retry"] == "false"


def test_faults_that_are_not_the_callers_are_not_handed_on() -> None:
    assert SPEC.read_fault(429, {}, error("rate_limit_error", "x")).passthrough is None
    assert SPEC.read_fault(500, {}, error("api_error", "x")).passthrough is None


def test_another_dialects_error_body_is_rendered_anew() -> None:
    fault = Fault("bad_request", "why", passthrough=b'{"error":{"message":"why","type":"x"}}')
    _, _, rendered = SPEC.render_fault(fault, "r")
    assert rendered == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "why"},
        "request_id": "r",
    }


def test_hints_become_retry_after() -> None:
    assert SPEC.read_fault(429, {"retry-after": "7"}, b"").retry_after == 7
    assert SPEC.read_fault(529, {}, b"").retry_after is None
    headers = {
        "date": "Fri, 20 Nov 2026 10:00:00 GMT",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-20T10:00:30Z",
    }
    assert SPEC.read_fault(429, headers, b"").retry_after == pytest.approx(30)


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("bad_request", 400, "invalid_request_error"),
        ("too_long", 400, "invalid_request_error"),
        ("unauthenticated", 401, "authentication_error"),
        ("forbidden", 403, "permission_error"),
        ("refused", 403, "permission_error"),
        ("not_found", 404, "not_found_error"),
        ("too_large", 413, "request_too_large"),
        ("conflict", 409, "conflict_error"),
        ("unsupported_upgrade", 426, "invalid_request_error"),
        ("rate_limited", 429, "rate_limit_error"),
        ("quota_spent", 429, "rate_limit_error"),
        ("overloaded", 529, "overloaded_error"),
        ("unavailable", 503, "api_error"),
        ("timeout", 504, "timeout_error"),
        ("upstream_auth", 502, "api_error"),
        ("upstream_broken", 502, "api_error"),
        ("cancelled", 499, "api_error"),
        ("internal", 500, "api_error"),
    ],
)
def test_every_kind_has_its_status_and_type(kind: Kind, status: int, name: str) -> None:
    got, headers, body = SPEC.render_fault(Fault(kind, "why"), "req_1")
    assert (got, body["error"]["type"]) == (status, name)
    assert body == {"type": "error", "error": {"type": name, "message": "why"}, "request_id": "req_1"}
    assert ("x-should-retry" in headers) == (not MEANINGS[kind].retryable)
    assert headers["request-id"] == "req_1"


def test_an_upstream_401_never_reaches_the_client_as_401() -> None:
    fault = SPEC.read_fault(401, {}, error("authentication_error", "x"))
    assert SPEC.render_fault(fault, "")[0] == 502


def test_retry_after_is_in_whole_seconds() -> None:
    assert SPEC.render_fault(Fault("rate_limited", "x", retry_after=1.2), "")[1] == {"retry-after": "2"}


def test_details_are_rendered() -> None:
    details: dict[str, Any] = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    _, _, body = SPEC.render_fault(Fault("bad_request", "why", details=details), "")
    assert body["error"]["details"] == details


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("pai-anthropic_explicit_effort_xhigh_unsupported_model_errors.json", 400, "bad_request"),
        ("pai-anthropic_count_tokens_error.json", 404, "not_found"),
    ],
)
def test_recorded_errors_are_read(name: str, status: int, kind: Kind) -> None:
    fault = SPEC.read_fault(status, {}, recorded(f"anthropic/{name}").read_bytes())
    assert fault.kind == kind
    assert fault.code in ("invalid_request_error", "not_found_error")
