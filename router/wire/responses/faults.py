"""Responses' faults: the envelope of OpenAI, and the two events that end a broken stream."""

from __future__ import annotations

from router.faults import Fault
from router.wire import openai_errors
from router.wire.conversation import JsonObject
from router.wire.dialect import StreamReader
from router.wire.responses.stream_reader import ResponsesStreamReader
from router.wire.sse import typed_frame

read_fault = openai_errors.read
render_fault = openai_errors.render

_STREAM_CODES = frozenset(
    {"rate_limit_exceeded", "server_is_overloaded", "context_length_exceeded", "insufficient_quota", "invalid_prompt"}
)
"""Codes of `response.error` that clients act on (``codex-rs``); everything else is ``server_error``."""


def error_event(fault: Fault, sequence: int) -> JsonObject:
    """Flat, as documented, and nested, as the SDKs raise it: the flat keys alone raise nothing in them."""
    error = openai_errors.error_body(fault)
    flat = {"code": error["code"], "message": error["message"], "param": error["param"]}
    return {"type": "error", "sequence_number": sequence, **flat, "error": error}


def failure(fault: Fault) -> JsonObject:
    """``response.error`` of a failed response."""
    code = openai_errors.error_body(fault)["code"]
    return {"code": code if code in _STREAM_CODES else "server_error", "message": fault.message}


def stream_failure(fault: Fault, reader: StreamReader) -> list[bytes]:
    """The raw lane's end of a broken stream: same response id, sequence numbers without a gap."""
    number = reader.sequence + 1
    created = 0
    if isinstance(reader, ResponsesStreamReader):
        created = reader.created_at
        if not reader.any:
            number = 0
    response = {
        "id": reader.response_id,
        "object": "response",
        "created_at": created,
        "status": "failed",
        "error": failure(fault),
        "incomplete_details": None,
        "model": reader.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    last = {"type": "response.failed", "sequence_number": number + 1, "response": response}
    return [typed_frame(error_event(fault, number)), typed_frame(last)]
