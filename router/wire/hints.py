"""What a provider's error or headers say about when to come back (`wire.md` 10.3). Pure: `now` comes in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from router.wire.conversation import Json, JsonObject

LONGEST = 40 * 86_400.0
"""Seconds beyond which nothing is believed: no window of a plan is longer than a month."""
_UNIT_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_DURATION = re.compile(rf"(?:{_PIECE.pattern})+")
_SPOKEN_PIECE = r"(\d{1,9}(?:\.\d{1,9})?)\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
_SPOKEN = re.compile(rf"{_SPOKEN_PIECE}(?![a-z])", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:try again|retry|wait|resets?|available again)(?: again)?(?: in| after| for)? (?:about |another )?"
    rf"({_SPOKEN_PIECE}(?:(?:,| and)? ?{_SPOKEN_PIECE}){{0,3}})(?![a-z])",
    re.IGNORECASE,
)
_LONGEST_MESSAGE = 2_000
_OPENAI_BUCKETS = ("-requests", "-tokens", "")
_ANTHROPIC_BUCKETS = ("requests", "tokens", "input-tokens", "output-tokens")
_PLAN_STATUS = re.compile(r"anthropic-ratelimit-unified-(\d{1,4}[hdm](?:_[a-z]{1,20})?|overage)-status")
_CODEX_WINDOWS = ("primary", "secondary")
_SPAN_KEYS = (
    "resets_in_seconds",  # Codex
    "retry_after",
    "retry_after_seconds",
    "retryAfter",
    "retryAfterSeconds",
    "reset_after_seconds",
)
_MOMENT_KEYS = ("resets_at", "reset_at", "resetAt", "resetsAt", "reset_time", "resetTime", "nextResetAt")
_MESSAGE_KEYS = ("message", "msg", "error_msg", "detail", "error")
_EPOCH_FROM = 1e9
"""A bare number this large is a moment (Unix seconds), not a span."""
_EPOCH_MS_FROM = 1e12


def retry_after(headers: Mapping[str, str], body: Json, now: float) -> float | None:
    """Seconds from `now` (Unix time) until another try makes sense: the largest hint of all that are given, or None.

    headers: lower-case names. Understands ``retry-after`` (seconds, HTTP date), ``retry-after-ms``, OpenAI's duration
    resets of an exhausted bucket, Anthropic's RFC 3339 and epoch resets, Codex and Gemini body hints, and the usual
    keys of other servers. In [0, `LONGEST`].
    """
    hints = [*_from_headers(headers, now), *_from_body(body, now)]
    found = [min(LONGEST, max(0.0, hint)) for hint in hints if hint is not None and math.isfinite(hint)]
    if not found and (spoken := _from_message(body)) is not None:
        return min(LONGEST, spoken)
    return max(found, default=None)


def parse_duration(text: str) -> float | None:
    """``1s``, ``6m0s``, ``120ms``, ``34.07s``, ``1h2m``: seconds, or None."""
    text = text.strip()
    if not _DURATION.fullmatch(text):
        return None
    return math.fsum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in _PIECE.findall(text))


def http_date(text: str) -> float | None:
    """An HTTP date (RFC 9110, section 5.6.7) as Unix seconds, None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _from_headers(headers: Mapping[str, str], now: float) -> Iterator[float | None]:
    if "retry-after" in headers:
        yield _span_or_date(headers["retry-after"], now)
    if "retry-after-ms" in headers and (milliseconds := number(headers["retry-after-ms"])) is not None:
        yield milliseconds / 1000
    for bucket in _OPENAI_BUCKETS:
        if _is_zero(headers.get(f"x-ratelimit-remaining{bucket}")):
            yield span_or_until(headers.get(f"x-ratelimit-reset{bucket}"), now)
    for bucket in _ANTHROPIC_BUCKETS:
        if _is_zero(headers.get(f"anthropic-ratelimit-{bucket}-remaining")):
            yield until(headers.get(f"anthropic-ratelimit-{bucket}-reset"), now)
    yield from _plan_resets(headers, now)


