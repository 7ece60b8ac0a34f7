"""A structured output that was asked for as a forced tool: the tool's arguments become the answer's text."""

from __future__ import annotations

import msgspec

from router.wire.events import (
    Ended,
    Event,
    Failed,
    Finished,
    TextDelta,
    TextEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
)


class OutputTool:
    """The stage of `router.wire.undo` for the tool named `name`.

    Text that the model writes before the tool ("Here is …") would spoil the JSON: it is held, dropped when the tool
    begins, and given when the answer ends without the tool.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: set[tuple[int, str]] = set()
        self._found: set[int] = set()
        self._others: set[int] = set()
        self._held: dict[int, list[Event]] = {}

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, TextDelta | TextEnded):
            if event.choice not in self._found:
                self._held.setdefault(event.choice, []).append(event)
            return []
        if isinstance(event, ToolStarted):
            return self._started(event)
        if isinstance(event, ToolArguments) and (event.choice, event.call_id) in self._calls:
            return [TextDelta(event.text, event.choice)]
        if isinstance(event, ToolEnded) and (event.choice, event.call_id) in self._calls:
            return [TextEnded(event.choice)]
        if isinstance(event, Finished):
            held = self._held.pop(event.choice, [])
            ordinary = event.reason == "tools" and event.choice in self._found and event.choice not in self._others
            return [*held, msgspec.structs.replace(event, reason="end") if ordinary else event]
        if isinstance(event, Failed | Ended):
            held = [out for events in self._held.values() for out in events]
            self._held.clear()
            return [*held, event]
        return [event]

    def _started(self, event: ToolStarted) -> list[Event]:
        held = self._held.pop(event.choice, [])
        if event.name != self._name:
            self._others.add(event.choice)
            return [*held, event]
        if event.choice in self._found:  # a second answer: the first one stands
            return []
        self._calls.add((event.choice, event.call_id))
        self._found.add(event.choice)
        return []
