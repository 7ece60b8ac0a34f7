"""Answers of the Responses interface: one object, or typed events with gapless sequence numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.simulators import signatures
from tests.simulators.behaviour import fragments
from tests.simulators.prompt import Answer, Prompt
from tests.simulators.reply import Reply

CREATED = 1_790_000_000
Json = dict[str, Any]


def respond(prompt: Prompt, answer: Answer) -> Reply:
    """The answer as sent."""
    if not prompt.stream:
        return Reply(body=final(prompt, answer))
    frames = []
    for number, event in enumerate(_events(prompt, answer)):
        data = json.dumps({**event, "sequence_number": number}, ensure_ascii=False, separators=(",", ":"))
        frames.append(f"event: {event['type']}\ndata: {data}\n\n".encode())
    return Reply(frames=frames, content_type="text/event-stream; charset=utf-8", gap=answer.gap, breaks=answer.breaks)


def identity(prompt: Prompt) -> str:
    """The id of the answer."""
    return f"resp_{prompt.digest[:48]}"


def _object(prompt: Prompt, status: str) -> Json:
    echo = {key: value for key, value in prompt.echo.items() if key != "input"}
    return {
        "id": identity(prompt),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": prompt.model,
        "output": [],
        "usage": None,
        "max_tool_calls": None,
        "top_logprobs": 0,
        "prompt_cache_key": None,
        "safety_identifier": None,
        **echo,
    }


def final(prompt: Prompt, answer: Answer) -> Json:
    """The finished response."""
    filtered = answer.finish == "refusal" and not answer.text
    whole = answer.finish != "length" and not filtered
    response = _object(prompt, "completed" if whole else "incomplete")
    used = answer.usage
    response["output"] = items(prompt, answer)
    response["usage"] = {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": used.cached, "cache_write_tokens": 0},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.input + used.output,
    }
    if whole:
        response["completed_at"] = CREATED + 1
    else:
        response["incomplete_details"] = {"reason": "content_filter" if filtered else "max_output_tokens"}
    return response


def items(prompt: Prompt, answer: Answer) -> list[Json]:
    """The output items in order."""
    out: list[Json] = []
    tail = prompt.digest[:40]
    if answer.thought:
        summary = [{"type": "summary_text", "text": answer.thinking}] if prompt.shows else []
        out.append({"id": f"rs_{tail}", "type": "reasoning", "summary": summary})
        if prompt.marked:
            out[-1]["encrypted_content"] = signatures.issue(
                "responses", prompt.facts.family, "reasoning", prompt.digest
            )
    status = "incomplete" if answer.finish == "length" else "completed"
    if answer.text:
        part: Json = {"type": "output_text", "text": answer.whole_text, "annotations": [], "logprobs": []}
        if answer.finish == "refusal":
            part = {"type": "refusal", "refusal": answer.whole_text}
        out.append(
            {
                "id": f"msg_{tail}",
                "type": "message",
                "role": "assistant",
                "status": "completed" if answer.calls else status,
                "content": [part],
            }
        )
    for number, call in enumerate(answer.calls):
        free = call.name in prompt.free_text
        kind, prefix, field = ("custom_tool_call", "ctc", "input") if free else ("function_call", "fc", "arguments")
        out.append(
            {
                "id": f"{prefix}_{tail}{number:02d}",
                "type": kind,
                "call_id": f"call_{tail[:22]}{number:02d}",
                "name": call.name,
                field: call.arguments,
                "status": "completed" if call.whole else "incomplete",
            }
        )
    return out


def _events(prompt: Prompt, answer: Answer) -> Iterator[Json]:
    yield {"type": "response.created", "response": _object(prompt, "in_progress")}
    yield {"type": "response.in_progress", "response": _object(prompt, "in_progress")}
    for index, item in enumerate(items(prompt, answer)):
        opened = {**item, **OPENED[item["type"]]}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "reasoning":
            yield from _summary(item, place)
        elif item["type"] == "message":
            yield from _message(item, place, answer)
        else:
            yield from _call(item, place)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    done = final(prompt, answer)
    yield {"type": f"response.{done['status']}", "response": done}


OPENED: dict[str, Json] = {
    "reasoning": {"summary": [], "encrypted_content": None},
    "message": {"status": "in_progress", "content": []},
    "function_call": {"status": "in_progress", "arguments": ""},
    "custom_tool_call": {"status": "in_progress", "input": ""},
}


def _summary(item: Json, place: Json) -> Iterator[Json]:
    for number, part in enumerate(item["summary"]):
        where = {**place, "summary_index": number}
        empty = {"type": "summary_text", "text": ""}
        yield {"type": "response.reasoning_summary_part.added", **where, "part": empty}
        for piece in fragments(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **where, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **where, "part": part}


def _message(item: Json, place: Json, answer: Answer) -> Iterator[Json]:
    part = item["content"][0]
    where = {**place, "content_index": 0}
    field = "refusal" if part["type"] == "refusal" else "text"
    extra: Json = {} if field == "refusal" else {"logprobs": []}
    kind = "refusal" if field == "refusal" else "output_text"
    yield {"type": "response.content_part.added", **where, "part": {**part, field: ""}}
    for piece in answer.text:
        yield {"type": f"response.{kind}.delta", **where, "delta": piece, **extra}
    yield {"type": f"response.{kind}.done", **where, field: part[field], **extra}
    yield {"type": "response.content_part.done", **where, "part": part}


def _call(item: Json, place: Json) -> Iterator[Json]:
    free = item["type"] == "custom_tool_call"
    event, field = ("custom_tool_call_input", "input") if free else ("function_call_arguments", "arguments")
    for piece in fragments(item[field]):
        yield {"type": f"response.{event}.delta", **place, "delta": piece}
    if item["status"] == "completed":
        named = {} if free else {"name": item["name"]}
        yield {"type": f"response.{event}.done", **place, field: item[field], **named}
