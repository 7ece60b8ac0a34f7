"""What looks like a credential never gets into a log."""

from __future__ import annotations

import json

import pytest

from router.observe.redact import one_line, redact

SECRET = "abcDEF0123456789abcDEF0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}",
        f"key sk-proj-{SECRET}",
        f"key sk-ant-api03-{SECRET}",
        f"AIza{SECRET}",
        f"ya29.{SECRET}",
        f"eyJ{SECRET}.{SECRET}.{SECRET}",
        f"GET /v1beta/models?key={SECRET}&alt=sse",
        f'{{"api_key": "{SECRET}"}}',
        f"x-api-key: {SECRET}",
        f"x-goog-api-key={SECRET}",
        f"refresh_token={SECRET}",
        f"http://user:{SECRET}@proxy.example:3128",
        f"http://:{SECRET}@proxy.example:3128",
        f"https://{SECRET}@host.example/path",
        f"1//{SECRET}",
        f"gho_{SECRET}",
        f"github_pat_{SECRET}",
        f"Cookie: __client={SECRET}; other=1",
        f"device_code={SECRET}&grant_type=x",
        f"https://user.example/info?accessToken={SECRET}",
        f"http://localhost:1455/auth/callback?code={SECRET}&state=x",
        json.dumps({"refresh_token": SECRET}),
        json.dumps({"message": json.dumps({"refresh_token": SECRET, "more": 1})}),
        json.dumps({"message": json.dumps({"message": json.dumps({"password": SECRET})})}),
        repr({"accessToken": SECRET}),
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    ],
)
def test_credentials_are_taken_out(text: str) -> None:
    assert SECRET not in redact(text)
    assert "***" in redact(text)


def test_ordinary_words_stay() -> None:
    for text in (
        "no account of openai can serve gpt-4.1 now: rate limited for 33 s; the key was refused",
        "the token endpoint answered 400: invalid_grant (the refresh token is dead); mail ann@example.org",
        "GET https://host.example/v1/models answered 404 for claude-oauth/ann@example.org",
        "1//2 of the highest, ghost_writer, password: none",
    ):
        assert redact(text) == text


def test_nobody_can_write_lines_of_their_own() -> None:
    assert one_line("a\nb\r\x1b[31m\u2028") == "a\\nb\\r\\x1b[31m\\u2028"
    assert one_line("plain é") == "plain é"
