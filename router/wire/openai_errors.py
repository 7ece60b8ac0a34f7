"""Errors in OpenAI's envelope: read from any server that claims to speak it, and rendered for its clients.

Shared by the Chat and the Responses dialect. Compatible servers answer with ``{"error": "text"}``, ``{"error": {}}``,
``{"detail": …}``, ``{"message": …}``, a list of one, HTML of an edge, or nothing; every shape becomes one `Fault`.
Sources: developers.openai.com "Error codes"; the SDKs' ``APIStatusError`` parsing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from router.faults import MEANINGS, Fault, Kind
from router.wire import hints, statuses
from router.wire.codec import Malformed, dumps_text, loads
from router.wire.conversation import Json, JsonObject
from router.wire.openai_error_tables import AUTH_MESSAGES, BY_CODE, RENDERED, TOO_LONG_MESSAGES

MAX_MESSAGE = 2_000
_FAR_FUTURE = 4_102_444_800.0  # 2100: without a `date` header, absolute times of a provider count as already past
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(
    r"\b(?:(?:sk|pk|rk|gsk|xai|ghp|gho|org|proj)[-_]|AIza|Bearer )[A-Za-z0-9_\-*.]{8,}|[A-Za-z0-9_\-*]{28,}"
)


def read(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """An error answer of any shape as one fault. headers: lower-case names. See `DialectSpec.read_fault`."""
    decoded = _decoded(body)
    error = _error_object(decoded)
    if error is None:
        return _without_envelope(status, headers, body, decoded)
    fault = from_error(error, status)
    fault.retry_after = _retry_after(headers, decoded)
    if fault.meaning.whose == "caller" and isinstance(decoded, dict) and isinstance(decoded.get("error"), dict):
        fault.passthrough = body
    return fault


def from_error(error: Mapping[str, Any], status: int | None = None) -> Fault:
    """An error object (``{message, type, param, code}``, any key may lack) as a fault.

    status: of the HTTP answer; None for an error inside a stream, where a numeric `code` stands for it (OpenRouter).
    """
    code, kind_of_error, numeric = error.get("code"), error.get("type"), None
    if isinstance(code, int) or (isinstance(code, str) and code.isdecimal() and len(code) <= 9):
        numeric, code = int(code), None
    effective = status if status is not None and status >= 400 else numeric
    if effective is not None and not 400 <= effective <= 599:
        effective = None
    message = _message(error)
    kind = _kind(code, kind_of_error, effective, message)
    if MEANINGS[kind].whose != "caller":
        message = _SECRET.sub("[hidden]", message)
    if not message:
        message = f"The provider answered {effective or 'with an error'} without saying why."
    if kind == "upstream_auth":
        message = f"The provider rejected the gateway's credential: {message}"
    param = error.get("param")
    return Fault(
        kind,
        message,
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else None,
        retry_after=hints.retry_after({}, {"error": dict(error)}, _FAR_FUTURE),
        status=effective,
    )


def error_body(fault: Fault) -> JsonObject:
    """The inner object, always with its four keys."""
    rendered_type, code = RENDERED[fault.kind]
    if fault.code is not None and fault.meaning.whose == "caller":
        code = fault.code
    return {"message": fault.message, "type": rendered_type, "param": fault.param, "code": code}


def render(fault: Fault, request_id: str) -> tuple[int, dict[str, str], JsonObject]:
    """Status, extra headers and envelope for an OpenAI client.

    ``x-should-retry: false`` keeps the SDKs from repeating what cannot succeed (they repeat 408, 409, 429 and 5xx).
    """
    status = fault.http_status
    headers: dict[str, str] = {}
    if request_id:
        headers["x-request-id"] = request_id
    if fault.retry_after is not None and math.isfinite(fault.retry_after):
        headers["retry-after"] = str(max(0, math.ceil(fault.retry_after)))
    if not fault.meaning.retryable and (status in (408, 409, 429) or status >= 500):
        headers["x-should-retry"] = "false"
    return status, headers, {"error": error_body(fault)}


def _decoded(body: bytes) -> Json:
    try:
        return loads(body) if body.strip() else None
    except Malformed:
        return None


def _error_object(decoded: Json) -> JsonObject | None:
    """The object that holds message, type and code, wherever the server put it; None where the body has none."""
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    if not isinstance(decoded, dict):
        return None
    for key in ("error", "detail", "errors", "message"):
        if key not in decoded:
            continue
        value = decoded[key]
        if isinstance(value, dict):
            return value
        if isinstance(value, str) and value:
            return {**{k: decoded[k] for k in ("code", "type", "param") if k in decoded}, "message": value}
        if isinstance(value, list) and value:
            return {"message": dumps_text(value)}
    return None


def _without_envelope(status: int, headers: Mapping[str, str], body: bytes, decoded: Json) -> Fault:
    kind = _kind(None, None, status, "")
    text = body[:65_536].decode("utf-8", "replace").strip()
    if text[:1] == "<" or "html" in headers.get("content-type", ""):
        found = _TITLE.search(text)
        title = f' titled "{" ".join(found.group(1).split())[:200]}"' if found else ""
        message = (
            f"The provider answered {status} with a web page{title} instead of JSON. "
            "The base URL of the provider may be wrong, or a proxy stands before it."
        )
    elif not text:
        message = f"The provider answered {status} with an empty body."
    else:
        shown = _SECRET.sub("[hidden]", text)[:300]
        what = "JSON without an error message" if decoded is not None else "text instead of JSON"
        message = f"The provider answered {status} with {what}: {shown}"
    return Fault(kind, message, status=status, retry_after=_retry_after(headers, decoded))


def _message(error: Mapping[str, Any]) -> str:
    """The server's words. OpenRouter hides the provider's own words in ``metadata.raw``."""
    message = error.get("message", error.get("msg", error.get("detail", "")))
    text = message if isinstance(message, str) else dumps_text(message)
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw and raw not in text:
        text = f"{text} ({raw})"
    return text[:MAX_MESSAGE]


def _kind(code: Json, kind_of_error: Json, status: int | None, message: str) -> Kind:
    for name in (code, kind_of_error):
        if isinstance(name, str) and name in BY_CODE:
            return BY_CODE[name]
    lowered = message.lower()
    if status in (None, 400, 413, 422, 500) and any(words in lowered for words in TOO_LONG_MESSAGES):
        return "too_long"
    if status in (400, 403) and any(words in lowered for words in AUTH_MESSAGES):
        return "upstream_auth"
    if status is None:
        return "bad_request" if kind_of_error == "invalid_request_error" else "upstream_broken"
    return statuses.kind_of(status)


def _retry_after(headers: Mapping[str, str], decoded: Json) -> float | None:
    now = _FAR_FUTURE
    if "date" in headers:
        try:
            now = parsedate_to_datetime(headers["date"]).timestamp()
        except (ValueError, TypeError, OverflowError):
            now = _FAR_FUTURE
    return hints.retry_after(headers, decoded, now)
