"""What a client has got of an answer so far: kept so that another attempt can go on where this one broke off. Pure."""

from __future__ import annotations

from router.wire.events import (
    Cited,
    Event,
    ForeignProduced,
    MediaProduced,
    RefusalDelta,
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

_PIECES = 64
"""Pieces that are kept before they are joined: a string per token would weigh several times the text."""

_OPEN_ENDED: dict[type, str] = {
    RefusalDelta: "the model was refusing",
    MediaProduced: "a picture or sound had been given out",
    ForeignProduced: "a block of a provider's own tool had been given out",
    Cited: "sources had been cited",
}
"""Content behind which nobody else can go on without losing or repeating something, and how that is told."""


class GivenCall:
    """A tool call of which a client has got at least the name. ended: all of its arguments too."""

    __slots__ = ("_pieces", "ended", "started")

    def __init__(self, started: ToolStarted) -> None:
        self.started = started
        self.ended = False
        self._pieces: list[str] = []

    @property
    def arguments(self) -> str:
        """As far as they came."""
        return "".join(self._pieces)

    def add(self, text: str) -> None:
        """More of the arguments."""
        self._pieces.append(text)
        if len(self._pieces) >= _PIECES:
            self._pieces[:] = ["".join(self._pieces)]

    def events(self) -> list[Event]:
        """The same in as few events as can be."""
        call_id, text = self.started.call_id, self.arguments
        given: list[Event] = [self.started]
        given += [ToolArguments(call_id, text)] if text else []
        return [*given, ToolEnded(call_id)] if self.ended else given


class Delivered:
    """Fed with the events whose bytes went to the client.

    bar: why no other attempt can go on, in words; None where one can. usage: what the broken attempt reported. calls:
    the tool calls, in the order in which they began; they come behind all text."""

    __slots__ = ("_events", "_kind", "_pieces", "_summary", "_whole", "bar", "calls", "usage")

    def __init__(self) -> None:
        self.bar: str | None = None
        self.usage: Usage | None = None
        self.calls: list[GivenCall] = []
        self._events: list[Event] = []
        self._kind: type | None = None  # of the pieces: TextDelta, ThinkingDelta, or None
        self._pieces: list[str] = []
        self._whole: list[str] = []
        self._summary = True

    def note(self, events: list[Event]) -> None:
        """Take events in their order."""
        for event in events:
            kind = type(event)
            if kind is TextDelta and kind is self._kind and event.choice == 0:  # type: ignore[union-attr]
                self._add(event.text)  # type: ignore[union-attr]  # nearly all of them
            else:
                self._other(event, kind)

    def _other(self, event: Event, kind: type) -> None:
        if kind is UsageReported:
            self.usage = event.usage  # type: ignore[union-attr]
        elif self.bar is not None:
            return
        elif getattr(event, "choice", 0) != 0:
            self._refuse("several answers were asked for")
        elif kind in _OPEN_ENDED:
            self._refuse(_OPEN_ENDED[kind])
        elif isinstance(event, ToolStarted | ToolArguments | ToolEnded):
            self._call(event)
        elif self.calls and isinstance(event, TextDelta | ThinkingDelta):
            self._refuse("more content had followed a tool call")
        elif isinstance(event, TextDelta):
            self._turn(kind)
            self._add(event.text)
        elif isinstance(event, ThinkingDelta):
            if kind is not self._kind or event.summary is not self._summary:
                self._turn(kind)
                self._summary = event.summary
            self._add(event.text)
        elif isinstance(event, TextEnded | ThinkingEnded):
            self._turn(None)
            self._events.append(event)

    def _call(self, event: ToolStarted | ToolArguments | ToolEnded) -> None:
        if isinstance(event, ToolStarted):
            self._turn(None)
            self.calls.append(GivenCall(event))
            return
        call = next((each for each in self.calls if each.started.call_id == event.call_id), None)
        if call is None:
            return
        if isinstance(event, ToolArguments):
            call.add(event.text)
        else:
            call.ended = True

    @property
    def text(self) -> str:
        """All text that was given out."""
        return "".join(event.text for event in self.events() if isinstance(event, TextDelta))

    @property
    def thinking(self) -> bool:
        """Whether a thought is open."""
        return self._kind is ThinkingDelta and bool(self._open())

    def events(self) -> list[Event]:
        """The same content in as few events as can be."""
        return [*self._events, *self._open(), *(event for call in self.calls for event in call.events())]

    def _open(self) -> list[Event]:
        text = "".join(self._whole) + "".join(self._pieces)
        if self._kind is None or not text:
            return []
        return [TextDelta(text) if self._kind is TextDelta else ThinkingDelta(text, summary=self._summary)]

    def _add(self, text: str) -> None:
        pieces = self._pieces
        pieces.append(text)
        if len(pieces) >= _PIECES:
            self._whole.append("".join(pieces))
            pieces.clear()

    def _turn(self, kind: type | None) -> None:
        """Content of another kind follows."""
        self._events += self._open()
        self._kind = kind
        self._pieces.clear()
        self._whole.clear()

    def _refuse(self, bar: str) -> None:
        """Nobody can go on any more, so nothing needs to be kept."""
        self.bar = bar
        self._turn(None)
        self._events.clear()
        self.calls.clear()
