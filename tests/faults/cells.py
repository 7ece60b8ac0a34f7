"""Where a fault can be met: every dialect of a client, both lanes, streamed or not, alone or with another target."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from typing import Literal

from tests.router.api.harness import DIALECTS

Lane = Literal["raw", "translated"]
Situation = Literal["other", "once", "alone"]
SITUATIONS: tuple[Situation, ...] = ("other", "once", "alone")
"""other: whatever is asked first is always broken, another target is well. once: there is one target, whose first
attempt alone is broken. alone: there is one target, and it is always broken."""
TRANSLATED = {"chat": "messages", "responses": "gemini", "messages": "responses", "gemini": "chat"}
"""The dialect of the provider that a client's translated lane leads to."""
MODELS = {"chat": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
PROVIDERS = {"chat": "plain", "responses": "answers", "messages": "anthropic", "gemini": "gemini"}
_KEYS = {"chat": "sk-sim", "responses": "sk-sim", "messages": "sk-ant-sim", "gemini": "AIzaSim"}


@dataclass(frozen=True, slots=True, repr=False)
class Cell:
    """One call that meets a fault. It has a model and a key of its own, so that cells can run side by side."""

    dialect: str
    lane: Lane
    stream: bool
    situation: Situation

    def __repr__(self) -> str:
        return self.name

    @property
    def upstream(self) -> str:
        """The dialect of the target that is asked first."""
        return self.dialect if self.lane == "raw" else TRANSLATED[self.dialect]

    @property
    def upstream_streams(self) -> bool:
        """Whether that target is asked for a stream: a translated answer is always read as one."""
        return self.stream or self.lane == "translated"

    @property
    def provider(self) -> str:
        return PROVIDERS[self.upstream]

    @property
    def name(self) -> str:
        """The model as the client asks for it."""
        return "-".join((self.dialect, self.lane, "streamed" if self.stream else "whole", self.situation))

    @property
    def model(self) -> str:
        return f"{MODELS[self.upstream]}-for-{self.name}"

    @property
    def key(self) -> str:
        """The credential of the target that is asked first, and of no other cell."""
        return f"{_KEYS[self.upstream]}-{sha256(self.name.encode()).hexdigest()[:40]}"

    @property
    def spare(self) -> str:
        """The other target, of another dialect than the first."""
        return "spare-claude/claude-sonnet-4-5" if self.upstream in ("chat", "responses") else "spare-gpt/gpt-4.1"

    @property
    def targets(self) -> list[str]:
        first = f"{self.provider}/{self.model}"
        return [first, self.spare] if self.situation == "other" else [first]


CELLS = tuple(
    Cell(dialect, lane, stream, situation)
    for dialect, lane, stream, situation in product(DIALECTS, ("raw", "translated"), (True, False), SITUATIONS)
)
