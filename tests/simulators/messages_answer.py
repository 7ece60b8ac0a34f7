"""Answers of Anthropic's Messages interface: one message, or its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.simulators import signatures
from tests.simulators.behaviour import fragments
from tests.simulators.prompt import Answer, Prompt
from tests.simulators.reply import Reply

FINISH = {"end": "end_turn", "stop": "stop_sequence", "tools": "tool_use", "length": "max_tokens", "refusal": "refusal"}
Json = dict[str, Any]


def respond(prompt: Prompt, answer: Answer) -> Reply:
    """The answer as sent."""
    headers = {"request-id": f"req_{prompt.digest[:24]}", "anthropic-organization-id": "org-of-the-account"}
    if not prompt.stream:
        return Reply(body=_message(prompt, answer), headers=headers)
    frames = []
    for event in _events(prompt, answer):
        data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        frames.append(f"event: {event['type']}\ndata: {data}\n\n".encode())
    return Reply(
        frames=frames,
        content_type="text/event-stream; charset=utf-8",
        headers=headers,
        gap=answer.gap,
        breaks=answer.breaks,
    )


def _blocks(prompt: Prompt, answer: Answer) -> list[Json]:
    out: list[Json] = []
    if answer.thought:
        shown = answer.thinking if prompt.shows else ""
        signature = signatures.issue("messages", prompt.facts.family, shown, prompt.digest)
        out.append({"type": "thinking", "thinking": shown, "signature": signature})
        if "REDACTED" in prompt.said:
            data = signatures.issue("messages", prompt.facts.family, "redacted", prompt.digest)
            out[-1] = {"type": "redacted_thinking", "data": data}
    if answer.text:
        out.append({"type": "text", "text": answer.whole_text})
    for number, call in enumerate(answer.calls):
        arguments = json.loads(call.arguments) if call.whole else {}
        out.append(
            {"type": "tool_use", "id": f"toolu_{prompt.digest[:20]}{number:02d}", "name": call.name, "input": arguments}
        )
    return out


def _usage(answer: Answer) -> Json:
    used = answer.usage
    return {
        "input_tokens": used.input - used.cached - used.written,
        "cache_creation_input_tokens": used.written,
        "cache_read_input_tokens": used.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": used.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": used.output,
        "output_tokens_details": {"thinking_tokens": used.reasoning},
        "service_tier": "standard",
    }


def _message(prompt: Prompt, answer: Answer) -> Json:
    return {
        "id": f"msg_{prompt.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": _blocks(prompt, answer),
        "stop_reason": FINISH[answer.finish],
        "stop_sequence": answer.stop,
        "stop_details": None,
        "usage": _usage(answer),
    }


def _events(prompt: Prompt, answer: Answer) -> Iterator[Json]:
    message = _message(prompt, answer)
    start = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**message["usage"], "output_tokens": 1},
    }
    del start["usage"]["output_tokens_details"]
    yield {"type": "message_start", "message": start}
    partial = {f"toolu_{prompt.digest[:20]}{number:02d}": call.arguments for number, call in enumerate(answer.calls)}
    for index, block in enumerate(message["content"]):
        opened = {**block, **OPENED[block["type"]]}
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, answer, partial):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    finish = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"], "stop_details": None}
    yield {"type": "message_delta", "delta": finish, "usage": message["usage"]}
    yield {"type": "message_stop"}


OPENED: dict[str, Json] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
    "redacted_thinking": {},  # arrives whole at its start
}


def _deltas(block: Json, answer: Answer, partial: dict[str, str]) -> Iterator[Json]:
    if block["type"] == "thinking":
        for piece in fragments(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        for piece in answer.text:
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "tool_use":
        arguments = partial[block["id"]]
        if arguments != "{}":  # a call without arguments has no delta at all
            for piece in ["", *fragments(arguments)]:
                yield {"type": "input_json_delta", "partial_json": piece}
