"""Chat Completions answers: one object, or chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.simulators.behaviour import fragments
from tests.simulators.prompt import Answer, Prompt
from tests.simulators.reply import Reply

FINISH = {"end": "stop", "stop": "stop", "tools": "tool_calls", "length": "length", "refusal": "content_filter"}
CREATED = 1_790_000_000
DONE = b"data: [DONE]\n\n"


def respond(prompt: Prompt, answer: Answer) -> Reply:
    """The answer as sent."""
    if not prompt.stream:
        return Reply(body=_whole(prompt, answer))
    frames = [_frame(chunk, halves=answer.halves) for chunk in _chunks(prompt, answer)]
    return Reply(
        frames=[*frames, DONE], content_type="text/event-stream; charset=utf-8", gap=answer.gap, breaks=answer.breaks
    )


def _frame(chunk: dict[str, Any], *, halves: bool) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=halves, separators=(",", ":")).encode() + b"\n\n"


def _head(prompt: Prompt, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{prompt.digest[:24]}",
        "object": kind,
        "created": CREATED,
        "model": prompt.model,
        "service_tier": prompt.echo["service_tier"],
        "system_fingerprint": "fp_sim",
    }


def _finish(answer: Answer) -> str:
    """A refusal in words is the model's own and ends with stop; without words the filter has spoken."""
    return "stop" if answer.finish == "refusal" and answer.text else FINISH[answer.finish]


def _calls(prompt: Prompt, answer: Answer) -> list[dict[str, Any]]:
    calls = []
    for number, call in enumerate(answer.calls):
        free = call.name in prompt.free_text
        kind, field = ("custom", "input") if free else ("function", "arguments")
        calls.append(
            {
                "id": f"call_{prompt.digest[:20]}{number:02d}",
                "type": kind,
                kind: {"name": call.name, field: call.arguments},
            }
        )
    return calls


def usage(answer: Answer) -> dict[str, Any]:
    """Usage in the names of Chat Completions."""
    used = answer.usage
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _whole(prompt: Prompt, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.whole_text or None,
        "refusal": None,
        "annotations": [],
    }
    if answer.finish == "refusal" and answer.text:
        message.update(content=None, refusal=answer.whole_text)
    if answer.calls:
        message["tool_calls"] = _calls(prompt, answer)
    if prompt.shows and answer.thinking:
        message["reasoning_content"] = answer.thinking
    finish = _finish(answer)
    choices = [
        {"index": number, "message": message, "logprobs": None, "finish_reason": finish}
        for number in range(prompt.echo["n"])
    ]
    return {**_head(prompt, "chat.completion"), "choices": choices, "usage": usage(answer)}


def _chunks(prompt: Prompt, answer: Answer) -> Iterator[dict[str, Any]]:
    head = _head(prompt, "chat.completion.chunk")
    with_usage: dict[str, Any] = {"usage": None} if prompt.echo["include_usage"] else {}

    def chunk(delta: dict[str, Any], index: int, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **with_usage}

    for index in range(prompt.echo["n"]):
        yield chunk({"role": "assistant", "content": "", "refusal": None}, index)
        for piece in fragments(answer.thinking) if prompt.shows else ():
            yield chunk({"reasoning_content": piece}, index)
        field = "refusal" if answer.finish == "refusal" else "content"
        for piece in _halve(answer.text) if answer.halves else answer.text:
            yield chunk({field: piece}, index)
        for delta in _interleaved(_calls(prompt, answer)):
            yield chunk({"tool_calls": [delta]}, index)
        finish = _finish(answer)
        yield chunk({}, index, finish)
    if prompt.echo["include_usage"]:
        yield {**head, "choices": [], "usage": usage(answer)}


def _interleaved(calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Heads in order, then the fragments of all calls in turn: parallel calls of Chat may interleave."""
    pieces = []
    for number, call in enumerate(calls):
        kind = call["type"]
        field = "input" if kind == "custom" else "arguments"
        yield {"index": number, "id": call["id"], "type": kind, kind: {"name": call[kind]["name"], field: ""}}
        pieces.append([{"index": number, kind: {field: piece}} for piece in fragments(call[kind][field])])
    for turn in range(max((len(one) for one in pieces), default=0)):
        for one in pieces:
            if turn < len(one):
                yield one[turn]


def _halve(text: tuple[str, ...]) -> Iterator[str]:
    """Characters outside the basic plane as two halves of a surrogate pair in two deltas."""
    for piece in text:
        held = ""
        for letter in piece:
            if ord(letter) <= 0xFFFF:
                held += letter
                continue
            point = ord(letter) - 0x10000
            yield held + chr(0xD800 + (point >> 10))
            held = chr(0xDC00 + (point & 0x3FF))
        yield held
