"""What came of a call, read as its client reads it, and whether that may be. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.router.api.harness import Answer
from tests.soak.calls import ARGUMENTS, TOOL, Wish

Outcome = Literal["whole", "refused", "broken off", "left", "no connection", "truncated", "wrong", "silent"]
GOOD: frozenset[Outcome] = frozenset(("whole", "refused", "broken off", "left"))
"""Those that may always be: the whole answer, an error with a status, a part with an error, and what the client did."""


def _ended(dialect: str, event: str | None, payload: Any) -> bool:
    """Whether a frame says that the answer is finished. A provider may leave out what follows its finish reason, and
    then the raw lane leaves it out as well."""
    if not isinstance(payload, dict):
        return False
    if dialect == "responses":
        return event == "response.completed"
    if dialect == "messages":
        return event == "message_delta" and payload["delta"].get("stop_reason") is not None
    if dialect == "gemini":
        return bool((payload.get("candidates") or [{}])[0].get("finishReason"))
    return bool((payload.get("choices") or [{}])[0].get("finish_reason"))


@dataclass
class Result:
    """One call as its client saw it. Times of `time.monotonic`. call_id: as the router named it, if it did."""

    wish: Wish
    began: float
    ended: float = 0.0
    outcome: Outcome = "silent"
    status: int | None = None
    call_id: str | None = None
    detail: str = field(default="", repr=False)


def judge(wish: Wish, answer: Answer) -> tuple[Outcome, str]:
    """The outcome of an answer that HTTP says is complete, and what is wrong with it."""
    try:
        return _judged(wish, answer)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return "wrong", f"unreadable: {error!r} {answer.body[-300:]!r}"


def _judged(wish: Wish, answer: Answer) -> tuple[Outcome, str]:
    if answer.status != 200:
        return ("refused", "") if "error" in answer.json else ("wrong", f"{answer.status} {answer.body[:200]!r}")
    text = answer.text
    if wish.stream and (error := _error(answer)) is not None:
        return ("broken off", error) if wish.text.startswith(text) else ("wrong", f"error behind {text[-80:]!r}")
    if wish.stream and not any(_ended(wish.dialect, *frame) for frame in answer.frames):
        return "truncated", f"no end and no error: {answer.body[-200:]!r}"
    if text != wish.text:
        return "truncated" if wish.text.startswith(text) else "wrong", f"{len(text)} of {len(wish.text)} characters"
    called = _calls(wish, answer)
    wanted = [(TOOL, ARGUMENTS)] if wish.tools else []
    return ("whole", "") if called == wanted else ("truncated", f"tools {called!r}")


def _error(answer: Answer) -> str | None:
    for event, payload in answer.frames:
        if event == "response.failed":
            return str(payload["response"]["error"])
        if isinstance(payload, dict) and payload.get("error") is not None:
            return str(payload["error"])
    return None


def _calls(wish: Wish, answer: Answer) -> list[tuple[str, Any]]:
    """Names and arguments of the tools that were called."""
    payloads = [payload for _, payload in answer.frames if isinstance(payload, dict)] if wish.stream else [answer.json]
    if wish.dialect == "gemini":
        parts = [
            part
            for payload in payloads
            for part in (payload.get("candidates") or [{}])[0].get("content", {}).get("parts", [])
        ]
        return [
            (part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part
        ]
    if wish.dialect == "responses":
        items = [p["item"] for p in payloads if p.get("type") == "response.output_item.done"]
        items = items if wish.stream else payloads[0]["output"]
        return [(item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]
    if wish.dialect == "messages" and not wish.stream:
        return [(block["name"], block["input"]) for block in payloads[0]["content"] if block["type"] == "tool_use"]
    if wish.dialect == "chat" and not wish.stream:
        made = payloads[0]["choices"][0]["message"].get("tool_calls") or []
        return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]
    names: dict[int, str] = {}
    arguments: defaultdict[int, str] = defaultdict(str)
    for payload in payloads:
        if payload.get("type") == "content_block_start" and payload["content_block"]["type"] == "tool_use":
            names[payload["index"]] = payload["content_block"]["name"]
        elif payload.get("type") == "content_block_delta" and "partial_json" in payload["delta"]:
            arguments[payload["index"]] += payload["delta"]["partial_json"]
        for call in (payload.get("choices") or [{}])[0].get("delta", {}).get("tool_calls") or []:
            names.setdefault(call["index"], call["function"].get("name") or "")
            arguments[call["index"]] += call["function"].get("arguments") or ""
    return [(name, json.loads(arguments[index])) for index, name in names.items()]
