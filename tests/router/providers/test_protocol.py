"""What a vendor's words make of a fault, and where they are found."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.providers.executor import PROTOCOLS
from router.providers.protocol import PLAIN, said_in
from router.wire.dialects import DIALECTS

AUTHORIZED = "This credential is only authorized for use with Claude Code and cannot be used for other API requests."


def judged(kind: Any, dialect: Any, status: int, body: bytes, headers: Any = None) -> Fault:
    fault = DIALECTS[dialect].read_fault(status, headers or {}, body)
    return PROTOCOLS[kind].judge(fault, said_in(body))


def anthropic(message: str, kind: str = "invalid_request_error") -> bytes:
    return b'{"type":"error","error":{"type":"%s","message":"%s"}}' % (kind.encode(), message.encode())


REFUSED = [
    ("claude-oauth", "messages", 400, anthropic(AUTHORIZED)),
    ("claude-oauth", "messages", 401, anthropic(AUTHORIZED, "authentication_error")),
    ("claude-oauth", "messages", 403, anthropic(AUTHORIZED, "permission_error")),
    ("claude-oauth", "messages", 400, anthropic("This organization has been disabled.")),
    (
        "claude-oauth",
        "messages",
        403,
        anthropic("OAuth authentication is currently not allowed for this organization.", "permission_error"),
    ),
    ("chatgpt-oauth", "responses", 403, b'{"detail":"Your OpenAI account has been deactivated."}'),
    ("chatgpt-oauth", "responses", 401, b'{"error":{"message":"x","code":"account_deactivated"}}'),
    (
        "antigravity",
        "gemini",
        403,
        b'{"error":{"code":403,"message":"x","status":"PERMISSION_DENIED","details":[{"reason":"TOS_VIOLATION"}]}}',
    ),
    ("kimi-oauth", "chat", 403, b'{"error":{"message":"Kimi For Coding is currently only available for agents"}}'),
    ("copilot", "chat", 403, b"unauthorized: not authorized to use this Copilot feature"),
]


@pytest.mark.parametrize(("kind", "dialect", "status", "body"), REFUSED)
def test_words_that_turn_an_account_away_do_so_for_good(kind: Any, dialect: Any, status: int, body: bytes) -> None:
    fault = judged(kind, dialect, status, body)
    assert (fault.kind, fault.details["scope"], fault.details["for_good"]) == ("refused", "account", True)
    assert fault.passthrough is None
    assert fault.message == (said_in(body) if said_in(body) != "x" else fault.message)


def test_the_same_words_quoted_from_a_request_turn_nobody_away() -> None:
    quoted = f"tools.0.name: '{AUTHORIZED}' does not match"
    fault = judged("claude-oauth", "messages", 400, anthropic(quoted))
    assert (fault.kind, fault.details) == ("bad_request", {})


def test_a_bare_refusal_of_a_request_is_told_as_what_it_is() -> None:
    for body in (anthropic("Error"), b"", b"{}"):
        fault = judged("claude-oauth", "messages", 400, body)
        assert fault.kind == "bad_request"
        assert "without saying why" in fault.message
        assert "its own programs only" in fault.message
        assert fault.passthrough is None
    explained = judged("claude-oauth", "messages", 400, anthropic("messages: Field required"))
    assert (explained.message, explained.passthrough) == (
        "messages: Field required",
        anthropic("messages: Field required"),
    )
    assert "without saying why" not in judged("claude-oauth", "messages", 500, b"").message


def test_a_used_up_plan_has_its_reset_wherever_it_stands() -> None:
    error = '{"type":"usage_limit_reached","message":"The usage limit has been reached","resets_in_seconds":5400}'
    fault = judged("chatgpt-oauth", "responses", 429, f'{{"error":{error}}}'.encode())
    assert (fault.kind, fault.retry_after) == ("quota_spent", 5400)
    headers = {"date": "Fri, 27 Nov 2026 12:00:00 GMT"}
    body = b'{"error":{"type":"usage_limit_reached","message":"m","resets_at":1795781400}}'
    assert judged("chatgpt-oauth", "responses", 429, body, headers).retry_after == 600


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("QUOTA_EXHAUSTED", 429, "quota_spent"),
        ("RATE_LIMIT_EXCEEDED", 429, "rate_limited"),
        ("MODEL_CAPACITY_EXHAUSTED", 429, "overloaded"),
    ],
)
def test_code_assist_says_by_a_reason_whose_limit_it_is(reason: str, status: int, kind: str) -> None:
    body = (
        f'{{"error":{{"code":{status},"message":"You have exhausted your capacity on this model.",'
        f'"status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo",'
        f'"reason":"{reason}","metadata":{{"quotaResetDelay":"2h7m23.5s"}}}}]}}}}'
    )
    fault = judged("gemini-cli", "gemini", status, body.encode())
    assert (fault.kind, fault.retry_after) == (kind, 7643.5)


@pytest.mark.parametrize(
    ("kind", "dialect", "body"),
    [
        (
            "chatgpt-oauth",
            "responses",
            b"""{"detail":"The 'gpt-4.1' model is not supported when using Codex with a ChatGPT account."}""",
        ),
        (
            "copilot",
            "chat",
            b'{"error":{"message":"The requested model is not supported.","code":"model_not_supported"}}',
        ),
    ],
)
def test_a_model_that_a_plan_does_not_have_is_asked_for_elsewhere(kind: Any, dialect: Any, body: bytes) -> None:
    assert judged(kind, dialect, 400, body).kind == "not_found"


def test_an_error_inside_a_stream_is_judged_by_its_own_words() -> None:
    fault = PROTOCOLS["claude-oauth"].judge(Fault("bad_request", AUTHORIZED))
    assert fault.kind == "refused"
    plain = Fault("bad_request", AUTHORIZED)
    assert PLAIN.judge(plain) is plain
    assert plain.kind == "bad_request"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"m"}}', "m"),
        (b'[{"error":{"message":"m"}}]', "m"),
        (b'{"error":"m"}', "m"),
        (b'{"detail":"m"}', "m"),
        (b'{"detail":{"message":"m"}}', "m"),
        (b'{"message":"m"}', "m"),
        (b" m\n", "m"),
        (b"", ""),
        (b"{}", ""),
        (b"[]", ""),
        (b'{"error":{"message":["m"]}}', ""),
        (b'{"error":7}', ""),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_message_is_found_in_every_usual_shape(body: bytes, said: str) -> None:
    assert said_in(body) == said
