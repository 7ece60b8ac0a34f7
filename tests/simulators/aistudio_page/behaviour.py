"""The mind behind the stand-in: words in the prompt direct the answer, so that every test can foretell it.

`THINK` thinks first, `TOOLS name {json}` calls, `LONG n` gives n words, `GAP ms` between pieces, `FIRST ms` before the
first, `STALL` stops answering after two pieces, `LENGTH` ends at the limit, `MARKDOWN` and `BRACKETS` give awkward
text, `TWOPARTS` puts a thought and text into one frame, `SETTINGS` reports what the page was set to. `QUOTA`, `FREE`,
`RATE`, `MODELERROR`, `TOAST` fail. Everything else is echoed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.simulators.aistudio_page import wire

MARKDOWN = "# Title\n\nSome **bold** and `code`.\n\n- one\n- two\n\n```python\nprint('<b>')\n```\n\nThe end."
BRACKETS = 'A tricky text: ]],"model"] and [null,"x"] and "quotes\\" and \u00e9\U0001f469\u200d\U0001f680 end.'
FAILURES = {
    "QUOTA": (429, "quota", "You've reached your limit: user has exceeded quota. Please try again later."),
    "FREE": (429, "free", "You are out of free generations for today."),
    "RATE": (429, "toast", "Failed to generate content: too many requests, rate limit reached."),
    "MODELERROR": (200, "model", "An internal error has occurred."),
    "TOAST": (500, "toast", "Failed to generate content. Please try again."),
}


@dataclass(frozen=True)
class Answer:
    """What is streamed. gap, first: seconds. stalls: after so many frames. failure: (status, place, words)."""

    frames: tuple[str, ...] = ()
    gap: float = 0.01
    first: float = 0.0
    stalls: int | None = None
    failure: tuple[int, str, str] | None = None


def answer(prompt: str, received: dict[str, Any]) -> Answer:
    for word, failure in FAILURES.items():
        if re.search(rf"\b{word}\b", prompt):
            return Answer(failure=failure)
    gap, first = _number(prompt, "GAP", 10) / 1000, _number(prompt, "FIRST", 0) / 1000
    stalls = 2 if re.search(r"\bSTALL\b", prompt) else None
    pieces = [wire.text(piece) for piece in _pieces(_text(prompt, received))]
    thoughts = [wire.thought("Let me think "), wire.thought("about this. ")] if re.search(r"\bTHINK\b", prompt) else []
    called = _call(prompt)
    calls = [wire.call(*called)] if called else []
    used = max(1, len(prompt) // 4)
    groups = [[part] for part in [*thoughts, *pieces, *calls]]
    if "TWOPARTS" in prompt:
        groups = [[wire.thought("Both at once. "), wire.text("Two ")], [wire.text("parts "), wire.text("here.")]]
    frames = []
    for number, group in enumerate(groups, 1):
        last = number == len(groups)
        finish = 2 if last and re.search(r"\bLENGTH\b", prompt) else None
        spent = len(thoughts) * 3
        frames.append(wire.chunk(group, [used, number, used + number + spent], finish))
    return Answer(tuple(frames), gap, first, stalls)


def _text(prompt: str, received: dict[str, Any]) -> str:
    if re.search(r"\bSETTINGS\b", prompt):
        return json.dumps(received, sort_keys=True)
    if "MARKDOWN" in prompt:
        return MARKDOWN
    if "BRACKETS" in prompt:
        return BRACKETS
    words = int(_number(prompt, "LONG", 0))
    if words:
        return " ".join(f"word{number}" for number in range(words))
    if _call(prompt):
        return ""
    return f"You said: {prompt.strip().splitlines()[-1] if prompt.strip() else ''}"


def _call(prompt: str) -> tuple[str, dict[str, Any]] | None:
    found = re.search(r"\bTOOLS (\w+) (\{.*\})", prompt)
    return (found[1], json.loads(found[2])) if found else None


def _pieces(text: str, size: int = 12) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _number(prompt: str, word: str, otherwise: float) -> float:
    found = re.search(rf"\b{word} (\d+)\b", prompt)
    return float(found[1]) if found else otherwise
