"""Why an answer ended, both ways (`wire.md` 8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.wire.conversation import JsonObject
from router.wire.events import Finished, Reason

_REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "end_turn": "end",
        "stop_sequence": "stop_sequence",
        "tool_use": "tools",
        "max_tokens": "length",
        "model_context_window_exceeded": "window",
        "refusal": "filtered",
        "pause_turn": "pause",
        "compaction": "pause",
    }
)
STOP_REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        "end": "end_turn",
        "stop_sequence": "stop_sequence",
        "tools": "tool_use",
        "length": "max_tokens",
        "window": "model_context_window_exceeded",
        "filtered": "refusal",
        "pause": "pause_turn",
        "broken_call": "end_turn",
        "other": "end_turn",
    }
)
"""Only words that every client's parser knows: an unknown one ends some of them."""


def read_finish(message: JsonObject) -> Finished | None:
    """From a whole message or from ``message_delta.delta``; None while there is no reason yet."""
    reason = message.get("stop_reason")
    if not isinstance(reason, str) or not reason:
        return None
    sequence = message.get("stop_sequence")
    return Finished(
        reason=_REASONS.get(reason, "other"),
        stop_sequence=sequence if isinstance(sequence, str) else None,
        detail=_detail(message.get("stop_details")),
    )


def _detail(details: Any) -> str | None:
    if not isinstance(details, dict):
        return None
    for key in ("explanation", "category"):
        value = details.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def stop_fields(reason: Reason, stop_sequence: str | None) -> JsonObject:
    """``stop_reason`` and ``stop_sequence`` for an answer."""
    return {
        "stop_reason": STOP_REASONS[reason],
        "stop_sequence": stop_sequence if reason == "stop_sequence" else None,
    }
