"""What a provider's error or headers say about when to come back (`wire.md` 10.3). Pure: `now` comes in."""

from __future__ import annotations

from collections.abc import Mapping

from router.wire.conversation import Json


def retry_after(headers: Mapping[str, str], body: Json, now: float) -> float | None:
    """Seconds from `now` (Unix time) until another try makes sense: the largest hint of all that are given, or None.

    headers: lower-case names. Understands ``retry-after`` (seconds, HTTP date), ``retry-after-ms``, OpenAI's duration
    resets of an exhausted bucket, Anthropic's RFC 3339 and epoch resets, Codex and Gemini body hints. Never negative.
    """
    raise NotImplementedError


def parse_duration(text: str) -> float | None:
    """``1s``, ``6m0s``, ``120ms``, ``34.07s``, ``1h2m``: seconds, or None."""
    raise NotImplementedError
