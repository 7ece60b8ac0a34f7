"""Where the tool calls of a second attempt meet those that a client has got of the first. Pure.

A client runs what it is given, so a call may go out once and as one: the second attempt must make the same calls in
the same order. What it repeats is left out; a call that was cut gets the rest of its arguments, under the id that the
client knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from router.wire import codec
from router.wire.delivered import GivenCall
from router.wire.events import Event, ToolArguments, ToolEnded, ToolStarted
from router.wire.join import Disagreement

_BLANK = frozenset(" \t\r\n")


class Rest:
    """Fed with arguments, gives those behind `given`. free: they are free text, not JSON, whose blanks outside of
    strings mean nothing. Raises `Disagreement`."""

    def __init__(self, given: str, *, free: bool) -> None:
        self._free = free
        self._in_string = self._escaped = False
        self._given = given if free else "".join(char for char in given if self._counts(char))
        self._in_string = self._escaped = False
        self._at = 0

    @property
    def met(self) -> bool:
        """Whether all that was given has been said again."""
        return self._at == len(self._given)

    def feed(self, text: str) -> str:
        """What goes out."""
        for at, char in enumerate(text):
            if self._at == len(self._given):
                return text[at:]
            if not self._free and not self._counts(char):
                continue
            if char != self._given[self._at]:
                raise Disagreement("it calls a tool with other arguments")
            self._at += 1
        return ""

    def _counts(self, char: str) -> bool:
        """Whether a character of JSON text means anything."""
        if not self._in_string:
            self._in_string = char == '"'
            return char not in _BLANK
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False
        return True


class _Match:
    """A call of the second attempt that stands for a given one."""

    def __init__(self, given: GivenCall) -> None:
        self.given = given
        self.call_id = given.started.call_id
        self._rest = Rest(given.arguments, free=given.started.custom)
        self._again: list[str] = []

    def arguments(self, text: str) -> list[Event]:
        if self.given.ended:
            self._again.append(text)
            return []
        rest = self._rest.feed(text)
        return [ToolArguments(self.call_id, rest)] if rest else []

    def end(self) -> list[Event]:
        if not self.given.ended:
            if not self._rest.met:
                raise Disagreement("it ends the arguments of a tool call earlier")
            return [ToolEnded(self.call_id)]
        again, given = "".join(self._again), self.given.arguments
        if again != given and (self.given.started.custom or _plain(again) != _plain(given)):
            raise Disagreement("it calls a tool with other arguments")
        return []


class CallJoin:
    """Fed with the events of calls, gives those that go on behind `given`. Raises `Disagreement`."""

    def __init__(self, given: Sequence[GivenCall]) -> None:
        self._left = list(given)
        self._used = {call.started.call_id for call in given}
        self._matches: dict[str, _Match] = {}
        self._renamed: dict[str, str] = {}

    @property
    def pending(self) -> bool:
        """Whether a given call has not been made again, or not to its end."""
        return bool(self._left or self._matches)

    def feed(self, event: ToolStarted | ToolArguments | ToolEnded) -> list[Event]:
        """The events that follow."""
        if isinstance(event, ToolStarted):
            return self._started(event)
        match = self._matches.get(event.call_id)
        if match is None:
            return [replace(event, call_id=self._renamed.get(event.call_id, event.call_id))]
        if isinstance(event, ToolArguments):
            return match.arguments(event.text)
        del self._matches[event.call_id]
        return match.end()

    def close(self) -> list[Event]:
        """The answer is over: what ends calls that nobody ended."""
        if self._left:
            raise Disagreement("it does not call the tool that was called already")
        matches, self._matches = self._matches, {}
        return [event for match in matches.values() for event in match.end()]

    def _started(self, event: ToolStarted) -> list[Event]:
        if self._left:
            given = self._left.pop(0)
            was = given.started
            if (event.name, event.custom, event.namespace) != (was.name, was.custom, was.namespace):
                raise Disagreement("it calls another tool")
            self._matches[event.call_id] = _Match(given)
            return []
        call_id = event.call_id
        number = 2
        while call_id in self._used:
            call_id, number = f"{event.call_id}_{number}", number + 1
        self._used.add(call_id)
        self._renamed[event.call_id] = call_id
        return [replace(event, call_id=call_id)]


def _plain(arguments: str) -> str:
    """The same text for the same arguments."""
    try:
        return codec.dumps_text(_sorted(codec.loads(arguments))) if arguments.strip() else "{}"
    except (codec.Malformed, RecursionError):
        return arguments


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
