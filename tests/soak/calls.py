"""What the soak's clients ask, and what the whole answer is. Pure: chance is passed in."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

from tests.router.api.harness import DIALECTS, MODELS, OTHER, ask
from tests.simulators import values
from tests.simulators.behaviour import PREFACE

Temper = Literal["reads", "slow", "leaves"]
SERVICE_MODEL = "gemini-2.5-flash-aistudio"
ALIAS = "several"
"""Three providers after one another, so that an answer that breaks off can be rescued."""
TARGETS = ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"]
TOOL = "lookup"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ARGUMENTS = values.example(SCHEMA, TOOL)
_WHAT = "Looks a city up."
_DECLARED: dict[str, Any] = {
    "chat": [{"type": "function", "function": {"name": TOOL, "description": _WHAT, "parameters": SCHEMA}}],
    "responses": [{"type": "function", "name": TOOL, "description": _WHAT, "parameters": SCHEMA}],
    "messages": [{"name": TOOL, "description": _WHAT, "input_schema": SCHEMA}],
    "gemini": [{"functionDeclarations": [{"name": TOOL, "description": _WHAT, "parameters": SCHEMA}]}],
}


@dataclass(frozen=True, slots=True)
class Wish:
    """One call. number: names it everywhere. patience: pieces (or tenths of a second before the first) that a client
    who leaves waits for."""

    number: int
    dialect: str
    model: str
    stream: bool
    tools: bool
    temper: Temper
    words: int
    gap: int
    patience: int

    @property
    def mark(self) -> str:
        """Stands in the prompt and in the user agent."""
        return f"call-{self.number:07}"

    @property
    def text(self) -> str:
        """The whole text of the answer."""
        return PREFACE if self.tools else "".join(f"word-{number:06} " for number in range(self.words))

    def request(self) -> tuple[str, Any]:
        """Path and body."""
        prompt = f"TOOLS {TOOL}" if self.tools else f"LONG {self.words} GAP {self.gap}"
        more = {"tools": _DECLARED[self.dialect]} if self.tools else {}
        return ask(self.dialect, self.model, f"{prompt} {self.mark}", stream=self.stream, **more)


def wish(number: int, chance: random.Random) -> Wish:
    """The next call of a client."""
    dialect = chance.choice(DIALECTS)
    model = chance.choice((MODELS[dialect], OTHER[dialect], ALIAS, ALIAS, SERVICE_MODEL))
    stream = chance.random() < 0.7
    temper: Temper = chance.choices(("reads", "slow", "leaves"), (70, 15, 15))[0]
    return Wish(
        number,
        dialect,
        model,
        stream,
        tools=chance.random() < 0.15,
        temper=temper if stream or temper == "leaves" else "reads",
        words=chance.choice((5, 40, 80)),
        gap=chance.choice((0, 4, 10)),
        patience=chance.randrange(8),
    )
