"""Answers of Gemini: whole GenerateContentResponses, one or several."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.simulators import signatures
from tests.simulators.behaviour import fragments
from tests.simulators.images import PNG
from tests.simulators.prompt import Answer, Prompt
from tests.simulators.reply import Reply

FINISH = {"end": "STOP", "stop": "STOP", "tools": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}
Json = dict[str, Any]


def respond(prompt: Prompt, answer: Answer, *, sse: bool = True) -> Reply:
    """The answer as sent: one object, events, or one growing array."""
    if not prompt.stream:
        return Reply(body=_whole(prompt, answer), content_type="application/json; charset=UTF-8")
    chunks = [json.dumps(chunk, ensure_ascii=False).encode() for chunk in _chunks(prompt, answer)]
    if sse:
        frames = [b"data: " + chunk + b"\r\n\r\n" for chunk in chunks]
        return Reply(frames=frames, content_type="text/event-stream", gap=answer.gap, breaks=answer.breaks)
    frames = [(b"[" if number == 0 else b",\r\n") + chunk for number, chunk in enumerate(chunks)]
    return Reply(
        frames=[*frames, b"]"],
        content_type="application/json; charset=UTF-8",
        gap=answer.gap,
        breaks=answer.breaks,
        array=True,
    )


def _usage(answer: Answer) -> Json:
    used = answer.usage
    out: Json = {
        "promptTokenCount": used.input,
        "candidatesTokenCount": used.output - used.reasoning,
        "totalTokenCount": used.input + used.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}],
    }
    if used.cached:
        out["cachedContentTokenCount"] = used.cached
    if used.reasoning:
        out["thoughtsTokenCount"] = used.reasoning
    return out


def _sign(prompt: Prompt, subject: str) -> str:
    return signatures.issue("gemini", prompt.facts.family, subject, prompt.digest)


def _calls(prompt: Prompt, answer: Answer) -> list[Json]:
    """Calls are whole or not there: a call that was cut off does not appear. Only the first is signed."""
    parts: list[Json] = []
    signs = answer.thought or prompt.facts.must_sign
    for number, call in enumerate(call for call in answer.calls if call.whole):
        part: Json = {"functionCall": {"name": call.name, "args": json.loads(call.arguments)}}
        if prompt.facts.must_sign:
            part["functionCall"]["id"] = f"fc{prompt.digest[:6]}{number}"
        if signs and number == 0:
            part["thoughtSignature"] = _sign(prompt, f"call:{call.name}")
        parts.append(part)
    return parts


def _whole(prompt: Prompt, answer: Answer) -> Json:
    parts: list[Json] = []
    if prompt.shows and answer.thinking:
        parts.append({"text": answer.thinking, "thought": True})
    if answer.text and answer.finish != "refusal":
        parts.append({"text": answer.whole_text})
        if answer.thought and not answer.calls:
            parts[-1]["thoughtSignature"] = _sign(prompt, "text")
    parts.extend(_calls(prompt, answer))
    if "IMAGE" in prompt.echo["modalities"]:
        parts.append({"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}})
    return _response(prompt, answer, parts, FINISH[answer.finish])


def _response(prompt: Prompt, answer: Answer, parts: list[Json], finish: str | None, *, used: bool = True) -> Json:
    if answer.finish == "refusal" and not answer.text:  # the prompt was blocked: no candidates at all
        blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 1}}
        return {**blocked, "modelVersion": prompt.model, "responseId": prompt.digest[:22]}
    candidate: Json = {"index": 0}
    if parts or finish is None:
        candidate["content"] = {"parts": parts, "role": "model"}
    if finish is not None:
        candidate["finishReason"] = finish
    if finish == "SAFETY":
        candidate["safetyRatings"] = [
            {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        ]
    candidates = [{**candidate, "index": number} for number in range(prompt.echo["n"])]
    out: Json = {"candidates": candidates}
    if used:
        out["usageMetadata"] = _usage(answer)
    return {**out, "modelVersion": prompt.model, "responseId": prompt.digest[:22]}


def _chunks(prompt: Prompt, answer: Answer) -> Iterator[Json]:
    # The second chunk has no usage: its absence must not reset what was counted.
    frames: list[list[Json]] = []
    if prompt.shows and answer.thinking:
        frames.extend([{"text": piece, "thought": True}] for piece in fragments(answer.thinking, 2))
    if answer.finish != "refusal":
        frames.extend([{"text": piece}] for piece in answer.text)
    if calls := _calls(prompt, answer):
        frames.append(calls)
    for number, parts in enumerate(frames):
        yield _response(prompt, answer, parts, None, used=number != 1)
    last: list[Json] = []
    if answer.thought and not answer.calls:
        last = [{"text": "", "thoughtSignature": _sign(prompt, "text")}]
    yield _response(prompt, answer, last, FINISH[answer.finish])
