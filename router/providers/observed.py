"""What one attempt's answer was seen to be: for the commit point, the meter and the record. No content is kept,
of opaque items their digests."""

from __future__ import annotations

from collections.abc import Callable

from router.faults import Fault
from router.routing.affinity import Digest, digests_of, of_raw
from router.wire.events import (
    COMMITTING,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolStarted,
    Usage,
    UsageReported,
)

_COMMITTING = frozenset(COMMITTING)
_SIGNED = frozenset({TextEnded, ThinkingEnded, ToolStarted})
_WORDS = frozenset({ThinkingDelta, RefusalDelta})


class Observed:
    """Fed with every event of an answer. `note` raises the `Fault` of an in-band error, as `judge` sees it.

    characters: of text, thoughts and arguments so far, from which output is estimated where nobody reports it.
    """

    __slots__ = (
        "characters",
        "committed",
        "ended",
        "finish",
        "finished",
        "judge",
        "opaque",
        "response_id",
        "served_model",
        "usage",
    )

    def __init__(self, judge: Callable[[Fault], Fault] | None = None) -> None:
        self.judge = judge
        self.response_id = ""
        self.served_model = ""
        self.usage: Usage | None = None
        self.characters = 0
        self.finish: str | None = None
        self.finished = 0  # answers that have given their reason; more than one where `n` was asked for
        self.opaque: list[Digest] = []
        self.committed = False
        self.ended = False

    def note(self, events: list[Event]) -> bool:
        """Take events; true where one of them is content or the end. Raises `Fault` for `Failed`."""
        content = False
        for event in events:
            kind = type(event)
            if kind is TextDelta:  # nearly all of them
                content = True
                self.characters += len(event.text)  # type: ignore[union-attr]
            elif kind is ToolArguments:
                self.characters += len(event.text)  # type: ignore[union-attr]
            elif kind in _WORDS:
                content = True
                self.characters += len(event.text)  # type: ignore[union-attr]
            elif kind in _SIGNED or kind is ForeignProduced:
                content = content or kind is not TextEnded
                self._remember(event)
            elif kind in _COMMITTING:
                content = True
                if kind is Ended:
                    self.ended = True
            elif kind is UsageReported:
                self.usage = event.usage  # type: ignore[union-attr]
            elif kind is Finished:
                self.finish = event.reason  # type: ignore[union-attr]
                self.finished += 1
            elif kind is Started:
                self.response_id = event.response_id  # type: ignore[union-attr]
                self.served_model = event.model  # type: ignore[union-attr]
            elif kind is Failed:
                fault = event.fault  # type: ignore[union-attr]
                raise fault if self.judge is None else self.judge(fault)
        if content:
            self.committed = True
        return content

    def _remember(self, event: Event) -> None:
        if isinstance(event, ForeignProduced):
            self.opaque += of_raw(event.raw)
        elif event.opaque is not None:  # type: ignore[union-attr]
            self.opaque += digests_of(event.opaque)  # type: ignore[union-attr]
