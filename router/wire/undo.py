"""Reverses on the answer's events what the request writer had to bend (`written.Undo`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from router.wire.events import Event, ToolStarted
from router.wire.undo_custom import CustomTools
from router.wire.undo_output import OutputTool
from router.wire.undo_text import StopCutter, Unfencer
from router.wire.written import Undo


class Stage(Protocol):
    """One thing to reverse; one per response."""

    def feed(self, event: Event) -> list[Event]: ...


class Names:
    """Upstream tool names back to the caller's."""

    def __init__(self, names: dict[str, tuple[str, str | None]]) -> None:
        self._names = names

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, ToolStarted) and event.name in self._names:
            name, namespace = self._names[event.name]
            return [msgspec.structs.replace(event, name=name, namespace=namespace)]
        return [event]


class Undoer:
    """Events of the upstream in, events as the caller must see them out; one per response. Holds back only what it must
    (a possible start of a stop sequence, a fence, the JSON around a free-text tool's input)."""

    def __init__(self, undo: Undo) -> None:
        self._stages: list[Stage] = []
        if undo.output_tool is not None:
            self._stages.append(OutputTool(undo.output_tool))
        if undo.custom:
            self._stages.append(CustomTools(undo.custom))
        if undo.names:  # after the two that know upstream names
            self._stages.append(Names(undo.names))
        if undo.unfence:
            self._stages.append(Unfencer())
        if undo.stop:
            self._stages.append(StopCutter(undo.stop))

    def feed(self, event: Event) -> list[Event]:
        """What the caller sees of `event` and of what was held before it."""
        events = [event]
        for stage in self._stages:
            events = [out for given in events for out in stage.feed(given)]
        return events


def apply(undo: Undo, events: Iterable[Event]) -> list[Event]:
    """A whole stream at once."""
    undoer = Undoer(undo)
    return [out for event in events for out in undoer.feed(event)]
