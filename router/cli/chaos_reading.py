"""What a client of each dialect sees of an answer, read as plainly as a client would: text, its end, an error. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct

from router.faults import Fault
from router.providers.demo.chaos import CHAOS, Strikes
from router.providers.demo.models import LABEL
from router.wire.conversation import Dialect
from router.wire.sse import Splitter

PROMPT = "Is anybody there?"
WHOLE = f"{LABEL} You said: {PROMPT}"
"""The whole answer of a demo model whose fault does not break it."""
Connection = Literal["closed", "broken", "waiting"]
"""How it was left: ended by the gateway as HTTP says, broken off, or still open when nobody wanted to wait longer."""
Ending = Literal["whole", "error", "truncated", "cut", "waiting"]
ENDINGS: Mapping[Ending, str] = MappingProxyType(
    {
        "whole": "a finished answer with all of its text",
        "error": "an error of the dialect: a client library raises it",
        "truncated": "a part that looks like a finished answer: this must not happen",
        "cut": "the connection broke without a word: a client library raises that",
        "waiting": "no end within --timeout",
    }
)
CLIENTS: Mapping[Dialect, str] = MappingProxyType(
    {
        "chat": 'a chunk `{"error": …}`, and neither `finish_reason` nor `[DONE]`',
        "responses": "an event `error`, then `response.failed`, and no `response.completed`",
        "messages": "an event `error`, and no `message_stop`",
        "gemini": 'a chunk `{"error": …}` and the same once more as a bare line, and no `finishReason`',
    }
)
"""How an answer that breaks in the middle ends for a client."""
STRIKING: Mapping[Strikes, str] = MappingProxyType(
    {
        "never": "a whole answer, late",
        "before": "an error with a status of its own (in the stream where a heartbeat was sent already)",
        "middle": "status 200, the first words, then the error in the stream; unstreamed: an error with a status",
        "sometimes": "a whole answer and an error with a status in turn",
    }
)


class Seen(Struct, frozen=True):
    """One answer. status: None where there was none. error: its message. ended: the dialect's end was there."""

    status: int | None
    text: str
    error: str | None
    ended: bool
    connection: Connection


def strikes(fault: str) -> Strikes:
    """Where a fault strikes; those that the table does not have only fail."""
    known = CHAOS.get(fault) or CHAOS.get(fault.rpartition("-")[0])
    return known.strikes if known is not None else "before"


def ending(fault: str, seen: Seen) -> Ending:
    """How the answer ended, for somebody who knows what the fault does."""
    if seen.error is not None or (seen.status is not None and seen.status != 200):
        return "error"
    if seen.ended:
        whole = strikes(fault) in ("never", "sometimes") and seen.text == WHOLE
        return "whole" if whole else "truncated"
    if seen.connection == "closed":
        return "truncated"  # HTTP says that this was all, and nothing in it says otherwise
    return "cut" if seen.connection == "broken" else "waiting"


def read(dialect: Dialect, status: int | None, body: bytes, connection: Connection) -> Seen:
    """What a client understands of the bytes of one answer."""
    if status != 200:
        return Seen(status, "", _refusal(body) if status is not None else None, False, connection)
    text, error, marks = "", None, set[str]()
    for event, payload in _frames(body):
        if isinstance(payload, str):
            marks.add(payload)
            continue
        said, failure, mark = _READERS[dialect](event, payload)
        text, error = text + said, error or failure
        marks |= {mark}
    return Seen(status, text, error, marks >= _ENDS[dialect], connection)


_ENDS: Mapping[Dialect, set[str]] = MappingProxyType(
    {"chat": {"finish", "[DONE]"}, "responses": {"finish"}, "messages": {"finish"}, "gemini": {"finish"}}
)
_Read = tuple[str, str | None, str]
"""The text of one frame, its error, and "finish" where it ends the answer."""


def _chat(event: str | None, payload: Any) -> _Read:
    choice: dict[str, Any] = next(iter(payload.get("choices") or ()), {})
    return (
        choice.get("delta", {}).get("content") or "",
        _message(payload.get("error")),
        "finish" if choice.get("finish_reason") else "",
    )


def _responses(event: str | None, payload: Any) -> _Read:
    kind = payload.get("type")
    said = payload.get("delta", "") if kind == "response.output_text.delta" else ""
    failure = None
    if kind == "error":
        failure = _message(payload.get("error") or payload)
    elif kind == "response.failed":
        failure = _message(payload["response"].get("error"))
    return said, failure, "finish" if kind in ("response.completed", "response.incomplete") else ""


def _messages(event: str | None, payload: Any) -> _Read:
    kind = payload.get("type")
    said = payload["delta"].get("text", "") if kind == "content_block_delta" else ""
    return said, _message(payload.get("error")), "finish" if kind == "message_stop" else ""


def _gemini(event: str | None, payload: Any) -> _Read:
    candidate: dict[str, Any] = next(iter(payload.get("candidates") or ()), {})
    parts = candidate.get("content", {}).get("parts", [])
    said = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    return said, _message(payload.get("error")), "finish" if candidate.get("finishReason") else ""


_READERS: Mapping[Dialect, Callable[[str | None, Any], _Read]] = MappingProxyType(
    {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
)


def _frames(body: bytes) -> Iterator[tuple[str | None, Any]]:
    """Events with their payloads: JSON objects as such, anything else as text."""
    splitter = Splitter()
    try:
        frames = [*splitter.feed(body), *splitter.close()]
    except Fault:
        return
    for frame in frames:
        if frame.data is None:
            continue
        try:
            payload = json.loads(frame.data)
        except ValueError:
            payload = frame.data.decode("utf-8", "replace")
        yield frame.event, payload if isinstance(payload, dict) else str(payload)


def _refusal(body: bytes) -> str:
    try:
        payload = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")[:200]
    return _message(payload.get("error") if isinstance(payload, dict) else payload) or ""


def _message(error: Any) -> str | None:
    if error is None:
        return None
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
