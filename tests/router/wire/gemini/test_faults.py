from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault, Kind
from router.wire.gemini import SPEC
from router.wire.gemini.faults import RENDERED
from tests.data import recorded
from tests.router.wire.gemini.frames import CAPABILITIES


def google(code, status, message="words", *details):
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return json.dumps({"error": error}).encode()


def info(reason):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


def quota(name):
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, google(400, "INVALID_ARGUMENT"), "bad_request"),
        (400, google(400, "FAILED_PRECONDITION"), "bad_request"),
        (400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "upstream_auth"),
        (400, google(400, "INVALID_ARGUMENT", "x", info("API_KEY_INVALID")), "upstream_auth"),
        (403, google(403, "PERMISSION_DENIED", "x", info("API_KEY_SERVICE_BLOCKED")), "upstream_auth"),
        (403, google(403, "PERMISSION_DENIED"), "refused"),
        (401, google(401, "UNAUTHENTICATED"), "upstream_auth"),
        (404, google(404, "NOT_FOUND"), "not_found"),
        (409, google(409, "ABORTED"), "conflict"),
        (413, google(413, ""), "too_large"),
        (429, google(429, "RESOURCE_EXHAUSTED", "x", quota("GenerateRequestsPerMinute"), RETRY), "rate_limited"),
        (429, google(429, "RESOURCE_EXHAUSTED", "x", quota("GenerateRequestsPerDayPerProject"), RETRY), "quota_spent"),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric x, limit: 0"), "quota_spent"),
        (499, google(499, "CANCELLED"), "upstream_broken"),
        (500, google(500, "INTERNAL"), "upstream_broken"),
        (500, google(500, "UNKNOWN"), "upstream_broken"),
        (503, google(503, "UNAVAILABLE"), "overloaded"),
        (413, google(413, "UNKNOWN"), "too_large"),
        (402, google(402, "UNKNOWN"), "quota_spent"),
        (500, google(500, "UNKNOWN"), "upstream_broken"),
        (504, google(504, "DEADLINE_EXCEEDED"), "timeout"),
        (400, google(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum"), "too_long"),
        (418, google(418, "SOMETHING_NEW"), "bad_request"),
        (520, google(520, "SOMETHING_NEW"), "upstream_broken"),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "upstream_broken"),
        (429, b"", "rate_limited"),
        (413, b"too big", "too_large"),
        (400, b'{"error": "text"}', "bad_request"),
        (400, b"[" + google(400, "INVALID_ARGUMENT") + b"]", "bad_request"),
        (500, b'{"error": {"message": {"odd": 1}, "details": [3, {"violations": "x"}]}}', "upstream_broken"),
    ],
)  # fmt: skip
def test_errors_of_every_shape_are_understood(status, body, kind):
    fault = SPEC.read_fault(status, {}, body)
    assert fault.kind == kind
    assert fault.status == status
    assert fault.message


def test_a_rejected_credential_is_never_a_401_for_the_client():
    fault = SPEC.read_fault(401, {}, google(401, "UNAUTHENTICATED", "bad key AIzaSyD-abcdefghij"))
    assert SPEC.render_fault(fault, "")[0] == 502
    assert "AIza" not in fault.message
    assert fault.passthrough is None


def test_retry_hints_come_from_the_body_and_the_headers():
    assert SPEC.read_fault(429, {}, google(429, "RESOURCE_EXHAUSTED", "x", RETRY)).retry_after == 34.07
    assert SPEC.read_fault(503, {"retry-after": "7"}, b"").retry_after == 7
    late = {"date": "Mon, 21 Sep 2026 14:13:20 GMT", "retry-after": "Mon, 21 Sep 2026 14:13:50 GMT"}
    assert SPEC.read_fault(503, late, b"").retry_after == 30
    assert SPEC.read_fault(500, {}, google(500, "INTERNAL")).retry_after is None


def test_a_recorded_rate_limit():
    fault = SPEC.read_fault(429, {}, recorded("gemini/vercel-google-429-retry-info.json").read_bytes())
    assert (fault.kind, fault.retry_after, fault.code) == ("rate_limited", 34.4, "RESOURCE_EXHAUSTED")


def test_a_request_fault_keeps_the_providers_own_body_for_clients_of_this_dialect():
    body = google(400, "INVALID_ARGUMENT", "Unknown name")
    assert SPEC.read_fault(400, {}, body).passthrough == body
    assert SPEC.read_fault(503, {}, google(503, "UNAVAILABLE")).passthrough is None


def test_html_is_never_shown_only_its_title():
    fault = SPEC.read_fault(502, {}, b"<html><head><title>Bad\nGateway</title></head><body>secret</body></html>")
    assert "Gateway" in fault.message
    assert "<" not in fault.message
    assert "secret" not in fault.message


