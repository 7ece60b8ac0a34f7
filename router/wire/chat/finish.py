"""Finish reasons of Chat, both directions (`wire.md` 8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.wire.events import Reason

READ: Mapping[str, Reason] = MappingProxyType(
    {
        "stop": "end",
        "end_turn": "end",
        "eos": "end",
        "eos_token": "end",
        "stop_sequence": "stop_sequence",
        "tool_calls": "tools",
        "tool_use": "tools",
        "function_call": "tools",
        "length": "length",
        "max_tokens": "length",
        "model_length": "window",
        "content_filter": "filtered",
        "sensitive": "filtered",
        "malformed_function_call": "broken_call",
    }
)

WRITE: Mapping[Reason, str] = MappingProxyType(
    {
        "end": "stop",
        "stop_sequence": "stop",
        "tools": "tool_calls",
        "length": "length",
        "window": "length",
        "filtered": "content_filter",
        "pause": "stop",
        "broken_call": "stop",
        "other": "stop",
    }
)


def read_finish(word: str, *, called: bool) -> Reason:
    """The neutral reason. called: a complete tool call was seen, so that a plain ``stop`` means that a tool is wanted
    (compatible servers say ``stop`` there); without any call ``tool_calls`` is an ordinary end."""
    reason = READ.get(word.lower(), "other")
    if called and reason in ("end", "other"):
        return "tools"
    if reason == "tools" and not called:
        return "end"
    return reason
