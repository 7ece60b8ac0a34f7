"""The neutral form of an answer: a flat stream of small events, and their fold.

Order: `Started`, then content, `Finished` (why the model stopped), `Ended` (the wire's own end marker, or an end
that the dialect tolerates). `UsageReported` may come anywhere and is cumulative: the last one wins. A cut stream has no
`Ended`. Content of one part is contiguous except for parallel tool calls, which are told apart by `call_id`.
`choice` is the index of the answer where several were asked for (`n`).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from router.faults import Fault
from router.wire.charges import Charges
from router.wire.conversation import Dialect, Extra, JsonObject, Opaque, Part, Source

Reason: TypeAlias = Literal[
    "end", "stop_sequence", "tools", "length", "window", "filtered", "pause", "broken_call", "other"
]


class Usage(Struct, frozen=True):
    """Token counts. `input` is everything in the prompt, caches included; `output` everything generated, reasoning
    included. The other four are parts of these two, so that `input + output` is the total. charges: what else decides
    what it costs, None for nothing."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    estimated: bool = False
    charges: Charges | None = None

    @property
    def cache_write(self) -> int:
        return self.cache_write_5m + self.cache_write_1h

    @property
    def fresh_input(self) -> int:
        """Prompt tokens that were neither read from nor written to a cache; never negative."""
        return max(0, self.input - self.cache_read - self.cache_write)

    @property
    def total(self) -> int:
        return self.input + self.output


class Started(Struct, frozen=True):
    """The answer begins. `response_id` and `model` are the upstream's own."""

    response_id: str = ""
    model: str = ""
    extra: Extra = {}


class TextDelta(Struct, frozen=True):
    text: str
    choice: int = 0
    logprobs: JsonObject | None = None  # Chat's {"content": […]} for this delta


class TextEnded(Struct, frozen=True):
    """The current text part is complete. Optional: other content or the finish end it too. opaque: Gemini signature."""

    choice: int = 0
    opaque: Opaque | None = None
    extra: Extra = {}


class Cited(Struct, frozen=True):
    """A source of the current text part. start, end: offsets in characters of that part, None where unknown."""

    url: str
    title: str = ""
    start: int | None = None
    end: int | None = None
    quote: str | None = None
    choice: int = 0


class ThinkingDelta(Struct, frozen=True):
    text: str
    choice: int = 0
    summary: bool = True


class ThinkingEnded(Struct, frozen=True):
    """The current thinking part is complete, with its signature if it has one (perhaps without any text)."""

    opaque: Opaque | None = None
    redacted: bool = False
    choice: int = 0


class RefusalDelta(Struct, frozen=True):
    text: str
    choice: int = 0


class ToolStarted(Struct, frozen=True):
    """A call begins. `call_id` is unique in the answer (readers make one up, always the same, where it is missing)."""

    call_id: str
    name: str
    custom: bool = False
    namespace: str | None = None
    opaque: Opaque | None = None
    choice: int = 0


class ToolArguments(Struct, frozen=True):
    """More of the arguments: a fragment of JSON text, or of free text for a custom tool."""

    call_id: str
    text: str
    choice: int = 0


class ToolEnded(Struct, frozen=True):
    """The arguments are complete. Readers always send it for a call that the upstream completed."""

    call_id: str
    choice: int = 0


class MediaProduced(Struct, frozen=True):
    """A picture or sound that the model made. kind: image | audio."""

    kind: str
    source: Source
    choice: int = 0


class ForeignProduced(Struct, frozen=True):
    """A complete block that only `dialect` knows (server tool use and results). Other dialects' writers skip it."""

    dialect: Dialect
    raw: JsonObject
    choice: int = 0


class UsageReported(Struct, frozen=True):
    """Usage so far, cumulative; the last one wins."""

    usage: Usage


class Finished(Struct, frozen=True):
    """Why the model stopped. detail: the provider's explanation of a filter or broken call, if any."""

    reason: Reason
    stop_sequence: str | None = None
    detail: str | None = None
    choice: int = 0


class Failed(Struct, frozen=True):
    """The provider reported an error inside its stream. Nothing follows."""

    fault: Fault


class Ended(Struct, frozen=True):
    """The stream is complete in the sense of its dialect (``[DONE]``, ``message_stop``, a tolerated close)."""

    extra: Extra = {}


Event: TypeAlias = (
    Started
    | TextDelta
    | TextEnded
    | Cited
    | ThinkingDelta
    | ThinkingEnded
    | RefusalDelta
    | ToolStarted
    | ToolArguments
    | ToolEnded
    | MediaProduced
    | ForeignProduced
    | UsageReported
    | Finished
    | Failed
    | Ended
)

COMMITTING: tuple[type, ...] = (
    TextDelta,
    ThinkingDelta,
    ThinkingEnded,
    RefusalDelta,
    ToolStarted,
    MediaProduced,
    ForeignProduced,
    Ended,
)
"""The events with which an answer is committed to its client: content, or the end."""


class Choice(Struct, frozen=True):
    """One whole answer: its parts in order, and why it ended."""

    parts: tuple[Part, ...] = ()
    reason: Reason = "other"
    stop_sequence: str | None = None
    detail: str | None = None
    logprobs: JsonObject | None = None
    citations: tuple[tuple[int, Cited], ...] = ()  # (index of the text part, citation)


class Answer(Struct, frozen=True):
    """A folded stream. `complete` is False where `Ended` never came."""

    response_id: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage | None = None
    complete: bool = False
    extra: Extra = field(default_factory=dict)
