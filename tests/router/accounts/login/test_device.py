"""RFC 8628 as values, and the one style that differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.asking import Reply
from router.accounts.login import device
from router.accounts.login.device import Begun, Endpoints, Grant, Outcome, Pace
from router.accounts.oauth import Tokens, TokenTrouble
from router.secret import Secret
from router.settings.sign_ins import DeviceFlow, shipped_sign_ins

NOW = 1_800_000_000.0
PLAIN = DeviceFlow(device_url="https://auth.example/device", longest=900.0)
OPENAI = device.device_flow(shipped_sign_ins()["chatgpt-oauth"])
XAI = device.device_flow(shipped_sign_ins()["xai-oauth"])
GOOD = {"device_code": "dc-secret", "user_code": "WDJB-MJHT", "verification_uri": "https://auth.example/activate"}


def reply(status: int, body: Any) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {}, data, NOW)


def test_the_answer_is_read_with_the_defaults_of_the_rfc() -> None:
    assert device.read_begun(reply(200, GOOD), PLAIN) == Begun(
        device_code=Secret("dc-secret"),
        user_code="WDJB-MJHT",
        verification_uri="https://auth.example/activate",
        expires_at=NOW + 900.0,
        interval=5.0,
    )


@pytest.mark.parametrize(
    ("more", "life", "interval"),
    [
        ({"expires_in": 300, "interval": 7}, 300.0, 7.0),
        ({"expires_in": 86_400, "interval": "5"}, 900.0, 5.0),
        ({"expires_in": "60", "interval": 0}, 60.0, 5.0),
        ({"expires_in": -1, "interval": 0.1}, 900.0, 1.0),
        ({"expires_in": True, "interval": None}, 900.0, 5.0),
    ],
)
def test_life_and_interval_are_kept_within_reason(more: dict[str, Any], life: float, interval: float) -> None:
    begun = device.read_begun(reply(200, {**GOOD, **more}), PLAIN)
    assert (begun.expires_at - NOW, begun.interval) == (life, interval)


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "javascript:alert(1)", "http://evil.example/", "https://a b", "", None, 7]
)
def test_nobody_is_sent_to_an_address_that_is_none_of_the_web(address: Any) -> None:
    with pytest.raises(TokenTrouble):
        device.read_begun(reply(200, {**GOOD, "verification_uri": address}), PLAIN)
    begun = device.read_begun(reply(200, {**GOOD, "verification_uri_complete": address}), PLAIN)
    assert begun.verification_uri_complete is None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "authorization_pending"}, "pending"),
        (200, {"error": "authorization_pending"}, "pending"),
        (400, {"error": "slow_down"}, "slow_down"),
        (429, {"error": "slow_down"}, "slow_down"),
        (503, b"<html>", "unreachable"),
        (200, b"<html>", "unreachable"),
        (429, {"error": "rate_limited"}, "unreachable"),
        (500, {"error": "server_error"}, "unreachable"),
    ],
)
def test_what_a_poll_may_be_told_without_ending(status: int, body: Any, expected: Outcome) -> None:
    assert device.read_poll(reply(status, body), PLAIN) == expected


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant", "invalid_client", "teapot"])
def test_every_other_error_ends_the_flow(error: str) -> None:
    with pytest.raises(TokenTrouble):
        device.read_poll(reply(400, {"error": error}), PLAIN)


def test_tokens_end_it_well() -> None:
    got = device.read_poll(reply(200, {"access_token": "at", "expires_in": 60}), PLAIN)
    assert isinstance(got, Tokens) and got.expires_at == NOW + 60


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"error": {"code": "deviceauth_authorization_unknown"}}, "pending"),
        (404, b"", "pending"),
        (200, {"authorization_code": "ac", "code_verifier": "cv"}, Grant(Secret("ac"), Secret("cv"))),
        (502, b"<html>", "unreachable"),
    ],
)
def test_the_style_openai_polls_for_a_code(status: int, body: Any, expected: Any) -> None:
    assert device.read_poll(reply(status, body), OPENAI) == expected


def test_the_style_openai_ends_at_an_error_that_is_not_pending() -> None:
    with pytest.raises(TokenTrouble):
        device.read_poll(reply(400, {"error": {"code": "expired"}}), OPENAI)


@given(st.lists(st.sampled_from(["pending", "slow_down", "unreachable"]), max_size=40), st.integers(1, 60).map(float))
def test_the_pace_only_slows_for_good_by_slow_down_and_never_races(outcomes: list[Outcome], interval: float) -> None:
    pace = Pace(interval)
    for outcome in outcomes:
        before, pace = pace, pace.after(outcome)
        assert pace.interval == before.interval + (5.0 if outcome == "slow_down" else 0.0)
        assert pace.pause >= pace.interval
        assert pace.pause <= max(pace.interval, device.LONGEST_PAUSE)
        if outcome == "unreachable":
            assert pace.pause >= min(before.pause, device.LONGEST_PAUSE) or before.failures > 0
    assert pace.interval == interval + 5.0 * outcomes.count("slow_down")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://auth.x.ai/oauth2/token", True),
        ("https://x.ai/token", True),
        ("http://auth.x.ai/token", False),
        ("https://x.ai.evil.example/token", False),
        ("https://evilx.ai/token", False),
        ("https://auth.x.ai@evil.example/token", False),
        ("https://user@auth.x.ai/token", False),
        ("http://127.0.0.1/token", False),
        ("", False),
        (None, False),
        (["https://x.ai"], False),
        ("https://[", False),
    ],
)
def test_a_discovered_endpoint_is_https_within_the_domain(url: Any, fine: bool) -> None:
    document = {"device_authorization_endpoint": "https://auth.x.ai/device", "token_endpoint": url}
    if fine:
        assert device.read_discovery(reply(200, document), XAI) == Endpoints("https://auth.x.ai/device", url)
    else:
        with pytest.raises(TokenTrouble, match="outside"):
            device.read_discovery(reply(200, document), XAI)


def test_a_discovery_document_on_this_machine_may_name_this_machine_alone() -> None:
    here = replace(XAI, discovery_url="http://127.0.0.1:9/x")
    assert device.checked_endpoint("http://127.0.0.1:9/token", here) == "http://127.0.0.1:9/token"
    with pytest.raises(TokenTrouble):
        device.checked_endpoint("http://192.0.2.1/token", here)


def test_a_discovery_document_that_cannot_be_read_is_said() -> None:
    for answer in (reply(500, {}), reply(200, b"<html>")):
        with pytest.raises(TokenTrouble, match="discovery document"):
            device.read_discovery(answer, XAI)
