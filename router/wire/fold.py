"""A stream of events folded into one answer: the only way an unstreamed answer is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from router.wire.conversation import (
    Audio,
    Extra,
    Foreign,
    Image,
    JsonObject,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from router.wire.events import (
    Answer,
    Choice,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
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


class _Open:
    """A part under construction."""

    __slots__ = ("kind", "settings", "texts")

    def __init__(self, kind: type[Part], **settings: Any) -> None:
        self.kind = kind
        self.settings = settings
        self.texts: list[str] = []

    def built(self) -> Part:
        text = "".join(self.texts)
        if self.kind is ToolCall:
            return ToolCall(arguments=text, **self.settings)
        return self.kind(text=text, **self.settings)  # type: ignore[call-arg]


class _ChoiceFolder:
    def __init__(self) -> None:
        self.parts: list[_Open | Part] = []
        self.current: _Open | None = None
        self.calls: dict[str, _Open] = {}
        self.finished: Finished | None = None
        self.logprobs: dict[str, list[Any]] = {}
        self.citations: list[tuple[int, Cited]] = []

    def open(self, kind: type[Part], **settings: Any) -> _Open:
        """The part of `kind` that is under way, or a new one."""
        if self.current is None or self.current.kind is not kind:
            self.current = _Open(kind, **settings)
            self.parts.append(self.current)
        return self.current

    def add(self, part: Part) -> None:
        self.current = None
        self.parts.append(part)

    def text(self, event: TextDelta) -> None:
        self.open(Text).texts.append(event.text)
        for key, entries in (event.logprobs or {}).items():
            if isinstance(entries, list):
                self.logprobs.setdefault(key, []).extend(entries)

    def text_ended(self, event: TextEnded) -> None:
        if event.opaque is not None or event.extra or (self.current is not None and self.current.kind is Text):
            self.open(Text).settings.update(opaque=event.opaque, extra=event.extra)
        self.current = None

    def cited(self, event: Cited) -> None:
        """Belongs to the text under way, else to the last text, else to one that is still to come."""
        texts = [
            i for i, part in enumerate(self.parts) if (part.kind if isinstance(part, _Open) else type(part)) is Text
        ]
        if not texts:
            self.open(Text)
            texts = [len(self.parts) - 1]
        self.citations.append((texts[-1], event))

    def thinking(self, event: ThinkingDelta) -> None:
        self.open(Thinking, summary=event.summary).texts.append(event.text)

    def thinking_ended(self, event: ThinkingEnded) -> None:
        self.open(Thinking).settings.update(opaque=event.opaque, redacted=event.redacted)
        self.current = None

    def refusal(self, event: RefusalDelta) -> None:
        self.open(Refusal).texts.append(event.text)

    def tool_started(self, event: ToolStarted) -> None:
        self.current = None
        call = _Open(
            ToolCall,
            call_id=event.call_id,
            name=event.name,
            custom=event.custom,
            namespace=event.namespace,
            opaque=event.opaque,
        )
        self.calls[event.call_id] = call
        self.parts.append(call)

    def tool_arguments(self, event: ToolArguments) -> None:
        if event.call_id in self.calls:
            self.calls[event.call_id].texts.append(event.text)

    def media(self, event: MediaProduced) -> None:
        self.add(Audio(event.source) if event.kind == "audio" else Image(event.source))

    def foreign(self, event: ForeignProduced) -> None:
        self.add(Foreign(event.dialect, event.raw))

    def finish(self, event: Finished) -> None:
        self.finished = event

    def built(self) -> Choice:
        end = self.finished or Finished("other")
        return Choice(
            parts=tuple(part.built() if isinstance(part, _Open) else part for part in self.parts),
            reason=end.reason,
            stop_sequence=end.stop_sequence,
            detail=end.detail,
            logprobs=self.logprobs or None,
            citations=tuple(self.citations),
        )


_FOLDERS: dict[type, Callable[[_ChoiceFolder, Any], None]] = {
    TextDelta: _ChoiceFolder.text,
    TextEnded: _ChoiceFolder.text_ended,
    Cited: _ChoiceFolder.cited,
    ThinkingDelta: _ChoiceFolder.thinking,
    ThinkingEnded: _ChoiceFolder.thinking_ended,
    RefusalDelta: _ChoiceFolder.refusal,
    ToolStarted: _ChoiceFolder.tool_started,
    ToolArguments: _ChoiceFolder.tool_arguments,
    MediaProduced: _ChoiceFolder.media,
    ForeignProduced: _ChoiceFolder.foreign,
    Finished: _ChoiceFolder.finish,
}


def fold(events: Iterable[Event]) -> Answer:
    """Fold a stream. Raises the `Fault` of a `Failed` event. Adjacent deltas of one part are joined; parts keep the
    order in which they began; `complete` tells whether `Ended` came. A citation's index is that of its text
    in `parts`."""
    choices: dict[int, _ChoiceFolder] = {}
    started, ended, usage = Started(), None, None
    for event in events:
        folder = _FOLDERS.get(type(event))
        if folder is not None:
            index: int = event.choice  # type: ignore[union-attr]
            if index not in choices:
                choices[index] = _ChoiceFolder()
            folder(choices[index], event)
        elif isinstance(event, Started):
            started = event
        elif isinstance(event, UsageReported):
            usage = event.usage
        elif isinstance(event, Failed):
            raise event.fault
        elif isinstance(event, Ended):
            ended = event
    return _answer(started, choices, usage, ended)


def _answer(
    started: Started, choices: dict[int, _ChoiceFolder], usage: Usage | None, ended: Ended | None
) -> Answer:  # fmt: skip
    empty = _ChoiceFolder()
    count = max(choices, default=0) + 1
    return Answer(
        response_id=started.response_id,
        model=started.model,
        choices=tuple(choices.get(index, empty).built() for index in range(count)),
        usage=usage,
        complete=ended is not None,
        extra=_merged(started.extra, ended.extra if ended is not None else {}),
    )


def _merged(first: Extra, second: Extra) -> dict[Any, JsonObject]:
    merged: dict[Any, JsonObject] = {key: dict(value) for key, value in first.items()}
    for key, value in second.items():
        merged[key] = {**merged.get(key, {}), **value}
    return merged


def unfold(answer: Answer) -> list[Event]:
    """The shortest stream that folds to `answer`: ``fold(unfold(a)) == a``."""
    events: list[Event] = [Started(answer.response_id, answer.model, answer.extra)]
    for index, choice in enumerate(answer.choices):
        events += _unfolded(index, choice)
    if answer.usage is not None:
        events.append(UsageReported(answer.usage))
    if answer.complete:
        events.append(Ended())
    return events


def _unfolded(index: int, choice: Choice) -> list[Event]:
    events: list[Event] = []
    logprobs = choice.logprobs
    for position, part in enumerate(choice.parts):
        following = choice.parts[position + 1] if position + 1 < len(choice.parts) else None
        if isinstance(part, Text):
            events.append(TextDelta(part.text, index, logprobs))
            logprobs = None
            events += [cited for at, cited in choice.citations if at == position]
            if part.opaque is not None or part.extra or isinstance(following, Text):
                events.append(TextEnded(index, part.opaque, part.extra))
        else:
            events += _events_of(part, index)
    return [*events, Finished(choice.reason, choice.stop_sequence, choice.detail, index)]


def _events_of(part: Part, index: int) -> list[Event]:
    if isinstance(part, Thinking):
        deltas = [ThinkingDelta(part.text, index, part.summary)] if part.text or not part.summary else []
        return [*deltas, ThinkingEnded(part.opaque, part.redacted, index)]
    if isinstance(part, Refusal):
        return [RefusalDelta(part.text, index)]
    if isinstance(part, ToolCall):
        begun = ToolStarted(part.call_id, part.name, part.custom, part.namespace, part.opaque, index)
        given = [ToolArguments(part.call_id, part.arguments, index)] if part.arguments else []
        return [begun, *given, ToolEnded(part.call_id, index)]
    if isinstance(part, Image | Audio):
        return [MediaProduced("audio" if isinstance(part, Audio) else "image", part.source, index)]
    if isinstance(part, Foreign):
        return [ForeignProduced(part.dialect, part.raw, index)]
    raise TypeError(f"an answer cannot hold a part of kind {type(part).__name__}")