def test_every_kind_has_a_status_name_and_renders():
    assert set(RENDERED) == set(get_args(Kind))
    for kind in RENDERED:
        status, _, body = SPEC.render_fault(Fault(kind, "what"), "req_1")
        assert 400 <= status <= 599
        assert body["error"]["code"] == status
        assert (body["error"]["message"], body["error"]["status"]) == ("what", RENDERED[kind])


def test_a_wrong_gateway_key_looks_as_google_says_it():
    status, headers, body = SPEC.render_fault(Fault("unauthenticated", "no key"), "req_1")
    assert status == 400
    assert headers == {"x-request-id": "req_1"}
    assert body["error"]["status"] == "INVALID_ARGUMENT"
    assert body["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_the_place_and_the_wait_are_in_the_details():
    fault = Fault("rate_limited", "slow", param="contents[0]", retry_after=1.2)
    _, headers, body = SPEC.render_fault(fault, "")
    assert headers == {"retry-after": "2"}
    assert body["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "contents[0]", "description": "slow"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
    ]


@pytest.mark.parametrize("kind", sorted(set(get_args(Kind)) - {"unauthenticated", "upstream_auth", "cancelled"}))
def test_what_is_rendered_reads_as_a_fault_of_like_weight(kind):
    status, headers, body = SPEC.render_fault(Fault(kind, "what"), "")
    back = SPEC.read_fault(status, headers, json.dumps(body).encode())
    assert back.http_status == status or back.http_status >= 500
    assert back.message == "what"


def test_a_failure_of_the_raw_lane_says_the_same_twice():
    reader = SPEC.stream_reader(CAPABILITIES)
    framed, raw = SPEC.stream_failure(Fault("timeout", "late"), reader)
    assert framed == b"data: " + raw[:-1] + b"\r\n\r\n"
    assert json.loads(raw)["error"]["status"] == "DEADLINE_EXCEEDED"


def test_the_model_is_renamed_and_nothing_else():
    data = b'{"candidates":[ {"a":1.50} ],"modelVersion":"real","x":"modelVersion"}'
    assert (
        SPEC.rename_model(data, "shown") == b'{"candidates":[ {"a":1.50} ],"modelVersion":"shown","x":"modelVersion"}'
    )
    assert SPEC.rename_model(b'{"a":"\\"modelVersion\\""}', "s") == b'{"a":"\\"modelVersion\\""}'
    assert SPEC.rename_model(b'{"a": 1}', "s") == b'{"a": 1}'
    assert json.loads(SPEC.rename_model(b'[{"modelVersion":"a"},{"b":1}]', "s")) == [{"modelVersion": "s"}, {"b": 1}]
    assert SPEC.rename_model(b'{"modelVersion', "s") == b'{"modelVersion'


@given(
    st.integers(400, 599), st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"[[]]", b'{"error":{}}', b"null"])
)
def test_no_body_breaks_the_reader(status, body):
    fault = SPEC.read_fault(status, {}, body)
    assert fault.status == status
    assert fault.message
    assert 400 <= SPEC.render_fault(fault, "")[0] <= 599


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, 429, "rate_limited"),  # an error behind a good status: its own code counts
        (399, 429, "rate_limited"),
        (400, 429, "bad_request"),
        (200, 400, "bad_request"),
        (200, 399, "upstream_broken"),
        (200, 599, "upstream_broken"),
        (200, 600, "upstream_broken"),
        (200, 499, "bad_request"),
        (200, 500, "upstream_broken"),
        (499, 500, "bad_request"),
        (500, 499, "upstream_broken"),
    ],
)
def test_the_status_counts_from_400_on_and_the_code_below_it(status, code, kind):
    fault = SPEC.read_fault(status, {}, json.dumps({"error": {"code": code, "message": "m"}}).encode())
    assert fault.kind == kind
    assert fault.status == (status if status >= 400 else code if 400 <= code <= 599 else None)


@pytest.mark.parametrize(
    ("status", "kind", "shown"),
    [
        (399, "upstream_broken", None),
        (400, "bad_request", 400),
        (418, "bad_request", 418),
        (499, "bad_request", 499),
        (500, "upstream_broken", 500),
        (599, "upstream_broken", 599),
        (600, "upstream_broken", None),
    ],
)
def test_without_an_error_object_the_status_says_it_all(status, kind, shown):
    fault = SPEC.read_fault(status, {}, b"odd")
    assert (fault.kind, fault.status) == (kind, shown)
    assert fault.message == f"The provider answered {status}: odd."
