"""How one chat goes, as data, and the frames that it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

TEXT = "The train leaves at nine. Grüße — 你好 — 🚂 rolls on."
Ending = Literal["end", "cut", "reset", "stall", "error", "silence", "malformed", "cancelled", "binary", "goodbye"]


@dataclass(frozen=True, kw_only=True)
class Play:
    """updates: each ``update`` holds what is new, the whole so far, or first the one and then, at the end, the whole.

    thinking: text before the answer. size: characters of a piece. echo: the user's message comes back first. idle: the
    state that a fresh socket sends. label: the chat gets a name in the middle. after: updates before the ending, None:
    all. ending: ``silence`` is a state that ends a task without an answer, ``goodbye`` a proper close in the middle.
    pings: the server asks "ping" and goes on only after "pong". error: what the error frame says. status, refusal: of
    the chat's own request instead of a success.
    """

    text: str = TEXT
    thinking: str = ""
    updates: Literal["delta", "snapshot", "final"] = "delta"
    size: int = 7
    echo: bool = True
    idle: bool = True
    label: bool = True
    after: int | None = None
    ending: Ending = "end"
    pings: bool = False
    error: str = "The agent failed."
    status: int | None = None
    refusal: Any = None


def opening(play: Play) -> Iterator[str]:
    """What a fresh socket gets."""
    yield _frame("history", history=[])
    if play.idle:
        yield _frame("state", state={"inProgress": False, "cancelled": False, "taskId": None})


def begun(play: Play, prompt: str) -> Iterator[str]:
    """What comes between the request and the first piece."""
    if play.echo:
        echoed = {"id": "1a931d50", "role": "user", "content": [{"type": "text", "text": prompt}]}
        yield _frame("update", buffer=json.dumps(echoed) + "\n")
    yield _frame("state", state={"inProgress": True, "cancelled": False, "taskId": "task_1"})


def pieces(play: Play) -> Iterator[str]:
    """The updates."""
    made = [*_buffers("thinking", "msg_0", play.thinking, play), *_buffers("chat", "msg_1", play.text, play)]
    for number, buffer in enumerate(made if play.after is None else made[: play.after]):
        yield _frame("update", buffer=json.dumps(buffer) + "\n")
        if play.label and number == 0:
            yield _frame("label", label="A chat about trains")


def ended(play: Play) -> Iterator[str]:
    """The frames of an ending that has any."""
    if play.ending in ("end", "silence", "cancelled"):
        yield _frame("state", state={"inProgress": False, "cancelled": play.ending == "cancelled", "taskId": "task_1"})
    elif play.ending == "error":
        yield _frame("error", error={"message": play.error})
    elif play.ending == "malformed":
        yield '{"type":"update","buffer":"{\\"id\\":\\"msg_1\\",\\"type\\":\\"chat\\",\\"chat'


def _buffers(kind: str, name: str, text: str, play: Play) -> Iterator[dict[str, Any]]:
    for start in range(0, len(text), play.size):
        end = start + play.size
        content = text[:end] if play.updates == "snapshot" else text[start:end]
        yield {"id": name, "type": kind, "chat": {"content": content}}
    if text and play.updates == "final":
        yield {"id": name, "type": kind, "chat": {"content": text}}


def _frame(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)
