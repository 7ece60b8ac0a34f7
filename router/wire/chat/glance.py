"""An unstreamed answer looked at, not read: what a record needs of it, where nothing in it needs more."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from router.wire.capabilities import Capabilities
from router.wire.chat.finish import read_finish
from router.wire.chat.usage import read_usage
from router.wire.conversation import JsonObject
from router.wire.events import Ended, Event, Finished, Started, UsageReported


class _Choice(Struct):
    finish_reason: str


class _Reply(Struct):
    choices: list[_Choice]
    id: str = ""
    model: str = ""
    usage: JsonObject | None = None
    service_tier: Any = None


_decode = msgspec.json.Decoder(_Reply).decode


def glance(body: bytes, capabilities: Capabilities) -> list[Event] | None:
    """The start, the finish, the usage and the end; None where the answer must be read (an error, a call, a
    signature, several choices, no usage, an odd shape). The whole text is checked to be JSON."""
    if b'"tool_calls"' in body or b'"function_call"' in body or b'"error"' in body or b'"extra_content"' in body:
        return None
    try:
        reply = _decode(body)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if len(reply.choices) != 1 or reply.choices[0].finish_reason == "" or reply.usage is None:
        return None
    outside = capabilities.reasoning_outside_output
    return [
        Started(response_id=reply.id, model=reply.model),
        Finished(read_finish(reply.choices[0].finish_reason, called=False)),
        UsageReported(read_usage(reply.usage, reasoning_outside=outside, tier=reply.service_tier)),
        Ended(),
    ]
