"""An answer as OpenAI's Chat Completions, whole or in chunks. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from router.faults import Fault
from router.wire import openai_errors
from router.wire.sse import DONE_FRAME, data_frame
from services.webai.asking import Picture, Piece
from services.webai.tools import Called

ESTIMATED = "usage is an estimate: a web page counts no tokens"
_LETTERS = 4
"""Characters that count as one token."""


class Head(Struct, frozen=True, kw_only=True):
    """What all chunks share. created: wall time."""

    id: str
    model: str
    created: int


def usage(prompt: str, answer: str, thinking: str = "") -> dict[str, Any]:
    """Token counts, estimated from the length."""
    asked, reasoned = -(-len(prompt) // _LETTERS), -(-len(thinking) // _LETTERS)
    answered = -(-len(answer) // _LETTERS) + reasoned
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "completion_tokens_details": {"reasoning_tokens": reasoned},
        "estimated": True,
    }


def whole(head: Head, answer: Gathered, counted: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The body of an unstreamed answer. extra: further members, such as `conversation_id`."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    if answer.pictures:
        message["images"] = [image(each) for each in answer.pictures]
    if answer.calls:
        message["tool_calls"] = _calls(head, answer.calls)
    elif message["content"] is None:
        message["content"] = ""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer.calls)}
    return {**_members(head, "chat.completion"), "choices": [choice], "usage": counted, **extra}


def started(head: Head) -> bytes:
    """The first chunk."""
    return _chunk(head, {"role": "assistant", "content": ""}, None)


def piece(head: Head, new: Piece) -> Iterator[bytes]:
    """The chunks of one piece."""
    if new.thinking:
        yield _chunk(head, {"reasoning_content": new.thinking}, None)
    if new.text:
        yield _chunk(head, {"content": new.text}, None)
    if new.picture is not None:
        yield _chunk(head, {"images": [image(new.picture)]}, None)


def called(head: Head, made: list[Called]) -> bytes:
    """The chunk with emulated calls."""
    listed = [{"index": place, **each} for place, each in enumerate(_calls(head, made))]
    return _chunk(head, {"tool_calls": listed}, None)


def ended(head: Head, made: list[Called], counted: dict[str, Any] | None, extra: dict[str, Any]) -> Iterator[bytes]:
    """The last chunks. counted: None where the client wants none."""
    yield _chunk(head, {}, _finish(made), **extra)
    if counted is not None:
        yield data_frame({**_members(head, "chat.completion.chunk"), "choices": [], "usage": counted})
    yield DONE_FRAME


def failed(fault: Fault) -> bytes:
    """The frame of an error in mid-stream; no `[DONE]` follows, so that a cut is no success."""
    return data_frame({"error": openai_errors.error_body(fault)})


class Gathered(Struct):
    """An answer, whole."""

    text: str = ""
    thinking: str = ""
    pictures: list[Picture] = []
    calls: list[Called] = []


def _members(head: Head, kind: str) -> dict[str, Any]:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model}


def _chunk(head: Head, delta: dict[str, Any], finish: str | None, **extra: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data_frame({**_members(head, "chat.completion.chunk"), "choices": [choice], **extra})


def _calls(head: Head, made: list[Called]) -> list[dict[str, Any]]:
    stem = head.id.rpartition("-")[2]
    return [
        {
            "id": f"call_{stem}{place}",
            "type": "function",
            "function": {"name": each.name, "arguments": each.arguments},
        }
        for place, each in enumerate(made)
    ]


def image(picture: Picture) -> dict[str, Any]:
    """A picture as OpenRouter writes it in a message."""
    url = picture.url
    if picture.data:
        url = f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _finish(made: list[Called]) -> str:
    return "tool_calls" if made else "stop"
