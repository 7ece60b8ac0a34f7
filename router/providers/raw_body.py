"""What the raw lane sends: the caller's own top-level values; only the model and a wish for usage are changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec import Struct

from router.call import Call
from router.faults import bad_request
from router.routing.plan import Candidate, Plan
from router.wire import codec, sse
from router.wire.conversation import Dialect, JsonObject
from router.wire.item_ids import MARK
from router.wire.opaque import PREFIX

_OURS = b'"' + PREFIX.encode()
_OURS_IN_BASE64 = b'"' + base64.b64encode(PREFIX.encode())[:5]  # Gemini's signatures are base64 of whatever they are
_OUR_ID = re.compile(rb'"[a-z]{1,8}_' + MARK.encode())
_MODEL_IN_BODY: Mapping[Dialect, bool] = MappingProxyType(
    {"chat": True, "responses": True, "messages": True, "gemini": False}
)


class RawBody(Struct, frozen=True):
    """body: what is sent. drop: which frames of the answer the caller did not ask for."""

    body: bytes
    drop: Callable[[sse.Frame], bool] | None = None


def carries_ours(dialect: Dialect, body: bytes) -> bool:
    """Whether a body carries opaque bytes or item ids that only this gateway understands: its reader unwraps or drops
    them, and no provider ever sees one. May be wrong for a text that quotes them, which costs only the raw lane."""
    if _OURS in body or (dialect == "gemini" and _OURS_IN_BASE64 in body):
        return True
    return dialect == "responses" and _OUR_ID.search(body) is not None


def raw_body(call: Call, plan: Plan, candidate: Candidate) -> RawBody | None:
    """The body for the raw lane; None where this call cannot take it: another dialect, a thinking suffix, or
    something of our own in it (`carries_ours`). Raises `Fault` bad_request for unreadable JSON."""
    if candidate.lane != "raw" or plan.reasoning is not None or carries_ours(call.dialect, call.body):
        return None
    changes: JsonObject = {}
    drop = None
    if _MODEL_IN_BODY[call.dialect]:
        changes["model"] = candidate.model
    if call.dialect == "chat" and call.stream and candidate.capabilities.stream_usage:
        wish = _usage_wish(call.body)
        if wish is not None:
            changes["stream_options"] = wish
            drop = _is_usage_chunk
    try:
        return RawBody(codec.replace_top_level(call.body, changes), drop)
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error


def _usage_wish(body: bytes) -> JsonObject | None:
    """`stream_options` that also ask for usage, which we meter by; None where the caller asked for it already."""
    if b'"stream_options"' not in body:
        return {"include_usage": True}
    options = codec.top_level(body, "stream_options")
    if options is None:
        return {"include_usage": True}
    if not isinstance(options, dict) or options.get("include_usage") is True:
        return None
    return {**options, "include_usage": True}


def _is_usage_chunk(frame: sse.Frame) -> bool:
    data = frame.data
    if data is None or len(data) > 4096 or (b'"choices":[]' not in data and b'"choices": []' not in data):
        return False
    payload = codec.loads(data)
    return isinstance(payload, dict) and payload.get("choices") == [] and isinstance(payload.get("usage"), dict)
