"""Google's error envelope, both ways: ``{"error": {"code", "message", "status", "details"}}``.

Sources: google.rpc.Code and google.rpc.{ErrorInfo,RetryInfo,QuotaFailure}; ai.google.dev "Troubleshooting".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from router.faults import Fault, Kind
from router.wire import hints, statuses
from router.wire.codec import Malformed, dumps, loads
from router.wire.conversation import Json, JsonObject
from router.wire.sse import crlf_frame

_BY_STATUS_NAME: Mapping[str, Kind] = MappingProxyType(
    {
        "INVALID_ARGUMENT": "bad_request",
        "FAILED_PRECONDITION": "bad_request",
        "OUT_OF_RANGE": "bad_request",
        "UNAUTHENTICATED": "upstream_auth",
        "PERMISSION_DENIED": "refused",
        "NOT_FOUND": "not_found",
        "ABORTED": "conflict",
        "ALREADY_EXISTS": "conflict",
        "RESOURCE_EXHAUSTED": "rate_limited",
        "CANCELLED": "upstream_broken",  # theirs, not our client's
        "INTERNAL": "upstream_broken",
        "UNKNOWN": "upstream_broken",
        "DATA_LOSS": "upstream_broken",
        "UNIMPLEMENTED": "bad_request",
        "UNAVAILABLE": "overloaded",
        "DEADLINE_EXCEEDED": "timeout",
    }
)
_KEY_REASONS = frozenset(
    {"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"}
    | {"ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "CREDENTIALS_MISSING", "ACCOUNT_STATE_INVALID"}
)
_KEY_MESSAGES = ("api key not valid", "api key expired", "api key not found", "reported as leaked")
_TOO_LONG = ("exceeds the maximum number of tokens", "input token count", "maximum context length")
_SPENT = re.compile(r"limit: 0\b|billing|prepayment credits|spending cap", re.IGNORECASE)
_FAR_FUTURE = 4_102_444_800.0  # 2100: without a `date` header, absolute times of a provider count as already past
_MAX_MESSAGE = 2_000
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(r"AIza[A-Za-z0-9_\-]{8,}|ya29\.[A-Za-z0-9_\-.]+|(?:sk|pk)-[A-Za-z0-9_\-]{8,}|key=[^&\s\"']+")

RENDERED: Mapping[Kind, str] = MappingProxyType(
    {
        "bad_request": "INVALID_ARGUMENT",
        "too_long": "INVALID_ARGUMENT",
        "unauthenticated": "INVALID_ARGUMENT",
        "forbidden": "PERMISSION_DENIED",
        "refused": "PERMISSION_DENIED",
        "not_found": "NOT_FOUND",
        "too_large": "INVALID_ARGUMENT",
        "conflict": "ABORTED",
        "unsupported_upgrade": "FAILED_PRECONDITION",
        "rate_limited": "RESOURCE_EXHAUSTED",
        "quota_spent": "RESOURCE_EXHAUSTED",
        "overloaded": "UNAVAILABLE",
        "unavailable": "UNAVAILABLE",
        "timeout": "DEADLINE_EXCEEDED",
        "upstream_auth": "INTERNAL",
        "upstream_broken": "INTERNAL",
        "cancelled": "CANCELLED",
        "internal": "INTERNAL",
    }
)
"""RPC status of each kind."""


def read_fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """An error answer of any shape as one fault. headers: lower-case names."""
    try:
        decoded = loads(body) if body.strip() else None
    except Malformed:
        decoded = None
    error = error_of(decoded)
    if error is None:
        return _without_envelope(status, headers, body, decoded)
    fault = from_error(error, status)
    fault.retry_after = _retry_after(headers, decoded)
    if fault.meaning.whose == "caller" and isinstance(decoded, dict):
        fault.passthrough = body
    return fault


def error_of(payload: Json) -> JsonObject | None:
    """The error object of an envelope, also of one in a list (streamed arrays); None where there is none."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, str) and error:
        return {"message": error}
    return error if isinstance(error, dict) else None


def from_error(error: JsonObject, status: int | None = None) -> Fault:
    """One error object as a fault. status: of the HTTP answer; None inside a stream, where ``code`` says it."""
    code = error.get("code")
    if status is None or status < 400:
        status = code if isinstance(code, int) and 400 <= code <= 599 else None
    name = error.get("status")
    message = error.get("message")
    said = message[:_MAX_MESSAGE] if isinstance(message, str) else ""
    kind = _kind(error, name if isinstance(name, str) else "", status, said)
    fault = Fault(
        kind,
        _worded(kind, said, status),
        code=name if isinstance(name, str) else None,
        status=status,
        retry_after=hints.retry_after({}, {"error": error}, _FAR_FUTURE),
    )
    reason = _reason(error)
    if reason is not None:
        fault.details["reason"] = reason
    return fault


