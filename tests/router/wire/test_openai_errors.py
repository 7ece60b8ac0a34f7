from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from router.faults import MEANINGS, Fault, Kind
from router.wire.openai_error_tables import RENDERED
from router.wire.openai_errors import error_body, from_error, read, render
from tests.data import recorded


def envelope(message: str = "m", **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": "t", "param": None, "code": None, **fields}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, envelope(), "bad_request"),
        (400, envelope(code="context_length_exceeded"), "too_long"),
        (400, envelope("This model's maximum context length is 8192 tokens"), "too_long"),
        (413, envelope("prompt is too long: 9 tokens > 8 maximum"), "too_long"),
        (400, envelope(type="exceed_context_size_error"), "too_long"),
        (401, envelope(), "upstream_auth"),
        (401, b"", "upstream_auth"),
        (400, envelope("API key not valid. Please pass a valid API key."), "upstream_auth"),
        (402, envelope(), "quota_spent"),
        (403, envelope(), "refused"),
        (403, envelope(code="invalid_api_key"), "upstream_auth"),
        (403, envelope(code="unsupported_country_region_territory"), "refused"),
        (404, envelope(code="model_not_found"), "not_found"),
        (404, b"<html>", "not_found"),
        (405, b"", "not_found"),
        (408, envelope(), "timeout"),
        (409, envelope(), "conflict"),
        (413, b"<html>too large</html>", "too_large"),
        (418, envelope(), "bad_request"),
        (422, b'{"detail":[{"msg":"field required"}]}', "bad_request"),
        (429, envelope(), "rate_limited"),
        (429, envelope(code="insufficient_quota"), "quota_spent"),
        (429, envelope(type="insufficient_quota"), "quota_spent"),
        (429, envelope(type="usage_limit_reached"), "quota_spent"),
        (500, envelope(), "upstream_broken"),
        (502, b"<html><title>Bad gateway</title></html>", "upstream_broken"),
        (503, envelope(), "overloaded"),
        (500, envelope(code="server_is_overloaded"), "overloaded"),
        (504, b"", "timeout"),
        (524, b"<html>", "timeout"),
        (529, envelope(), "overloaded"),
        (599, envelope(), "upstream_broken"),
        (302, b"", "upstream_broken"),
    ],
)
def test_status_and_code_decide_the_kind(status: int, body: bytes, kind: Kind) -> None:
    fault = read(status, {}, body)
    assert fault.kind == kind
    assert fault.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"plain text"}', "plain text"),
        (b'{"error":{"message":"nested"}}', "nested"),
        (b'{"message":"top"}', "top"),
        (b'{"detail":"fastapi"}', "fastapi"),
        (b'{"detail":{"message":"inside"}}', "inside"),
        (b'{"detail":[{"msg":"a"}]}', '[{"msg":"a"}]'),
        (b'[{"error":{"message":"in a list"}}]', "in a list"),
        (b'{"error":{"message":{"odd":1}}}', '{"odd":1}'),
        (b'{"error":{"message":"outer","metadata":{"raw":"inner"}}}', "outer (inner)"),
        (b'{"error":null,"message":"beside"}', "beside"),
    ],
)
def test_every_shape_gives_its_own_words_verbatim(body: bytes, message: str) -> None:
    assert read(400, {}, body).message == message


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"<html><head><title>404\n Not Found</title>", {}, ["web page", '"404 Not Found"', "base URL"]),
        (b"nothing", {"content-type": "text/html"}, ["web page", "base URL"]),
        (b"", {}, ["empty body"]),
        (b"  \n", {}, ["empty body"]),
        (b'{"error":{}}', {}, ["404"]),
        (b'{"ok":false}', {}, ["without an error message", '{"ok":false}']),
        (b"upstream connect error", {}, ["text instead of JSON", "upstream connect error"]),
        (b"\xff\xfe", {}, ["text instead of JSON"]),
    ],
)
def test_bodies_without_a_message_say_what_came(body: bytes, headers: dict[str, str], words: list[str]) -> None:
    message = read(404, headers, body).message
    for word in words:
        assert word in message


