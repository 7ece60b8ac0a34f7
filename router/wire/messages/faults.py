"""Anthropic's error envelope, both ways (`wire.md` 10)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from router.faults import Fault, Kind
from router.wire import hints, statuses
from router.wire.codec import Malformed, loads
from router.wire.conversation import Json, JsonObject
from router.wire.sse import typed_frame

_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "invalid_request_error": "bad_request",
        "authentication_error": "upstream_auth",
        "billing_error": "quota_spent",
        "permission_error": "refused",
        "not_found_error": "not_found",
        "conflict_error": "conflict",
        "request_too_large": "too_large",
        "rate_limit_error": "rate_limited",
        "api_error": "upstream_broken",
        "timeout_error": "timeout",
        "overloaded_error": "overloaded",
    }
)
_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "bad_request": "invalid_request_error",
        "too_long": "invalid_request_error",
        "unauthenticated": "authentication_error",
        "forbidden": "permission_error",
        "refused": "permission_error",
        "not_found": "not_found_error",
        "too_large": "request_too_large",
        "conflict": "conflict_error",
        "unsupported_upgrade": "invalid_request_error",
        "rate_limited": "rate_limit_error",
        "quota_spent": "rate_limit_error",
        "overloaded": "overloaded_error",
        "unavailable": "api_error",
        "timeout": "timeout_error",
        "upstream_auth": "api_error",
        "upstream_broken": "api_error",
        "cancelled": "api_error",
        "internal": "api_error",
    }
)
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?(model'?s )?context (limit|window)|context window", re.I)
_SPENT = re.compile(r"credit balance|(usage|spend\w*|monthly|weekly) limit|quota", re.I)
_PATH = re.compile(r"^([a-z_]+(?:\.[a-z0-9_-]+)*): ", re.I)
_OVERLOADED = 529  # Anthropic's own status, which its SDKs retry
_MAX_TEXT = 500


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """An error answer of any shape. The text of a request's mistake is kept word for word: clients repair by it."""
    try:
        payload: Json = loads(body) if body.strip() else None
    except Malformed:
        payload = None
    kind_name, message = _type_and_message(payload)
    if message is None:
        message = _plain(status, headers, body, payload)
    kind = _kind(status, kind_name, message)
    if kind == "upstream_auth":  # such texts may quote the credential
        message = "The provider rejected the credential of this gateway. Its operator must renew it."
    fault = Fault(
        kind,
        message,
        code=kind_name,
        retry_after=_retry_after(headers, payload),
        status=status,
        param=_param(message) if kind == "bad_request" else None,
    )
    if fault.meaning.whose == "caller" and body.strip():
        fault.passthrough = body
    return fault


def fault_of_error(payload: JsonObject) -> Fault:
    """An ``error`` event inside a stream, or an error body that came with a status of success."""
    kind_name, message = _type_and_message(payload)
    message = message or "The provider reported an error inside its answer."
    kind = _kind(0, kind_name, message)
    if kind == "upstream_auth":
        message = "The provider rejected the credential of this gateway. Its operator must renew it."
    return Fault(kind, message, code=kind_name)


def _type_and_message(payload: Json) -> tuple[str | None, str | None]:
    """Anthropic's shape first, then those of compatible servers: ``{"error": "x"}``, ``{"message": "x"}``."""
    if not isinstance(payload, dict):
        return None, None
    error: Any = payload.get("error", payload.get("detail"))
    if isinstance(error, dict):
        kind, message = error.get("type"), error.get("message")
    else:
        kind, message = None, error if error is not None else payload.get("message")
    return (kind if isinstance(kind, str) else None), (message if isinstance(message, str) and message else None)


def _kind(status: int, kind_name: str | None, message: str) -> Kind:
    kind = _KINDS.get(kind_name or "")
    if kind is None or kind == "upstream_broken":  # its word for all that it has no word for
        kind = statuses.kind_of(status)
    if kind in ("bad_request", "too_large") and _TOO_LONG.search(message):
        return "too_long"
    if kind in ("rate_limited", "refused") and _SPENT.search(message):
        return "quota_spent"
    if kind == "bad_request" and "credit balance is too low" in message:
        return "quota_spent"
    return kind


def _plain(status: int, headers: Mapping[str, str], body: bytes, payload: Json) -> str:
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return f"The provider answered {status} without a reason."
    if payload is None and ("html" in headers.get("content-type", "") or text[:1] == "<"):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S)
        said = f" ({' '.join(title.group(1).split())[:100]})" if title else ""
        return f"The provider answered {status} with an HTML page{said}: is its base URL right?"
    return f"The provider answered {status}: {text[:_MAX_TEXT]}"


def _param(message: str) -> str | None:
    found = _PATH.match(message)
    return re.sub(r"\.(\d+)", r"[\1]", found.group(1)) if found else None


def _retry_after(headers: Mapping[str, str], payload: Json) -> float | None:
    """Seconds; absolute times are counted from the answer's own ``date``, so that no clock is needed."""
    try:
        now = parsedate_to_datetime(headers.get("date", "")).astimezone(UTC).timestamp()
    except (ValueError, TypeError):
        now = math.inf
    found = hints.retry_after(headers, payload, now)
    return found if found is not None and math.isfinite(found) and (found > 0 or now != math.inf) else None


def render_fault(fault: Fault, request_id: str) -> tuple[int, dict[str, str], JsonObject]:
    """Status, extra headers and body for a client of this dialect."""
    status = _OVERLOADED if fault.kind == "overloaded" else fault.http_status
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["retry-after"] = str(max(0, math.ceil(fault.retry_after)))
    if not fault.meaning.retryable:
        headers["x-should-retry"] = "false"
    if request_id:
        headers["request-id"] = request_id
    verbatim = _verbatim(fault)
    if verbatim is not None:
        return status, headers, verbatim if "request_id" in verbatim else verbatim | {"request_id": request_id}
    return status, headers, envelope(fault) | {"request_id": request_id}


def _verbatim(fault: Fault) -> JsonObject | None:
    """The provider's own body, where it has this dialect's shape."""
    if fault.passthrough is None:
        return None
    try:
        body = loads(fault.passthrough)
    except Malformed:
        return None
    if not isinstance(body, dict) or body.get("type") != "error" or not isinstance(body.get("error"), dict):
        return None
    return body


def envelope(fault: Fault) -> JsonObject:
    """``{"type": "error", "error": {...}}``."""
    error: JsonObject = {"type": _TYPES[fault.kind], "message": fault.message}
    if fault.details:
        error["details"] = dict(fault.details)
    return {"type": "error", "error": error}


def stream_failure(fault: Fault, reader: object = None) -> list[bytes]:
    """The ``error`` event, after which the stream is closed. Without its ``event:`` line the SDKs would not see it."""
    return [typed_frame(envelope(fault))]
