"""What a provider's error or headers say about when to come back (`wire.md` 10.3). Pure: `now` comes in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from router.wire.conversation import Json, JsonObject

_UNIT_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_DURATION = re.compile(rf"(?:{_PIECE.pattern})+")
_SENTENCE = re.compile(r"(?:try again|retry) in ((?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+)", re.IGNORECASE)
_OPENAI_BUCKETS = ("-requests", "-tokens", "")
_ANTHROPIC_BUCKETS = ("requests", "tokens", "input-tokens", "output-tokens")
_PLAN_WINDOWS = ("5h", "7d", "7d_opus", "7d_sonnet", "overage")
_CODEX_WINDOWS = ("primary", "secondary")
_EPOCH_FROM = 1e9
"""A bare number this large is a moment (Unix seconds), not a span."""
_EPOCH_MS_FROM = 1e12


def retry_after(headers: Mapping[str, str], body: Json, now: float) -> float | None:
    """Seconds from `now` (Unix time) until another try makes sense: the largest hint of all that are given, or None.

    headers: lower-case names. Understands ``retry-after`` (seconds, HTTP date), ``retry-after-ms``, OpenAI's duration
    resets of an exhausted bucket, Anthropic's RFC 3339 and epoch resets, Codex and Gemini body hints. Never negative.
    """
    hints = [*_from_headers(headers, now), *_from_body(body, now)]
    found = [max(0.0, hint) for hint in hints if hint is not None and math.isfinite(hint)]
    if not found and (spoken := _from_message(body)) is not None:
        return spoken
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
    if "retry-after-ms" in headers and (milliseconds := _number(headers["retry-after-ms"])) is not None:
        yield milliseconds / 1000
    for bucket in _OPENAI_BUCKETS:
        if _is_zero(headers.get(f"x-ratelimit-remaining{bucket}")):
            yield _span_or_moment(headers.get(f"x-ratelimit-reset{bucket}"), now)
    for bucket in _ANTHROPIC_BUCKETS:
        if _is_zero(headers.get(f"anthropic-ratelimit-{bucket}-remaining")):
            yield _moment(headers.get(f"anthropic-ratelimit-{bucket}-reset"), now)
    yield from _plan_resets(headers, now)


def _plan_resets(headers: Mapping[str, str], now: float) -> Iterator[float | None]:
    """Subscription windows of Claude (epoch seconds) and Codex, each only where that window is used up."""
    unified = "anthropic-ratelimit-unified"
    if headers.get(f"{unified}-status", "rejected") == "rejected":
        yield _moment(headers.get(f"{unified}-reset"), now)
    for window in _PLAN_WINDOWS:
        if headers.get(f"{unified}-{window}-status") == "rejected":
            yield _moment(headers.get(f"{unified}-{window}-reset"), now)
    for window in _CODEX_WINDOWS:
        used = _number(headers.get(f"x-codex-{window}-used-percent"))
        if used is not None and used >= 100:
            yield _number(headers.get(f"x-codex-{window}-reset-after-seconds"))
            yield _moment(headers.get(f"x-codex-{window}-reset-at"), now)


def _from_body(body: Json, now: float) -> Iterator[float | None]:
    error = _error_of(body)
    if error is None:
        return
    yield _number(error.get("resets_in_seconds"))
    yield _moment(error.get("resets_at"), now)
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        yield _proto_duration(detail.get("retryDelay"))
        metadata = detail.get("metadata")
        if isinstance(metadata, dict):
            yield _proto_duration(metadata.get("quotaResetDelay"))
            yield _moment(metadata.get("quotaResetTimeStamp"), now)


def _from_message(body: Json) -> float | None:
    """``Please try again in 20ms.``: only where nothing machine-readable was said."""
    error = _error_of(body)
    message = error.get("message") if error is not None else None
    found = _SENTENCE.search(message) if isinstance(message, str) else None
    return parse_duration(found[1]) if found else None


def _error_of(body: Json) -> JsonObject | None:
    """The error object: Gemini wraps the envelope in a list of one, Codex sometimes leaves the envelope out."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return None
    error = body.get("error", body)
    return error if isinstance(error, dict) else None


def _span_or_date(text: str, now: float) -> float | None:
    """RFC 9110, section 10.2.3: delay in seconds, or an HTTP date."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = http_date(text)
    return moment - now if moment is not None else parse_duration(text)


def _span_or_moment(text: str | None, now: float) -> float | None:
    if text is None:
        return None
    span = parse_duration(text)
    if span is not None:
        return span
    number = _number(text)
    return number if number is not None and number < _EPOCH_FROM else _moment(text, now)


def _moment(value: Json, now: float) -> float | None:
    """Seconds from `now` to Unix seconds, Unix milliseconds or an RFC 3339 time."""
    number = _number(value)
    if number is not None:
        return (number / 1000 if number >= _EPOCH_MS_FROM else number) - now
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
        seconds, nanos = _number(value.get("seconds", 0)), _number(value.get("nanos", 0))
        return None if seconds is None or nanos is None else seconds + nanos / 1e9
    return None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_zero(text: str | None) -> bool:
    number = _number(text)
    return number is not None and number <= 0
