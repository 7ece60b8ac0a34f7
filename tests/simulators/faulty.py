"""Misbehaviour as data: what one attempt shall do wrong. `deliver.py` acts it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["cut", "reset", "stall", "error", "malformed", "half_close"]
Packing = Literal["gzip", "broken", "bomb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What to do wrong in one attempt. Times in seconds; the default of everything is to behave.

    delay: before anything is sent. gap: before each frame. hang: never send a head. status: answer this instead, in
    the dialect, with `headers` and, if given, `body` as it is. strict: still refuse what a real server would refuse.
    after_events / after_bytes: where `ending` happens: close, RST, silence until the client goes, an error in the
    dialect, a chunk that is not HTTP, or the end of our half of the connection while the other stays open. at
    `after_events=0` the head has been sent and nothing more. torn: so many bytes of the next event still go out.
    before_head: the ending happens before the status line. drop_end: leave out the terminal event and close properly.
    duplicate: the frame with this number comes twice, -1 is the last. swap: the frame with this number and the next
    change places. garble: the frame with this number is half of what it was. spoil: the last letter of its text is no
    UTF-8. insert: before the frame with this number
    come these bytes. content_type: in place of the right one. drip: bytes per write.
    length: a Content-Length that lies (implies no chunks). surplus: one that is so many bytes more than what comes, or
    less. packing: the body as gzip, good, damaged half way, or many megabytes of one letter in a few kilobytes.
    """

    delay: float = 0
    gap: float = 0
    hang: bool = False
    status: int | None = None
    message: str = "simulated failure"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    after_events: int | None = None
    after_bytes: int | None = None
    before_head: bool = False
    ending: Ending = "cut"
    drop_end: bool = False
    duplicate: int | None = None
    swap: int | None = None
    garble: int | None = None
    spoil: int | None = None
    insert: tuple[int, bytes] | None = None
    torn: int = 0
    content_type: str | None = None
    drip: int | None = None
    length: int | None = None
    surplus: int | None = None
    packing: Packing | None = None


GOOD = Misbehaviour()


def status(code: int, *, message: str = "simulated failure", body: bytes | None = None, **headers: str) -> Misbehaviour:
    """An error answer; header names are written with underscores: `retry_after="1"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Misbehaviour(status=code, message=message, body=body, headers=named)


def html(code: int = 502) -> Misbehaviour:
    """The error page of a middle box."""
    page = b"<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1>cloud edge</body></html>"
    return Misbehaviour(status=code, body=page, content_type="text/html; charset=utf-8")


def refused() -> Misbehaviour:
    """Close with RST before any byte of an answer. (A closed port: `Upstream.closed_port`.)"""
    return Misbehaviour(before_head=True, ending="reset")


def hang() -> Misbehaviour:
    """Accept the request and never answer."""
    return Misbehaviour(hang=True)


def cut(*, events: int | None = None, at_byte: int | None = None, ending: Ending = "cut") -> Misbehaviour:
    """Stop after so many frames or body bytes, in the manner of `ending`."""
    return Misbehaviour(after_events=events, after_bytes=at_byte, ending=ending)


def gemini_retry(delay: str, quota: str = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier") -> Misbehaviour:
    """Gemini's 429, whose hint is in the body: `delay` like "34.4s"."""
    body = (
        '{"error":{"code":429,"message":"You exceeded your current quota, please check your plan.",'
        '"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure",'
        f'"violations":[{{"quotaId":"{quota}"}}]}},'
        f'{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}'
    )
    return Misbehaviour(status=429, body=body.encode())
