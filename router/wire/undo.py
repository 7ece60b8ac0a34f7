"""Reverses on the answer's events what the request writer had to bend (`written.Undo`)."""

from __future__ import annotations

from collections.abc import Iterable

from router.wire.events import Event
from router.wire.written import Undo


class Undoer:
    """Events of the upstream in, events as the caller must see them out; one per response. Holds back only what it must
    (a possible start of a stop sequence, a fence, the JSON around a free-text tool's input)."""

    def __init__(self, undo: Undo) -> None:
        self._undo = undo

    def feed(self, event: Event) -> list[Event]:
        raise NotImplementedError


def apply(undo: Undo, events: Iterable[Event]) -> list[Event]:
    """A whole stream at once."""
    undoer = Undoer(undo)
    return [out for event in events for out in undoer.feed(event)]
