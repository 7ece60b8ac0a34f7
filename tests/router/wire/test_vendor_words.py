"""What the vendors' words for errors and ends mean here: one row per word, beside a status that says otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.faults import Fault, Kind
from router.wire import openai_errors
from router.wire.chat.finish import read_finish as read_chat_finish
from router.wire.gemini import SPEC as GEMINI
from router.wire.gemini import finish as gemini_finish
from router.wire.gemini.faults import from_error as from_google
from router.wire.messages import SPEC as MESSAGES
from router.wire.messages.finish import read_finish as read_messages_finish
from router.wire.messages.finish import stop_fields

NOWHERE = 418  # a status that no table lists

OPENAI_CODES: dict[str, Kind] = {
    "context_length_exceeded": "too_long",
    "exceed_context_size_error": "too_long",
    "insufficient_quota": "quota_spent",
    "credit_balance_exhausted": "quota_spent",
    "billing_hard_limit_reached": "quota_spent",
    "billing_not_active": "quota_spent",
    "billing_error": "quota_spent",
    "usage_limit_reached": "quota_spent",
    "usage_not_included": "quota_spent",
    "workspace_owner_credits_depleted": "quota_spent",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "slow_down": "rate_limited",
    "requests": "rate_limited",
    "tokens": "rate_limited",
    "server_is_overloaded": "overloaded",
    "service_unavailable_error": "overloaded",
    "overloaded_error": "overloaded",
    "engine_overloaded_error": "overloaded",
    "invalid_api_key": "upstream_auth",
    "authentication_error": "upstream_auth",
    "token_expired": "upstream_auth",
    "permission_error": "refused",
    "unsupported_country_region_territory": "refused",
    "model_not_found": "not_found",
    "not_found_error": "not_found",
    "request_too_large": "too_large",
    "timeout": "timeout",
    "invalid_prompt": "bad_request",
    "bio_policy": "bad_request",
    "cyber_policy": "bad_request",
}


@pytest.mark.parametrize(("word", "kind"), OPENAI_CODES.items())
def test_a_code_or_type_of_openai_decides(word: str, kind: Kind) -> None:
    for status in (NOWHERE, 500):
        assert openai_errors.from_error({"message": "m", "code": word}, status).kind == kind
        assert openai_errors.from_error({"message": "m", "type": word}, status).kind == kind
        assert openai_errors.from_error({"message": "m", "code": word, "type": "server_error"}, status).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"), (401, "upstream_auth"), (402, "quota_spent"), (403, "refused"), (404, "not_found"),
        (405, "not_found"), (408, "timeout"), (409, "conflict"), (413, "too_large"), (422, "bad_request"),
        (425, "overloaded"), (429, "rate_limited"), (500, "upstream_broken"), (502, "upstream_broken"),
        (503, "overloaded"), (504, "timeout"), (524, "timeout"), (529, "overloaded"), (499, "bad_request"),
    ],
)  # fmt: skip
def test_a_status_of_openai_decides_where_no_word_does(status: int, kind: Kind) -> None:
    assert openai_errors.from_error({"message": "m"}, status).kind == kind
    if status != 400:
        assert openai_errors.from_error({"message": "m", "code": status}).kind == kind
        assert openai_errors.from_error({"message": "m", "code": str(status)}, 200).kind == kind


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8",
        "exceeds the context window",
        "over the context length",
        "the context size is 4096",
        "Prompt is too long",
        "Input is too long for requested model",
        "exceeds the maximum number of tokens",
    ],
)
def test_words_about_length_are_a_prompt_that_is_too_long(words: str) -> None:
    for status in (None, 400, 413, 422, 500):
        assert openai_errors.from_error({"message": words}, status).kind == "too_long"
    assert openai_errors.from_error({"message": words}, 429).kind == "rate_limited"


@pytest.mark.parametrize(
    "words", ["API key not valid", "Invalid API key", "Incorrect API key given", "API key expired", "Token has expired"]
)
def test_words_about_keys_are_our_credential(words: str) -> None:
    for status in (400, 403):
        fault = openai_errors.from_error({"message": words}, status)
        assert (fault.kind, fault.http_status) == ("upstream_auth", 502)
    assert openai_errors.from_error({"message": words}, 500).kind == "upstream_broken"


@pytest.mark.parametrize(
    ("kind", "error_type", "code", "status"),
    [
        ("bad_request", "invalid_request_error", None, 400),
        ("too_long", "invalid_request_error", "context_length_exceeded", 400),
        ("unauthenticated", "authentication_error", "invalid_api_key", 401),
        ("forbidden", "permission_error", None, 403),
        ("refused", "permission_error", None, 403),
        ("not_found", "invalid_request_error", "model_not_found", 404),
        ("too_large", "invalid_request_error", "request_too_large", 413),
        ("conflict", "invalid_request_error", "conflict", 409),
        ("unsupported_upgrade", "invalid_request_error", "unsupported_upgrade", 426),
        ("cancelled", "server_error", "cancelled", 499),
        ("rate_limited", "rate_limit_error", "rate_limit_exceeded", 429),
        ("quota_spent", "insufficient_quota", "insufficient_quota", 429),
        ("overloaded", "service_unavailable_error", "server_is_overloaded", 503),
        ("unavailable", "service_unavailable_error", "service_unavailable", 503),
        ("timeout", "server_error", "timeout", 504),
        ("upstream_auth", "server_error", "upstream_error", 502),
        ("upstream_broken", "server_error", "upstream_error", 502),
        ("internal", "server_error", "internal_error", 500),
    ],
)
def test_faults_have_openais_types_and_codes(kind: Kind, error_type: str, code: str | None, status: int) -> None:
    found, _, body = openai_errors.render(Fault(kind, "m", param="p"), "")
    assert (found, body) == (status, {"error": {"message": "m", "type": error_type, "param": "p", "code": code}})


GOOGLE_NAMES: dict[str, Kind] = {
    "INVALID_ARGUMENT": "bad_request",
    "FAILED_PRECONDITION": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "UNIMPLEMENTED": "bad_request",
    "UNAUTHENTICATED": "upstream_auth",
    "PERMISSION_DENIED": "refused",
    "NOT_FOUND": "not_found",
    "ABORTED": "conflict",
    "ALREADY_EXISTS": "conflict",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "CANCELLED": "upstream_broken",
    "INTERNAL": "upstream_broken",
    "UNKNOWN": "upstream_broken",
    "DATA_LOSS": "upstream_broken",
    "UNAVAILABLE": "overloaded",
    "DEADLINE_EXCEEDED": "timeout",
}


@pytest.mark.parametrize(("name", "kind"), GOOGLE_NAMES.items())
def test_a_status_name_of_google_decides(name: str, kind: Kind) -> None:
    for status in (599,) if name == "UNKNOWN" else (NOWHERE, 599):  # that word leaves it to the status
        assert from_google({"message": "m", "status": name}, status).kind == kind
    assert from_google({"message": "m", "status": name, "code": NOWHERE}).code == name


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"), (401, "upstream_auth"), (402, "quota_spent"), (403, "refused"), (404, "not_found"),
        (408, "timeout"), (409, "conflict"), (413, "too_large"), (422, "bad_request"), (429, "rate_limited"),
        (503, "overloaded"), (504, "timeout"), (529, "overloaded"), (418, "bad_request"), (500, "upstream_broken"),
    ],
)  # fmt: skip
def test_a_status_of_google_decides_where_no_name_does(status: int, kind: Kind) -> None:
    assert GEMINI.read_fault(status, {}, b"").kind == kind
    assert from_google({"message": "m"}, status).kind == kind
    assert from_google({"message": "m", "code": status}).kind == kind


@pytest.mark.parametrize(
    "reason",
    [
        "API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED",
        "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "CREDENTIALS_MISSING", "ACCOUNT_STATE_INVALID",
    ],
)  # fmt: skip
def test_googles_reasons_about_keys_are_our_credential(reason: str) -> None:
    fault = from_google({"message": "m", "status": "INVALID_ARGUMENT", "details": [{"reason": reason}]}, 400)
    assert (fault.kind, fault.details) == ("upstream_auth", {"reason": reason})


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        ("API key not valid", "INVALID_ARGUMENT", "upstream_auth"),
        ("API key expired", "INVALID_ARGUMENT", "upstream_auth"),
        ("API Key not found", "INVALID_ARGUMENT", "upstream_auth"),
        ("Your key was reported as leaked", "PERMISSION_DENIED", "upstream_auth"),
        ("The input token count (9) exceeds the maximum number of tokens allowed (8)", "INVALID_ARGUMENT", "too_long"),
        ("input token count", "INVALID_ARGUMENT", "too_long"),
        ("maximum context length", "INVALID_ARGUMENT", "too_long"),
        ("Quota exceeded, limit: 0", "RESOURCE_EXHAUSTED", "quota_spent"),
        ("Quota exceeded, limit: 05", "RESOURCE_EXHAUSTED", "rate_limited"),
        ("check your plan and billing details", "RESOURCE_EXHAUSTED", "quota_spent"),
        ("Your prepayment credits are depleted", "RESOURCE_EXHAUSTED", "quota_spent"),
        ("spending cap reached", "RESOURCE_EXHAUSTED", "quota_spent"),
    ],
)
def test_googles_words_decide_where_its_status_is_too_wide(message: str, status: str, kind: Kind) -> None:
    assert from_google({"message": message, "status": status}, NOWHERE).kind == kind


ANTHROPIC_TYPES: dict[str, tuple[Kind, int]] = {
    "invalid_request_error": ("bad_request", 400),
    "authentication_error": ("upstream_auth", 502),
    "billing_error": ("quota_spent", 429),
    "permission_error": ("refused", 403),
    "not_found_error": ("not_found", 404),
    "conflict_error": ("conflict", 409),
    "request_too_large": ("too_large", 413),
    "rate_limit_error": ("rate_limited", 429),
    "api_error": ("upstream_broken", 502),
    "timeout_error": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
}


@pytest.mark.parametrize(("word", "kind", "shown"), [(word, *meant) for word, meant in ANTHROPIC_TYPES.items()])
def test_a_type_of_anthropic_decides(word: str, kind: Kind, shown: int) -> None:
    body = json.dumps({"type": "error", "error": {"type": word, "message": "m"}}).encode()
    for status in (599,) if word == "api_error" else (599, NOWHERE):  # that word leaves it to the status
        fault = MESSAGES.read_fault(status, {}, body)
        assert (fault.kind, fault.code) == (kind, word)
    assert MESSAGES.render_fault(Fault(kind, "m"), "")[0] == shown


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("bad_request", "invalid_request_error"), ("too_long", "invalid_request_error"),
        ("unauthenticated", "authentication_error"), ("forbidden", "permission_error"), ("refused", "permission_error"),
        ("not_found", "not_found_error"), ("too_large", "request_too_large"), ("conflict", "conflict_error"),
        ("unsupported_upgrade", "invalid_request_error"), ("rate_limited", "rate_limit_error"),
        ("quota_spent", "rate_limit_error"), ("overloaded", "overloaded_error"), ("unavailable", "api_error"),
        ("timeout", "timeout_error"), ("upstream_auth", "api_error"), ("upstream_broken", "api_error"),
        ("cancelled", "api_error"), ("internal", "api_error"),
    ],
)  # fmt: skip
def test_faults_have_anthropics_types(kind: Kind, word: str) -> None:
    _, _, body = MESSAGES.render_fault(Fault(kind, "m"), "r")
    assert body == {"type": "error", "error": {"type": word, "message": "m"}, "request_id": "r"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("bad_request", "INVALID_ARGUMENT"), ("too_long", "INVALID_ARGUMENT"), ("forbidden", "PERMISSION_DENIED"),
        ("refused", "PERMISSION_DENIED"), ("not_found", "NOT_FOUND"), ("too_large", "INVALID_ARGUMENT"),
        ("conflict", "ABORTED"), ("unsupported_upgrade", "FAILED_PRECONDITION"), ("rate_limited", "RESOURCE_EXHAUSTED"),
        ("quota_spent", "RESOURCE_EXHAUSTED"), ("overloaded", "UNAVAILABLE"), ("unavailable", "UNAVAILABLE"),
        ("timeout", "DEADLINE_EXCEEDED"), ("upstream_auth", "INTERNAL"), ("upstream_broken", "INTERNAL"),
        ("cancelled", "CANCELLED"), ("internal", "INTERNAL"), ("unauthenticated", "INVALID_ARGUMENT"),
    ],
)  # fmt: skip
def test_faults_have_googles_status_names(kind: Kind, name: str) -> None:
    assert GEMINI.render_fault(Fault(kind, "m"), "")[2]["error"]["status"] == name


def test_googles_details_say_where_and_when() -> None:
    _, headers, body = GEMINI.render_fault(Fault("rate_limited", "m", param="a.b", retry_after=1.2), "")
    assert headers == {"retry-after": "2"}
    assert body["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "a.b", "description": "m"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
    ]


CHAT_ENDS = {
    "stop": "end", "end_turn": "end", "eos": "end", "eos_token": "end", "STOP": "end", "stop_sequence": "stop_sequence",
    "length": "length", "max_tokens": "length", "model_length": "window", "content_filter": "filtered",
    "sensitive": "filtered", "malformed_function_call": "broken_call", "novel": "other",
}  # fmt: skip


@pytest.mark.parametrize(("word", "reason"), CHAT_ENDS.items())
def test_finish_reasons_of_chat(word: str, reason: Any) -> None:
    assert read_chat_finish(word, called=False) == reason
    assert read_chat_finish(word, called=True) == ("tools" if reason in ("end", "other") else reason)
    for wanted in ("tool_calls", "tool_use", "function_call"):
        assert (read_chat_finish(wanted, called=True), read_chat_finish(wanted, called=False)) == ("tools", "end")


GOOGLE_ENDS = {
    "STOP": "end", "MAX_TOKENS": "length", "SAFETY": "filtered", "RECITATION": "filtered", "LANGUAGE": "filtered",
    "BLOCKLIST": "filtered", "PROHIBITED_CONTENT": "filtered", "SPII": "filtered", "IMAGE_SAFETY": "filtered",
    "IMAGE_PROHIBITED_CONTENT": "filtered", "IMAGE_RECITATION": "filtered", "MALFORMED_FUNCTION_CALL": "broken_call",
    "UNEXPECTED_TOOL_CALL": "broken_call", "TOO_MANY_TOOL_CALLS": "broken_call", "MALFORMED_RESPONSE": "broken_call",
    "MISSING_THOUGHT_SIGNATURE": "broken_call", "NOVEL_CALL": "broken_call", "OTHER": "other", "NOVEL": "other",
}  # fmt: skip


@pytest.mark.parametrize(("word", "reason"), GOOGLE_ENDS.items())
def test_finish_reasons_of_google(word: str, reason: Any) -> None:
    assert gemini_finish.read(word, called=False) == reason
    assert gemini_finish.read(word, called=True) == ("tools" if word == "STOP" else reason)


ANTHROPIC_ENDS = {
    "end_turn": "end", "stop_sequence": "stop_sequence", "tool_use": "tools", "max_tokens": "length",
    "model_context_window_exceeded": "window", "refusal": "filtered", "pause_turn": "pause", "compaction": "pause",
    "novel": "other",
}  # fmt: skip


@pytest.mark.parametrize(("word", "reason"), ANTHROPIC_ENDS.items())
def test_stop_reasons_of_anthropic(word: str, reason: Any) -> None:
    found = read_messages_finish({"stop_reason": word})
    assert found is not None
    assert (found.reason, found.stop_sequence, found.detail) == (reason, None, None)
    back = "pause_turn" if word == "compaction" else "end_turn" if word == "novel" else word
    assert stop_fields(reason, None) == {"stop_reason": back, "stop_sequence": None}


def test_anthropics_details_of_a_stop_are_kept() -> None:
    found = read_messages_finish(
        {"stop_reason": "refusal", "stop_sequence": "END", "stop_details": {"explanation": "", "category": "bio"}}
    )
    assert found is not None
    assert (found.stop_sequence, found.detail) == ("END", "bio")
    both = {"stop_reason": "refusal", "stop_details": {"explanation": "because", "category": "bio"}}
    first = read_messages_finish(both)
    assert first is not None
    assert first.detail == "because"
    assert read_messages_finish({"stop_reason": ""}) is None
    assert read_messages_finish({"stop_reason": None}) is None
    assert stop_fields("stop_sequence", "END") == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert stop_fields("end", "END") == {"stop_reason": "end_turn", "stop_sequence": None}
    assert stop_fields("broken_call", None)["stop_reason"] == "end_turn"
