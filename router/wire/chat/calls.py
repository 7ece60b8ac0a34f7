"""The tool calls of one streamed answer, as liberal as compatible servers are (`wire.md` 9.1).

Known liberties: no `index`; every parallel call with index 0 but an id of its own (Google's layer); no ids; the same id
for two calls; the name repeated in every delta, or later than the id; whole calls in one chunk; arguments as an object.
"""

from __future__ import annotations

from typing import Any

from router.wire import names
from router.wire.chat import signatures
from router.wire.codec import Malformed, dumps_text, loads
from router.wire.conversation import JsonObject, Opaque
from router.wire.events import Event, ToolArguments, ToolEnded, ToolStarted
from router.wire.surrogates import Halves


class _Call:
    __slots__ = ("custom", "halves", "index", "name", "opaque", "own_id", "shown_id", "started", "texts")

    def __init__(self, index: int | None, own_id: str) -> None:
        self.index = index
        self.own_id = own_id
        self.shown_id = ""
        self.name = ""
        self.custom = False
        self.opaque: Opaque | None = None
        self.started = False
        self.texts: list[str] = []
        self.halves = Halves()


class CallReader:
    """Turns `tool_calls` entries of deltas into events. One per answer; `used` is shared by the choices of a stream."""

    def __init__(self, choice: int, family: str, used: set[str]) -> None:
        self._choice = choice
        self._family = family
        self._used = used
        self._calls: list[_Call] = []

    def feed(self, entry: JsonObject, response_id: str, message_opaque: Opaque | None) -> list[Event]:
        """Events of one entry. message_opaque: a signature of the whole delta, for a call that begins here."""
        custom = entry.get("custom")
        inner = custom if isinstance(custom, dict) else entry.get("function")
        if not isinstance(inner, dict):
            inner = {}
        name, text = _text(inner.get("name")), _arguments(inner.get("input" if inner is custom else "arguments"))
        call = self._find(entry.get("index"), _text(entry.get("id")), name)
        if name and not call.name:
            call.name = name
            call.custom = inner is custom
        opaque, _ = signatures.taken(entry)
        if not call.started and call.opaque is None:
            call.opaque = self._stamped(opaque or message_opaque)
        text = call.halves.join(text)
        if text:
            call.texts.append(text)
        if call.started:
            return [ToolArguments(call.shown_id, text, self._choice)] if text else []
        return self._start(call, response_id) if call.name else []

    def end(self, *, cut: bool) -> list[Event]:
        """The end of the answer. cut: the model was stopped, so that its last call may be a fragment."""
        events: list[Event] = []
        started = [call for call in self._calls if call.started]
        for call in started:
            half = call.halves.rest()
            if half:
                events.append(ToolArguments(call.shown_id, half, self._choice))
            if cut and call is started[-1] and not _complete(call):
                continue
            events.append(ToolEnded(call.shown_id, self._choice))
        return events

    @property
    def complete(self) -> bool:
        """Was at least one whole call seen?"""
        return any(call.started and _complete(call) for call in self._calls)

    @property
    def any(self) -> bool:
        """Has a call begun?"""
        return any(call.started for call in self._calls)

    @property
    def numbered(self) -> bool:
        """Do the calls have the indexes 0, 1, 2 in the order in which they began?"""
        return [call.index for call in self._calls] == list(range(len(self._calls)))

    def _start(self, call: _Call, response_id: str) -> list[Event]:
        call.started = True
        call.shown_id = call.own_id
        if not call.own_id or call.own_id in self._used:
            call.shown_id = names.made_up_call_id(response_id, len(self._used))
        self._used.add(call.shown_id)
        events: list[Event] = [
            ToolStarted(call.shown_id, call.name, call.custom, opaque=call.opaque, choice=self._choice)
        ]
        if call.texts:
            events.append(ToolArguments(call.shown_id, "".join(call.texts), self._choice))
        return events

    def _find(self, index: Any, own_id: str, name: str) -> _Call:
        calls = self._calls
        if isinstance(index, int):
            for call in reversed(calls):
                if call.index == index:
                    if own_id and name and call.own_id and own_id != call.own_id and call.name:
                        break  # the same index for every call: the id tells them apart
                    if own_id and not call.own_id and not call.started:
                        call.own_id = own_id
                    return call
            return self._new(index, own_id)
        if own_id:
            found = next((call for call in reversed(calls) if call.own_id == own_id), None)
            return found or self._new(None, own_id)
        if calls and not (name and calls[-1].name and (name != calls[-1].name or _complete(calls[-1]))):
            return calls[-1]
        return self._new(None, "")

    def _new(self, index: int | None, own_id: str) -> _Call:
        call = _Call(index, own_id)
        self._calls.append(call)
        return call

    def _stamped(self, opaque: Opaque | None) -> Opaque | None:
        if opaque is None or opaque.model is not None or not self._family:
            return opaque
        return Opaque(opaque.dialect, opaque.data, self._family, opaque.id)


def _complete(call: _Call) -> bool:
    text = "".join(call.texts)
    if call.custom or not text:
        return True
    try:
        loads(text)
    except Malformed:
        return False
    return True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: Any) -> str:
    """JSON text; an object becomes text, null nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps_text(value)
