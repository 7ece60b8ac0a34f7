"""The ``error`` frame and faults: the status, the kind and the time to wait survive the way through the relay. Pure."""

from __future__ import annotations

from typing import Any, get_args

from msgspec import Struct

from router.faults import Fault, Kind
from router.relay.protocol.frames import Frame
from router.relay.protocol.messages import read
from router.wire import statuses
from router.wire.conversation import JsonObject

_KINDS = frozenset(get_args(Kind))
_NEVER = frozenset({"unauthenticated", "forbidden", "unsupported_upgrade", "internal"})
"""Kinds that speak of this gateway and its callers: no service can know them."""
_LONGEST = 2_000


class _Error(Struct, frozen=True):
    status: int | None = None
    code: str | None = None
    message: str | None = None
    error: Any = None  # what plain clients have in the place of `message`
    retry_after: float | None = None
    scope: str | None = None


def error_payload(fault: Fault) -> JsonObject:
    """A fault as a service tells it."""
    payload: JsonObject = {
        "status": fault.status if fault.status is not None else fault.meaning.status,
        "code": fault.kind,
        "message": fault.message,
    }
    if fault.retry_after is not None:
        payload["retry_after"] = fault.retry_after
    if isinstance(fault.details.get("scope"), str):
        payload["scope"] = fault.details["scope"]
    return payload


def read_error(frame: Frame) -> Fault:
    """The fault of an ``error`` frame, of a plain client too. Raises `ProtocolError` wrong_type."""
    raw = read(frame, _Error)
    status = raw.status if raw.status is not None and 400 <= raw.status <= 599 else None
    words = raw.message if raw.message is not None else raw.error if isinstance(raw.error, str) else ""
    kind = _kind(raw.code, status)
    fault = Fault(
        kind,
        words.strip()[:_LONGEST]
        or f"The service failed{f' with status {status}' if status else ''} and gave no reason.",
        status=status,
        code=raw.code,
        retry_after=raw.retry_after if raw.retry_after is not None and raw.retry_after > 0 else None,
    )
    if raw.scope in ("account", "bucket", "model"):
        fault.details["scope"] = raw.scope
    return fault


def _kind(code: str | None, status: int | None) -> Kind:
    """The service's own word where it is one of ours, else what the status means."""
    if code in _KINDS and code not in _NEVER:
        return next(kind for kind in get_args(Kind) if kind == code)
    return statuses.kind_of(status) if status is not None else "upstream_broken"
