"""The output items that a writer builds."""

from __future__ import annotations

from router.wire import item_ids, opaque
from router.wire.conversation import JsonObject, Opaque

PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "image_generation_call": "ig_",
}
REDACTED = "redacted"
"""As `Opaque.id` inside our own prefix: these bytes were an Anthropic ``redacted_thinking``."""


def item_id(kind: str, response_id: str, index: int) -> str:
    return item_ids.item_id(PREFIXES[kind], response_id, index)


def encrypted(kept: Opaque, *, redacted: bool = False) -> str:
    """What stands in ``encrypted_content``: native bytes as they are, foreign ones with our prefix."""
    if kept.dialect == "responses":
        return kept.data
    if redacted:
        kept = Opaque(kept.dialect, kept.data, model=kept.model, id=REDACTED)
    return opaque.wrap(kept)


def message(identity: str) -> JsonObject:
    return {"type": "message", "id": identity, "status": "in_progress", "role": "assistant", "content": []}


def reasoning(identity: str) -> JsonObject:
    return {"type": "reasoning", "id": identity, "summary": []}


def call(identity: str, kind: str, call_id: str, name: str, namespace: str | None) -> JsonObject:
    written = "input" if kind == "custom_tool_call" else "arguments"
    item: JsonObject = {"type": kind, "id": identity, "status": "in_progress", "call_id": call_id, "name": name}
    if namespace is not None:
        item["namespace"] = namespace
    return {**item, written: ""}


def image(identity: str, data: str, media_type: str) -> JsonObject:
    form = media_type.partition("/")[2]
    return {
        "type": "image_generation_call",
        "id": identity,
        "status": "completed",
        "output_format": form,
        "result": data,
    }
