"""Takes secrets out of texts before they are written anywhere. The last step of every log record."""

from __future__ import annotations

import re

_NAMES = (
    "api_key",
    "api-key",
    "apikey",
    "authorization",
    "access_token",
    "accesstoken",
    "refresh_token",
    "refreshtoken",
    "id_token",
    "client_secret",
    "code_verifier",
    "device_code",
    "__client",
    "__session",
    "password",
)
"""What secrets are called, in lower case."""
_OVER_LINES = ("private key",)
_NAME = (
    r"(?:x-|x-goog-)?(?:api[_-]?key|authorization|(?:access|refresh)_?token|id_token|client_secret|code_verifier|"
    r"device_code|__client|__session|password)"
)
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("bearer", "basic"), re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (
        ("sk-", "pk-", "rk-", "xai-", "r8-", "hf-", "or-"),
        re.compile(r"\b(sk|pk|rk|gsk|xai|r8|hf|or)-[A-Za-z0-9_-]{8,}"),
        r"\1-***",
    ),
    (("aiza",), re.compile(r"\bAIza[0-9A-Za-z_-]{20,}"), "AIza***"),
    (("ya29.",), re.compile(r"\bya29\.[0-9A-Za-z._-]{10,}"), "ya29.***"),
    (("1//",), re.compile(r"\b1//[0-9A-Za-z_-]{20,}"), "1//***"),
    (
        ("gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_"),
        re.compile(r"\b(gh[oprsu]|github_pat)_[0-9A-Za-z_]{16,}"),
        r"\1_***",
    ),
    (("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(\.[A-Za-z0-9_-]*)?"), "eyJ***"),
    (
        ("?key=", "&key=", "_key=", "token=", "code=", "secret="),
        re.compile(
            r"(?i)([?&](?:key|api_key|access_?token|auth_token|refresh_token|token|code|client_secret)=)[^&\s\"'`]+"
        ),
        r"\1***",
    ),
    (
        _NAMES,
        # A quote may be escaped, where JSON is quoted in JSON: in each line of a log of JSON.
        re.compile(rf"(?i)({_NAME}\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!\s*(?:bearer|basic)\b)[^\s\"'\\,}}]{{6,}}"),
        r"\1***",
    ),
    (("://",), re.compile(r"://[^/\s@\"]+@"), "://***@"),
    (
        _OVER_LINES,
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
        "***private key***",
    ),
)
"""Hints in lower case, of which every match contains one; the pattern; what stands in its place. The hints keep the
patterns away from nearly every line: they cost twenty times as much as looking for a word."""


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced by ``***``, and line breaks that came from outside
    made visible, so that nobody can write log lines of their own."""
    lower = text.lower()
    for hints, pattern, replacement in _PATTERNS:
        for hint in hints:
            if hint in lower:
                text = pattern.sub(replacement, text)
                break
    return text


def without_private_keys(text: str) -> str:
    """`text` without the one kind of secret that goes over many lines: for those who redact the rest in pieces."""
    for hints, pattern, replacement in _PATTERNS:
        if hints == _OVER_LINES and hints[0] in text.lower():
            text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """Control characters made visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
