"""The events of a second attempt as the rest of an answer whose beginning a client has got already. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from router.wire.charges import joined
from router.wire.conversation import Conversation, Reasoning, Text, Turn
from router.wire.delivered import Delivered, GivenCall
from router.wire.events import (
    Cited,
    Event,
    Finished,
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
from router.wire.join import Disagreement, Join
from router.wire.join_calls import CallJoin

BEGIN = "Begin your answer with exactly this text, and continue from there:"
CALL = "Then call these tools, in this order, before you say or call anything else:"


class Splice:
    """Fed with the events of the second attempt, gives those that go on behind the first.

    before: what the first attempt has used, which is a part of what the client is told. continues, lenient: as for
    `Join`. Raises `router.wire.join.Disagreement` where the new text does not fit."""

    def __init__(self, delivered: Delivered, *, before: Usage, continues: bool, lenient: bool = False) -> None:
        self._text = delivered.text
        self._before = before
        self._thinking = delivered.thinking and not self._text
        self._given = bool(self._text or delivered.calls)
        self._join = Join(self._text, continues=continues, lenient=lenient)
        self._calls = CallJoin(delivered.calls) if delivered.calls else None

    def feed(self, event: Event) -> list[Event]:
        """The events that follow; what begins an answer, and thoughts behind its first words, are left out."""
        if isinstance(event, TextDelta):
            return self._said(self._join.feed(event.text))
        if self._thinking and not isinstance(event, Started | UsageReported):
            self._thinking = False  # a thought that was cut has no end, and the next model thinks anew
            return [ThinkingEnded(), *self.feed(event)]
        if isinstance(event, Started) or (self._given and isinstance(event, ThinkingDelta | ThinkingEnded)):
            return []
        if isinstance(event, UsageReported):
            return [UsageReported(added(self._before, event.usage))]
        if isinstance(event, Cited) and self._text:
            return []  # its offsets are of another text
        rest = self._said(self._join.close()) if not isinstance(event, ThinkingDelta | ThinkingEnded) else []
        if self._calls is None:
            return [*rest, event]
        if isinstance(event, ToolStarted | ToolArguments | ToolEnded):
            return [*rest, *self._calls.feed(event)]
        if isinstance(event, TextEnded) and self._calls.pending:
            return rest  # the client has seen this text end
        return [*rest, *self._calls.close(), event] if isinstance(event, Finished) else [*rest, event]

    def _said(self, text: str) -> list[Event]:
        """New text. Raises `Disagreement` where it would come behind a call that stands behind it."""
        if self._calls is not None and self._calls.pending:
            if text.strip():
                raise Disagreement("it says something else before the tool call")
            return []
        return [TextDelta(text)] if text else []


def together(one: Usage, other: Usage) -> Usage:
    """What two attempts have used, which is what they cost."""
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_write_5m=one.cache_write_5m + other.cache_write_5m,
        cache_write_1h=one.cache_write_1h + other.cache_write_1h,
        reasoning=one.reasoning + other.reasoning,
        estimated=one.estimated or other.estimated,
        charges=joined(one.charges, other.charges),
    )


def added(before: Usage, usage: Usage) -> Usage:
    """What the client is told: the output of both attempts, and the prompt once, as it was sent once."""
    return replace(
        usage,
        input=max(before.input, usage.input),
        output=before.output + usage.output,
        reasoning=before.reasoning + usage.reasoning,
        estimated=before.estimated or usage.estimated,
    )


def resumed(conversation: Conversation, delivered: Delivered, *, continues: bool) -> Conversation:
    """The request that asks another model for the rest: the same, with the beginning of the answer as its last turn.

    continues: the model goes on behind words of its own, and makes its calls again; else it is asked in words to begin
    with them. Without thinking, as most models refuse to think in the middle of an answer. Where only thoughts were
    given out, the request as it was.
    """
    text = delivered.text
    if not text.strip() and not delivered.calls:
        return conversation
    if continues and text.strip():
        turns = (*conversation.turns, Turn(role="assistant", parts=(Text(text=text),)))
        return replace(conversation, turns=turns, reasoning=Reasoning())
    asked = [f"{BEGIN}\n{text.strip()}"] if text.strip() else []
    if delivered.calls:
        asked.append("\n".join((CALL, *(_wanted(call) for call in delivered.calls))))
    return replace(conversation, system=(*conversation.system, Text(text="\n\n".join(asked))), reasoning=Reasoning())


def _wanted(call: GivenCall) -> str:
    """One call in words."""
    name, arguments = call.started.name, call.arguments
    if call.ended:
        return f"- {name} with exactly these arguments: {arguments.strip() or 'none'}"
    return f"- {name} with arguments that begin with exactly: {arguments}" if arguments.strip() else f"- {name}"
