"""What cto.new's refusals mean, by status, by the words of its answers, and by its bill. Pure.

Its API is undocumented: what it does not understand of our requests is our mistake and not the caller's, so that
another candidate may still answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.faults import Fault, Kind
from router.wire import codec, hints, statuses

_LIMIT = re.compile(
    r"\b(daily|weekly|monthly|usage|plan)\b.{0,24}\b(limit|quota)|limit (was |has been )?reached|"
    r"reached .{0,24}\blimit|out of credits|quota exceeded",
    re.IGNORECASE,
)
_TIER = re.compile(r"\btier\b|\bupgrade\b|not (included|available) in your plan", re.IGNORECASE)
_MODEL = re.compile(r"\b(unknown|invalid|unsupported|no such|disabled)\b.{0,24}\b(model|adapter)", re.IGNORECASE)
_LENGTH = re.compile(r"too (long|large)|context (length|window)|maximum context", re.IGNORECASE)
_SPANS = ("retryAfter", "retryAfterSeconds", "retry_after", "resetInSeconds", "secondsUntilReset")
_MOMENTS = ("resetAt", "resetsAt", "reset_at", "resets_at", "retryAt", "nextResetAt")
_WORDS = 300


def answer_fault(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Fault:
    """An answer that is no success. headers: lower-case names. now: Unix time."""
    said = _read(body)
    words = _words(said)
    kind = _kind(status, said, words)
    text = f"cto.new answered {status}{': ' + words if words else ''}"
    if kind == "upstream_auth":
        text = f"cto.new did not take the account's token: {text}"
    told = hints.retry_after(headers, said, now)
    limit = _hint(said.get("limitReached", said), now) if kind == "quota_spent" else None
    details = {"scope": "model"} if kind == "refused" and _TIER.search(words) else None
    return Fault(kind, f"{text}.", status=status, retry_after=told if told is not None else limit, details=details)


def _kind(status: int, said: Mapping[str, Any], words: str) -> Kind:
    if status == 401:
        return "upstream_auth"
    if said.get("hasReachedLimit") is True or _LIMIT.search(words):
        return "quota_spent"
    if status == 413 or _LENGTH.search(words):
        return "too_long"
    if _MODEL.search(words):
        return "not_found"
    kind = statuses.kind_of(status)
    if kind == "refused" and not words:
        return "upstream_broken"  # an edge's page says nothing about the account
    return _OURS.get(kind, kind)


_OURS: Mapping[Kind, Kind] = {
    "bad_request": "upstream_broken",
    "not_found": "upstream_broken",
    "conflict": "rate_limited",
}
"""Each chat is a new one, so that a conflict can only be one of too many tasks at once."""


def told_fault(said: Mapping[str, Any]) -> Fault:
    """An error that came on the socket."""
    words = _words(said) or "it did not say why"
    if said.get("hasReachedLimit") is True or _LIMIT.search(words):
        return Fault("quota_spent", f"cto.new failed: {words}.")
    kind: Kind = "too_long" if _LENGTH.search(words) else "upstream_broken"
    return Fault(kind, f"cto.new failed: {words}.")


def limit_of(body: bytes, now: float) -> Fault | None:
    """What the bill says of an account that is not answered; None where it has not reached its limit."""
    bill = _read(body)
    if bill.get("hasReachedLimit") is not True:
        return None
    limits = [f"{bill[name]} {word}" for name, word in _LIMITS if isinstance(bill.get(name), int)]
    told = f" ({', '.join(limits)})" if limits else ""
    text = f"The account has reached its limit at cto.new{told}."
    return Fault("quota_spent", text, retry_after=_hint(bill.get("limitReached"), now))


_LIMITS = (("dailyLimit", "a day"), ("weeklyLimit", "a week"))


def _hint(limit: Any, now: float) -> float | None:
    """Seconds until a limit ends. Its form is not documented: a span or a moment under one of the usual names."""
    if not isinstance(limit, Mapping):
        return None
    span = next((limit[name] for name in _SPANS if name in limit), None)
    moment = next((limit[name] for name in _MOMENTS if name in limit), None)
    return hints.retry_after({}, {"error": {"resets_in_seconds": span, "resets_at": moment}}, now)


def _words(said: Mapping[str, Any]) -> str:
    """The sentence of an error, wherever it stands."""
    error = said.get("error")
    inner = error if isinstance(error, Mapping) else {}
    for value in (inner.get("message"), said.get("message"), error):
        if isinstance(value, str) and value.strip():
            return value.strip().rstrip(".")[:_WORDS]
    return ""


def _read(body: bytes) -> dict[str, Any]:
    try:
        value = codec.loads(body)
    except codec.Malformed:
        return {}
    return value if isinstance(value, dict) else {}
