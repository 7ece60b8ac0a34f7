"""How the authorisation server may misbehave, one request at a time. A script is a list of these."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PAGE = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Attention required</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """processed: whether the request is obeyed (tokens rotate, codes are spent) before the answer goes wrong.

    drops: the connection is closed without an answer. hangs: no answer until the client leaves. until: the answer waits
    for this event. cut: the connection closes in the middle of the body. status, body, content_type: another answer.
    headers: added. omit, change: fields of the JSON answer. drift: seconds by which the server's clock is wrong.
    gap: seconds between single pieces of the body.
    """

    processed: bool = False
    drops: bool = False
    hangs: bool = False
    until: asyncio.Event | None = None
    cut: bool = False
    status: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    omit: tuple[str, ...] = ()
    change: Mapping[str, Any] = field(default_factory=dict)
    drift: float = 0.0
    gap: float = 0.0

    @property
    def obeys(self) -> bool:
        """Whether the request takes effect."""
        return self.processed or not (self.drops or self.hangs or self.status is not None or self.body is not None)


GOOD = Misbehaviour()


def lost(*, processed: bool = True) -> Misbehaviour:
    """The connection closes instead of the answer; by default after the tokens have rotated."""
    return Misbehaviour(drops=True, processed=processed)


def cut() -> Misbehaviour:
    """The connection closes in the middle of the answer, after the tokens have rotated."""
    return Misbehaviour(cut=True)


def hangs(*, processed: bool = False) -> Misbehaviour:
    """No answer for as long as the client waits."""
    return Misbehaviour(hangs=True, processed=processed)


def held(until: asyncio.Event) -> Misbehaviour:
    """A good answer, but only when `until` is set; the tokens have rotated before."""
    return Misbehaviour(until=until)


def slow(gap: float) -> Misbehaviour:
    """A good answer in pieces, `gap` seconds between them."""
    return Misbehaviour(gap=gap)


def html(status: int = 502, *, processed: bool = False) -> Misbehaviour:
    """A page of an edge server."""
    return Misbehaviour(status=status, body=PAGE % status, content_type="text/html", processed=processed)


def busy(retry_after: float | str | None = 30) -> Misbehaviour:
    """429."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return refused(429, {"error": {"type": "rate_limit_error", "message": "Rate limited."}}, headers)


def broken(status: int = 500) -> Misbehaviour:
    """The vendor's own failure, as JSON."""
    return refused(status, {"error": "server_error"})


def refused(
    status: int, body: Any, headers: Mapping[str, str] | None = None, *, until: asyncio.Event | None = None
) -> Misbehaviour:
    """Any JSON with any status: errors in odd shapes. until: the answer waits for this event."""
    return Misbehaviour(status=status, body=json.dumps(body).encode(), headers=headers or {}, until=until)


def drifted(seconds: float) -> Misbehaviour:
    """The server's clock is ahead by `seconds`: the Date header and every absolute time in the answer."""
    return Misbehaviour(drift=seconds)


def without(*fields: str) -> Misbehaviour:
    """A good answer that lacks fields, such as ``expires_in``."""
    return Misbehaviour(omit=fields)


def changed(**fields: Any) -> Misbehaviour:
    """A good answer in which fields have other values."""
    return Misbehaviour(change=fields)