def _kind(error: JsonObject, name: str, status: int | None, message: str) -> Kind:
    lower = message.lower()
    if _reason(error) in _KEY_REASONS or any(each in lower for each in _KEY_MESSAGES):
        return "upstream_auth"
    kind = _BY_STATUS_NAME.get(name)
    if kind is None or name == "UNKNOWN":  # the status says more
        kind = statuses.kind_of(status or 500)
    if kind == "bad_request" and any(each in lower for each in _TOO_LONG):
        return "too_long"
    if kind == "bad_request" and status == 413:
        return "too_large"
    if kind == "rate_limited" and (_per_day(error) or _SPENT.search(message)):
        return "quota_spent"
    if kind == "upstream_broken" and status == 503:
        return "overloaded"
    return kind


def _per_day(error: JsonObject) -> bool:
    """A daily quota: it does not recover soon, whatever ``RetryInfo`` says."""
    for detail in _details(error):
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            quota = violation.get("quotaId", "") if isinstance(violation, dict) else ""
            if isinstance(quota, str) and "perday" in quota.lower():
                return True
    return False


def _reason(error: JsonObject) -> str | None:
    return next((each["reason"] for each in _details(error) if isinstance(each.get("reason"), str)), None)


def _details(error: JsonObject) -> Iterator[JsonObject]:
    details = error.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict):
            yield each


def _worded(kind: Kind, message: str, status: int | None) -> str:
    said = _SECRET.sub("[hidden]", message) or f"The provider answered {status or 'with an error'} without saying why."
    return f"The provider rejected the gateway's credential: {said}" if kind == "upstream_auth" else said


def _without_envelope(status: int, headers: Mapping[str, str], body: bytes, decoded: Json) -> Fault:
    text = body[:4096].decode("utf-8", "replace").strip()
    title = _TITLE.search(text)
    if title is not None:
        text = title[1].strip()
    elif text.startswith("<"):
        text = ""
    kind = statuses.kind_of(status)
    shown = _SECRET.sub("[hidden]", text[:300])
    said = f"The provider answered {status}{f': {shown}' if shown else ' without saying why'}."
    shown_status = status if 400 <= status <= 599 else None
    return Fault(kind, said, status=shown_status, retry_after=_retry_after(headers, decoded))


def _retry_after(headers: Mapping[str, str], decoded: Json) -> float | None:
    """The provider's own clock is taken from its ``date`` header, since nothing here knows the time."""
    now = hints.http_date(headers.get("date", ""))
    return hints.retry_after(headers, decoded, now if now is not None else _FAR_FUTURE)


def envelope(fault: Fault) -> JsonObject:
    """``{"error": …}`` for clients.

    A bad key of this gateway is a 400 INVALID_ARGUMENT with reason API_KEY_INVALID, as Google itself answers to a key:
    its SDKs and CLIs know that pair, and 401 means a stale OAuth login to them.
    """
    status = http_status(fault)
    error: JsonObject = {"code": status, "message": fault.message, "status": RENDERED[fault.kind]}
    details: list[JsonObject] = []
    if fault.kind == "unauthenticated":
        details.append(
            {"@type": _type("ErrorInfo"), "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {}}
        )
    if fault.param is not None:
        violation = {"field": fault.param, "description": fault.message}
        details.append({"@type": _type("BadRequest"), "fieldViolations": [violation]})
    if fault.retry_after is not None and math.isfinite(fault.retry_after):
        details.append({"@type": _type("RetryInfo"), "retryDelay": f"{max(0, math.ceil(fault.retry_after))}s"})
    if details:
        error["details"] = details
    return {"error": error}


def http_status(fault: Fault) -> int:
    return 400 if fault.kind == "unauthenticated" else fault.http_status


def render_fault(fault: Fault, request_id: str) -> tuple[int, dict[str, str], JsonObject]:
    """Status, extra headers and body for a Gemini client. See `envelope` for the status of a bad key."""
    headers: dict[str, str] = {}
    if request_id:
        headers["x-request-id"] = request_id
    if fault.retry_after is not None and math.isfinite(fault.retry_after):
        headers["retry-after"] = str(max(0, math.ceil(fault.retry_after)))
    return http_status(fault), headers, envelope(fault)


def in_stream(fault: Fault) -> list[bytes]:
    """An error in mid-stream: the framed form, then the raw line as a write of its own.

    Python and JavaScript SDKs read the first; the Go SDK takes only the second for an error, and with the second alone
    one SDK reports success."""
    payload = envelope(fault)
    return [crlf_frame(payload), dumps(payload) + b"\n"]


def _type(name: str) -> str:
    return f"type.googleapis.com/google.rpc.{name}"
