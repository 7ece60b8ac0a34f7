"""Why Gemini stopped, both ways. Source: ``Candidate.FinishReason`` of google/ai/generativelanguage/v1beta."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.wire.events import Reason

_READ: Mapping[str, Reason] = MappingProxyType(
    {
        "STOP": "end",
        "MAX_TOKENS": "length",
        **dict.fromkeys(
            (
                "SAFETY",
                "RECITATION",
                "LANGUAGE",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
            ),
            "filtered",
        ),
        **dict.fromkeys(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"), "broken_call"),
    }
)
WRITTEN: Mapping[Reason, str] = MappingProxyType(
    {
        "end": "STOP",
        "stop_sequence": "STOP",
        "tools": "STOP",
        "length": "MAX_TOKENS",
        "window": "MAX_TOKENS",
        "filtered": "SAFETY",
        "pause": "STOP",
        "broken_call": "MALFORMED_FUNCTION_CALL",
        "other": "STOP",
    }
)
"""`other` is STOP: SDKs of this dialect refuse a reason that they do not know, and OTHER counts as a failure there."""


def read(reason: str, *, called: bool) -> Reason:
    """called: a complete call was seen, which turns STOP into `tools`. Unknown reasons never raise."""
    if reason == "STOP" and called:
        return "tools"
    found = _READ.get(reason)
    if found is not None:
        return found
    if reason.endswith("_CALL") or reason.startswith(("MALFORMED_", "MISSING_")):
        return "broken_call"
    return "other"
