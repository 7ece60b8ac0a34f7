"""Hypothesis strategies for neutral values as real models and clients make them.

`answers()` and `event_streams()` obey the order rules of `router.wire.events`, so every dialect's writer takes them.
An answer's parts are non-empty, and neighbours never are of one kind that a dialect would join (two texts, two
thoughts), unless asked for. Turn a feature off that a dialect has no room for (``custom=False``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from router.wire.conversation import (
    Conversation,
    Image,
    Inline,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from router.wire.events import (
    Answer,
    Choice,
    Ended,
    Event,
    Finished,
    Reason,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # 1 x 1 pixel

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def words(max_size: int = 40) -> st.SearchStrategy[str]:
    """Text that is not only whitespace: any script, quotes, newlines; no lone surrogates, no NUL."""
    alphabet = st.characters(codec="utf-8", exclude_characters="\x00")
    return st.text(alphabet, min_size=1, max_size=max_size).filter(lambda text: bool(text.strip()))


def tool_names() -> st.SearchStrategy[str]:
    """Names that every dialect accepts as they are."""
    return st.text(_LETTERS + "_-", min_size=1, max_size=40).map(lambda text: "t" + text)


def call_ids() -> st.SearchStrategy[str]:
    """Ids that every dialect accepts as they are."""
    return st.text(_LETTERS, min_size=4, max_size=24).map(lambda text: "call_" + text)


def json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words(12)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words(8), inner, max_size=3), max_leaves=5
    )


def arguments() -> st.SearchStrategy[str]:
    """JSON text of an object, compact, as `codec.dumps_text` writes it."""
    return st.dictionaries(words(8), json_values(), max_size=3).map(
        lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    )


def usages() -> st.SearchStrategy[Usage]:
    """Counts whose parts fit into their wholes."""

    def build(fresh: int, read: int, written: int, said: int, thought: int) -> Usage:
        return Usage(
            input=fresh + read + written,
            cache_read=read,
            cache_write_5m=written,
            output=said + thought,
            reasoning=thought,
        )

    count = st.integers(0, 5_000)
    return st.builds(build, count, count, count, count, count)


@st.composite
def answer_parts(
    draw: st.DrawFn, *, thinking: bool = True, calls: bool = True, custom: bool = False, refusals: bool = False,
    ordered: bool = True,
) -> tuple[Part, ...]:  # fmt: skip
    """Parts of one answer. ordered: thinking, then text, then calls, as most models speak; else any alternation."""
    kinds: list[str] = []
    if ordered:
        kinds += ["thinking"] * (thinking and draw(st.booleans()))
        kinds += ["refusal" if refusals and draw(st.integers(0, 5)) == 0 else "text"] * draw(st.integers(0, 1))
        kinds += ["call"] * (draw(st.integers(0, 3)) if calls else 0)
    else:
        pool = ["text"] + ["thinking"] * thinking + ["call"] * calls + ["refusal"] * refusals
        for kind in draw(st.lists(st.sampled_from(pool), max_size=6)):
            if kind == "call" or not kinds or kinds[-1] != kind:
                kinds.append(kind)
    if not kinds:
        kinds = ["text"]
    ids = iter(draw(st.lists(call_ids(), min_size=len(kinds), max_size=len(kinds), unique=True)))
    return tuple(draw(_answer_part(kind, next(ids), custom)) for kind in kinds)


@st.composite
def _answer_part(draw: st.DrawFn, kind: str, call_id: str, custom: bool) -> Part:
    if kind == "text":
        return Text(draw(words()))
    if kind == "refusal":
        return Refusal(draw(words()))
    if kind == "thinking":
        return Thinking(draw(words()))
    free = custom and draw(st.booleans())
    text = draw(words() if free else arguments())
    return ToolCall(call_id=call_id, name=draw(tool_names()), arguments=text, custom=free)


@st.composite
def answers(draw: st.DrawFn, /, **features: Any) -> Answer:
    """One complete answer of one choice. features: see `answer_parts`."""
    parts = draw(answer_parts(**features))
    called = any(isinstance(part, ToolCall) for part in parts)
    reason: Reason = "tools" if called else draw(st.sampled_from(["end", "end", "length", "filtered"]))
    usage = draw(usages())
    return Answer(
        response_id="up_" + draw(st.text(_LETTERS, min_size=6, max_size=12)),
        model="upstream-model",
        choices=(Choice(parts=parts, reason=reason),),
        usage=usage,
        complete=True,
    )


@dataclass
class _Cutter:
    """Cuts texts into deltas at drawn places."""

    draw: st.DrawFn
    events: list[Event] = field(default_factory=list)

    def pieces(self, text: str) -> list[str]:
        if len(text) < 2:
            return [text]
        cuts = sorted(self.draw(st.sets(st.integers(1, len(text) - 1), max_size=3)))
        return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def streams_of(draw: st.DrawFn, answer: Answer, *, interleave: bool = False) -> list[Event]:
    """A stream that folds to `answer`, with its texts cut at any place. interleave: parallel calls mix their deltas."""
    cutter = _Cutter(draw)
    events: list[Event] = [Started(answer.response_id, answer.model)]
    choice = answer.choices[0]
    waiting: list[list[Event]] = []
    for part in choice.parts:
        if isinstance(part, ToolCall):
            own: list[Event] = [ToolStarted(part.call_id, part.name, part.custom, part.namespace, part.opaque)]
            own += [ToolArguments(part.call_id, piece) for piece in cutter.pieces(part.arguments)]
            waiting.append([*own, ToolEnded(part.call_id)])
            continue
        events += _flushed(draw, waiting, interleave)
        if isinstance(part, Text):
            events += [TextDelta(piece) for piece in cutter.pieces(part.text)]
            events += [TextEnded()] * draw(st.integers(0, 1))
        elif isinstance(part, Refusal):
            events += [RefusalDelta(piece) for piece in cutter.pieces(part.text)]
        elif isinstance(part, Thinking):
            events += [ThinkingDelta(piece, summary=part.summary) for piece in cutter.pieces(part.text)]
            events.append(ThinkingEnded(part.opaque, part.redacted))
    events += _flushed(draw, waiting, interleave)
    if answer.usage is not None:
        events.insert(draw(st.integers(1, len(events))), UsageReported(answer.usage))
    return [*events, Finished(choice.reason, choice.stop_sequence, choice.detail), Ended()]


def _flushed(draw: st.DrawFn, waiting: list[list[Event]], interleave: bool) -> list[Event]:
    """The events of the waiting calls: starts in order, deltas mixed if asked for."""
    if not interleave:
        flat = [event for call in waiting for event in call]
        waiting.clear()
        return flat
    events: list[Event] = [call.pop(0) for call in waiting]
    while waiting:
        call = draw(st.sampled_from(waiting))
        events.append(call.pop(0))
        if not call:
            waiting.remove(call)
    return events


@st.composite
def event_streams(draw: st.DrawFn, /, *, interleave: bool = False, **features: Any) -> list[Event]:
    """A complete, valid stream of one choice. features: see `answer_parts`."""
    return draw(streams_of(draw(answers(**features)), interleave=interleave))


def tools() -> st.SearchStrategy[Tool]:
    schema = st.dictionaries(tool_names(), st.sampled_from([{"type": "string"}, {"type": "integer"}]), max_size=3).map(
        lambda properties: {"type": "object", "properties": properties}
    )
    return st.builds(Tool, tool_names(), st.none() | words(), schema, st.sampled_from([None, False]))


@st.composite
def histories(draw: st.DrawFn, names: list[str], *, images: bool = True) -> tuple[Turn, ...]:
    """Turns that alternate, begin and end with the user, every call answered in the next turn."""
    turns: list[Turn] = []
    for number in range(draw(st.integers(0, 2))):
        turns.append(draw(_user_turn(images)))
        parts: list[Part] = [Text(draw(words()))] * draw(st.integers(0, 1))
        ids = [f"call_{number}_{index}" for index in range(draw(st.integers(0, 2)) if names else 0)]
        parts += [ToolCall(call_id, draw(st.sampled_from(names)), draw(arguments())) for call_id in ids]
        turns.append(Turn("assistant", tuple(parts) or (Text(draw(words())),)))
        if ids:
            turns.append(Turn("user", tuple(ToolResult(call_id, (Text(draw(words())),)) for call_id in ids)))
            turns.append(Turn("assistant", (Text(draw(words())),)))
    turns.append(draw(_user_turn(images)))
    return tuple(turns)


@st.composite
def _user_turn(draw: st.DrawFn, images: bool) -> Turn:
    parts: list[Part] = [Text(draw(words()))]
    if images and draw(st.integers(0, 3)) == 0:
        parts.append(Image(Inline("image/png", PNG)))
    return Turn("user", tuple(parts))


@st.composite
def conversations(draw: st.DrawFn, *, dialect: Any = "chat", images: bool = True) -> Conversation:
    """A sound request without anything that only one dialect knows."""
    declared = tuple(draw(st.lists(tools(), max_size=3, unique_by=lambda tool: tool.name)))
    names = [tool.name for tool in declared]
    choices = [None, ToolChoice("auto"), ToolChoice("none")]
    if names:
        choices += [ToolChoice("any"), ToolChoice("tool", (names[0],))]
    system = draw(st.none() | words())
    return Conversation(
        dialect=dialect,
        model="upstream-model",
        system=() if system is None else (Text(system),),
        turns=draw(histories(names, images=images)),
        tools=declared,
        tool_choice=draw(st.sampled_from(choices)),
        output=draw(st.sampled_from([None, OutputFormat("json"), OutputFormat("schema", {"type": "object"}, "shape")])),
        sampling=Sampling(temperature=draw(st.sampled_from([None, 0.0, 0.5, 1.0]))),
        reasoning=Reasoning(effort=draw(st.sampled_from([None, "low", "medium", "high"]))),
        max_tokens=draw(st.sampled_from([None, 16, 1_000])),
        stream=draw(st.booleans()),
    )