def test_the_callers_mistake_passes_through_with_param_and_code() -> None:
    body = envelope("Unknown parameter", param="foo", code="unknown_parameter")
    fault = read(400, {}, body)
    assert (fault.param, fault.code, fault.passthrough, fault.status) == ("foo", "unknown_parameter", body, 400)


@pytest.mark.parametrize("body", [b'{"detail":"x"}', b"<html>", b'{"error":"text"}', b""])
def test_only_real_envelopes_pass_through(body: bytes) -> None:
    assert read(400, {}, body).passthrough is None


def test_a_rejected_credential_is_never_shown_as_the_callers() -> None:
    fault = read(401, {}, envelope("Incorrect API key provided: sk-abc123def456ghi789.", code="invalid_api_key"))
    assert "sk-abc" not in fault.message
    assert fault.passthrough is None
    status, headers, body = render(fault, "req_1")
    assert status == 502
    assert headers["x-should-retry"] == "false"
    assert body["error"]["code"] == "upstream_error"


def test_keys_in_foreign_texts_are_hidden() -> None:
    token = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert token not in read(500, {}, f"failed for {token}".encode()).message
    assert token not in read(500, {}, envelope(f"Bearer {token}")).message


def test_hints_become_retry_after() -> None:
    assert read(429, {"retry-after": "7"}, envelope()).retry_after == 7
    date = {"date": "Fri, 20 Nov 2026 10:00:00 GMT", "retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}
    assert read(429, date, envelope()).retry_after == 30
    assert read(429, {"date": "never", "retry-after": "7"}, envelope()).retry_after == 7
    assert read(429, {}, envelope()).retry_after is None


def test_an_error_in_a_stream_is_judged_by_code_or_number() -> None:
    assert from_error({"message": "m", "code": "rate_limit_exceeded"}).kind == "rate_limited"
    assert from_error({"message": "m", "code": 503}).kind == "overloaded"
    assert from_error({"message": "m", "code": "429"}).kind == "rate_limited"
    assert from_error({"message": "m", "code": 40_303}).kind == "upstream_broken"
    assert from_error({"message": "m", "type": "invalid_request_error"}).kind == "bad_request"
    assert from_error({"message": "m"}).kind == "upstream_broken"
    assert from_error({}).message == "The provider answered with an error without saying why."


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_an_envelope_with_its_four_keys(kind: Kind) -> None:
    status, headers, body = render(Fault(kind, "what", param="p", retry_after=1.2), "req_1")
    assert status == MEANINGS[kind].status
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"] == "what"
    assert body["error"]["type"] == RENDERED[kind][0]
    assert headers["retry-after"] == "2"
    assert headers["x-request-id"] == "req_1"
    repeated = status in (408, 409, 429) or status >= 500
    assert (headers.get("x-should-retry") == "false") is (repeated and not MEANINGS[kind].retryable)


def test_the_providers_own_code_is_shown_for_the_callers_mistakes_only() -> None:
    assert error_body(Fault("bad_request", "m", code="unknown_parameter"))["code"] == "unknown_parameter"
    assert error_body(Fault("upstream_broken", "m", code="secret_detail"))["code"] == "upstream_error"


def test_no_header_without_a_reason() -> None:
    assert render(Fault("bad_request", "m"), "")[1] == {}
    assert render(Fault("rate_limited", "m"), "")[1] == {}


def test_recorded_error_passes_through() -> None:
    body = recorded("openai-responses/pai-openai_responses_model_http_error.json").read_bytes()
    fault = read(400, {}, body)
    assert (fault.kind, fault.param, fault.code) == ("bad_request", "temperature", "decimal_below_min_value")
    assert render(fault, "")[2]["error"] == json.loads(body)["error"]
