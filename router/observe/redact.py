"""Takes secrets out of texts before they are written anywhere. The last step of every log record."""

from __future__ import annotations

import re

_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\b(sk|pk|rk|gsk|xai|r8|hf|or)-[A-Za-z0-9_-]{8,}"), r"\1-***"),
    (re.compile(r"\bAIza[0-9A-Za-z_-]{20,}"), "AIza***"),
    (re.compile(r"\bya29\.[0-9A-Za-z._-]{10,}"), "ya29.***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(\.[A-Za-z0-9_-]*)?"), "eyJ***"),
    (re.compile(r"(?i)([?&](?:key|api_key|access_token|auth_token|token)=)[^&\s\"'`]+"), r"\1***"),
    (
        re.compile(
            r"(?i)(\"?(?:api[_-]?key|authorization|x-api-key|x-goog-api-key|access_token|refresh_token|"
            r"client_secret|password)\"?\s*[:=]\s*\"?)(?!\s*(?:bearer|basic)\b)[^\s\"',}]{6,}"
        ),
        r"\1***",
    ),
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), "://***@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S), "***private key***"),
)


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced by ``***``, and line breaks that came from outside
    made visible, so that nobody can write log lines of their own."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """Control characters made visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