def _plan_resets(headers: Mapping[str, str], now: float) -> Iterator[float | None]:
    """Subscription windows of Claude (epoch seconds) and Codex, each only where that window is used up."""
    unified = "anthropic-ratelimit-unified"
    if headers.get(f"{unified}-status", "rejected") == "rejected":
        yield until(headers.get(f"{unified}-reset"), now)
    for name, status in headers.items():
        if status == "rejected" and (found := _PLAN_STATUS.fullmatch(name)):
            yield until(headers.get(f"{unified}-{found[1]}-reset"), now)
    for window in _CODEX_WINDOWS:
        used = number(headers.get(f"x-codex-{window}-used-percent"))
        if used is not None and used >= 100:
            yield number(headers.get(f"x-codex-{window}-reset-after-seconds"))
            yield until(headers.get(f"x-codex-{window}-reset-at"), now)


def _from_body(body: Json, now: float) -> Iterator[float | None]:
    for said in _sayings(body):
        for key in _SPAN_KEYS:
            yield span_or_until(said.get(key), now)
        milliseconds = number(said.get("retry_after_ms"))
        yield milliseconds / 1000 if milliseconds is not None else None
        for key in _MOMENT_KEYS:
            yield until(said.get(key), now)
        yield from _from_details(said.get("details"), now)


def _from_details(details: Json, now: float) -> Iterator[float | None]:
    """google.rpc: ``RetryInfo``, and Code Assist's ``ErrorInfo`` with when a quota begins anew."""
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        yield _proto_duration(detail.get("retryDelay"))
        metadata = detail.get("metadata")
        if isinstance(metadata, dict):
            yield _proto_duration(metadata.get("quotaResetDelay"))
            yield until(metadata.get("quotaResetTimeStamp"), now)


def _from_message(body: Json) -> float | None:
    """``Please try again in 20ms.``, ``Your quota will reset after 1h16m0s.``: only where nothing machine-readable was
    said."""
    for said in _sayings(body):
        for key in _MESSAGE_KEYS:
            message = said.get(key)
            found = _SENTENCE.search(message[:_LONGEST_MESSAGE]) if isinstance(message, str) else None
            if found is not None:
                return math.fsum(_spoken(amount, unit.lower()) for amount, unit in _SPOKEN.findall(found[1]))
    return None


def _spoken(amount: str, unit: str) -> float:
    short = "ms" if unit.startswith(("ms", "milli")) else unit[0]
    return float(amount) * _UNIT_SECONDS[short]


def _sayings(body: Json) -> Iterator[JsonObject]:
    """The error object, and the envelope around it. Gemini wraps the envelope in a list of one, Codex sometimes leaves
    it out, and some servers put what they say beside the error."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return
    error = body.get("error")
    if isinstance(error, dict):
        yield error
    yield body


def _span_or_date(text: str, now: float) -> float | None:
    """RFC 9110, section 10.2.3: delay in seconds, or an HTTP date."""
    seconds = number(text)
    if seconds is not None:
        return seconds
    moment = http_date(text)
    return moment - now if moment is not None else parse_duration(text)


def span_or_until(value: Json, now: float) -> float | None:
    """Seconds from a duration (``6m0s``), a number of seconds, or a moment."""
    span = parse_duration(value) if isinstance(value, str) else None
    if span is not None:
        return span
    seconds = number(value)
    return seconds if seconds is not None and seconds < _EPOCH_FROM else until(value, now)


def until(value: Json, now: float) -> float | None:
    """Seconds from `now` to Unix seconds, Unix milliseconds or an RFC 3339 time."""
    seconds = number(value)
    if seconds is not None:
        return (seconds / 1000 if seconds >= _EPOCH_MS_FROM else seconds) - now
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _proto_duration(value: Json) -> float | None:
    """``"34.07s"`` (proto JSON), or the older ``{"seconds": 34, "nanos": 70000000}``."""
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, dict):
        seconds, nanos = number(value.get("seconds", 0)), number(value.get("nanos", 0))
        return None if seconds is None or nanos is None else seconds + nanos / 1e9
    return None


def number(value: Json) -> float | None:
    """A finite number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _is_zero(text: str | None) -> bool:
    found = number(text)
    return found is not None and found <= 0
