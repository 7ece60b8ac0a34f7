"""What a checked request asks for, in the simulators' own words, whatever its dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.models import Model


@dataclass(frozen=True, slots=True)
class Result:
    """One tool result of the last turn."""

    call_id: str
    name: str
    text: str
    failed: bool = False


@dataclass(slots=True, kw_only=True)
class Prompt:
    """The request.

    digest: hex, of the whole body: ids derive from it. said: text of the last user turn that has any (without tool
    results). steps: answers with calls since then. results: of the last turn. everything: all text, for counting.
    turns: number of turns. tools: name -> schema. forced: "" (free), "*" (any tool), "-" (none) or a name.
    thinks: the request lets the model think. shows: and wants to read it. marked: cache marks present.
    begun: the beginning of the answer, behind which the model goes on.
    """

    dialect: str
    model: str
    facts: Model
    digest: str
    said: str = ""
    system: str = ""
    everything: str = ""
    turns: int = 1
    steps: int = 0
    answered: bool = False
    media: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    tools: Mapping[str, Any] = field(default_factory=dict)
    free_text: frozenset[str] = frozenset()
    forced: str = ""
    parallel: bool = True
    thinks: bool = False
    always_thinks: bool = False
    shows: bool = False
    limit: int | None = None
    stops: tuple[str, ...] = ()
    schema: Any = None
    wants_json: bool = False
    marked: bool = False
    begun: str = ""
    stream: bool = False
    echo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. `arguments` is JSON text, or free text for a custom tool."""

    name: str
    arguments: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. cached and written are parts of input, reasoning is a part of output."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says. `thought` is whether it thought at all, `thinking` what it shows of it.

    finish: end, tools, length, stop or refusal; `stop` is the sequence that was met. breaks: events before an error.
    """

    thinking: str
    thought: bool
    text: tuple[str, ...]
    calls: tuple[Call, ...]
    finish: str
    usage: Usage
    stop: str | None = None
    gap: float = 0.0
    halves: bool = False
    breaks: int | None = None

    @property
    def whole_text(self) -> str:
        """All of the text."""
        return "".join(self.text)
