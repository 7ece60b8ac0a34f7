"""The neutral form of a request: a superset of the four dialects.

Readers make it, `models.adapt` and `wire.repair` change it, writers render it. Values are immutable: a change is a
new value (`msgspec.structs.replace`). What a dialect says and the neutral form has no word for is kept under
``extra[dialect]`` on the nearest object, so that reading and writing the same dialect loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

Json: TypeAlias = Any
"""A decoded JSON value. Wire payloads are `JsonObject`."""
JsonObject: TypeAlias = dict[str, Any]
Dialect: TypeAlias = Literal["chat", "responses", "messages", "gemini"]
Extra: TypeAlias = Mapping[str, JsonObject]
"""Dialect -> keys of that dialect that the neutral form has no field for, as they stood on the wire."""

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Inline(Struct, frozen=True):
    """Bytes that travel in the request. `data` is standard base64 without a ``data:`` prefix."""

    media_type: str
    data: str


class Url(Struct, frozen=True):
    """Something the provider is asked to fetch. `media_type` only where the caller gave it."""

    url: str
    media_type: str | None = None


class FileId(Struct, frozen=True):
    """A file stored at one account of one provider; `dialect` is the one whose id it is. Never crosses providers."""

    id: str
    dialect: Dialect
    media_type: str | None = None


Source: TypeAlias = Inline | Url | FileId


class Opaque(Struct, frozen=True):
    """Bytes that only their maker understands (signature, encrypted reasoning): kept or left out, never changed.

    dialect: whose. model: the family that made it (`Capabilities.family`), None where unknown.
    data: exactly as received. id: the item id that belongs to it (Responses ``rs_…``), if any.
    """

    dialect: Dialect
    data: str
    model: str | None = None
    id: str | None = None


class Part(Struct, frozen=True, kw_only=True):
    """One piece of a turn. See the subclasses."""

    extra: Extra = {}


class Text(Part, frozen=True):
    """opaque: a Gemini thought signature that arrived on this text."""

    text: str
    opaque: Opaque | None = None


class Image(Part, frozen=True):
    source: Source
    detail: str | None = None  # low | high | auto | original


class Document(Part, frozen=True):
    """A PDF, a text file or another document."""

    source: Source
    filename: str | None = None
    title: str | None = None
    context: str | None = None


class Audio(Part, frozen=True):
    source: Source


class Video(Part, frozen=True):
    source: Source


class ToolCall(Part, frozen=True):
    """The model calls a tool (assistant turns).

    arguments: JSON text exactly as the model wrote it, or free text where `custom`. opaque: a Gemini thought signature.
    name: the caller-visible name, without `namespace`.
    """

    call_id: str
    name: str
    arguments: str
    custom: bool = False
    namespace: str | None = None
    opaque: Opaque | None = None


class ToolResult(Part, frozen=True):
    """What the tool answered (user turns). `name` where the dialect says it; `is_error` None where it cannot."""

    call_id: str
    content: tuple[Part, ...]
    is_error: bool | None = None
    name: str | None = None
    custom: bool = False


class Thinking(Part, frozen=True):
    """The model's own reasoning (assistant turns).

    text may be empty while `opaque` is not. redacted: `opaque` is an Anthropic ``redacted_thinking``.
    summary: the text is a summary (Responses ``summary_text``, Gemini) rather than the raw chain.
    """

    text: str
    opaque: Opaque | None = None
    redacted: bool = False
    summary: bool = True


class Refusal(Part, frozen=True):
    text: str


class Foreign(Part, frozen=True):
    """A block that only `dialect` knows (server tools, compaction, tool references).

    raw: as on the wire. text: a readable rendering for other dialects; None where there is none, and then another
    dialect's writer refuses with a 400 that names `where` if `meaningful`, else drops it with a note.
    """

    dialect: Dialect
    raw: JsonObject
    text: str | None = None
    meaningful: bool = True
    where: str = ""


Role: TypeAlias = Literal["system", "user", "assistant"]


class Turn(Struct, frozen=True):
    """One message. Readers keep one turn per message or item of the wire; `repair.merge` joins neighbours.

    A `system` turn may stand anywhere. Tool results are parts of `user` turns in every dialect.
    """

    role: Role
    parts: tuple[Part, ...]
    extra: Extra = {}


ToolKind: TypeAlias = Literal["function", "custom", "web_search", "web_fetch", "code", "foreign"]


class Tool(Struct, frozen=True):
    """A tool the model may call.

    function: `schema` is its JSON Schema (None: no parameters), `strict` None where the caller did not say.
    custom: a free-text tool (Responses), `extra` holds its grammar.
    web_search, web_fetch, code: run by the provider; `settings` are neutral (allowed_domains, blocked_domains,
    max_uses, user_location, context_size). foreign: any other provider-run tool, kept raw in ``extra[dialect]``.
    namespace: the Responses namespace that the tool was nested in. optional: its client lists it by habit, so a target
    that has no such provider-run tool leaves it out with a note instead of refusing the request.
    """

    name: str
    description: str | None = None
    schema: JsonObject | None = None
    strict: bool | None = None
    kind: ToolKind = "function"
    namespace: str | None = None
    settings: JsonObject = field(default_factory=dict)
    extra: Extra = {}
    optional: bool = False


class ToolChoice(Struct, frozen=True):
    """auto, none, any (some tool), tool (the one in `names`), allowed (only those in `names`; `required` or not)."""

    mode: Literal["auto", "none", "any", "tool", "allowed"] = "auto"
    names: tuple[str, ...] = ()
    required: bool = False
    extra: Extra = {}


class OutputFormat(Struct, frozen=True):
    """text, json (any object), schema (`schema` binds), enum (one of `schema["enum"]` as bare text)."""

    kind: Literal["text", "json", "schema", "enum"] = "text"
    schema: JsonObject | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Sampling(Struct, frozen=True):
    """Knobs that only tune. None: the caller did not say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    logit_bias: JsonObject | None = None


class Reasoning(Struct, frozen=True):
    """How much to think, in the caller's words; `models.adapt` turns it into what the model accepts.

    effort: named effort. budget: tokens; 0 off, -1 as the model likes. adaptive: the caller asked for it.
    show: the caller wants to see thinking text (None: did not say). summary: auto | concise | detailed.
    form: which form the writer must use, set by `models.adapt`; None: the writer renders what is set as it can.
    """

    effort: Effort | None = None
    budget: int | None = None
    adaptive: bool = False
    show: bool | None = None
    summary: str | None = None
    form: Literal["none", "effort", "budget", "adaptive", "level"] | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """One request. Field names follow the commonest dialect; None always means "the caller did not say"."""

    dialect: Dialect  # the dialect it was read from
    model: str
    system: tuple[Part, ...] = ()  # leading system text
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputFormat | None = None
    sampling: Sampling = Sampling()
    reasoning: Reasoning = Reasoning()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    logprobs: int | None = None  # number of top log probabilities; 0: only the chosen token's
    verbosity: str | None = None
    modalities: tuple[str, ...] = ()  # lower case: text, image, audio
    service_tier: str | None = None  # auto | default | flex | priority, as neutral words
    user: str | None = None  # opaque end-user id
    metadata: JsonObject = field(default_factory=dict)
    cache_key: str | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    stream: bool = False
    include_usage: bool = False  # the caller wants a usage chunk (Chat)
    extra: Extra = {}


def all_parts(conversation: Conversation) -> Iterator[Part]:
    """Every part of the turns, and those inside tool results."""
    for turn in conversation.turns:
        for part in turn.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.content
