"""Free-text tools that were sent as functions with one string: their arguments become free text again.

``{"input": "…"}`` is unescaped while it streams. What the model wrote in any other shape is held until the call ends
and then read as a whole; what is no such object at all is given as it is.
"""

from __future__ import annotations

import re

import msgspec

from router.wire.codec import Malformed, dumps_text, loads
from router.wire.events import Ended, Event, Failed, Finished, ToolArguments, ToolEnded, ToolStarted

_HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_MAX_HEAD = 64
_PLAIN = re.compile(r'[^"\\]+')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
_ESCAPE = 2  # characters of \n
_UNICODE = 6  # characters of \u0041


class InputUnwrapper:
    """The string in ``{"input": "…"}``, for any split of its JSON text. One per call."""

    def __init__(self) -> None:
        self._state = "head"  # head | string | whole | done
        self._held = ""

    def feed(self, text: str) -> str:
        """The next piece of JSON in, what is certain of the string out."""
        self._held += text
        if self._state == "head":
            head = _HEAD.match(self._held)
            if head is not None:
                self._state, self._held = "string", self._held[head.end() :]
            elif len(self._held) > _MAX_HEAD:
                self._state = "whole"
        return self._string() if self._state == "string" else ""

    def close(self) -> str:
        """The call has ended: what is still held. A cut string keeps what came of it."""
        state, held = self._state, self._held
        self._state, self._held = "done", ""
        if state not in ("head", "whole") or not held.strip():
            return ""
        try:
            value = loads(held)
        except Malformed:
            return held
        if isinstance(value, dict) and isinstance(value.get("input"), str):
            return str(value["input"])
        return value if isinstance(value, str) else dumps_text(value)

    def _string(self) -> str:
        out: list[str] = []
        held, at = self._held, 0
        while at < len(held):
            plain = _PLAIN.match(held, at)
            if plain is not None:
                out.append(plain.group())
                at = plain.end()
            elif held[at] == '"':
                self._state, at = "done", len(held)
            else:
                found = _escape(held, at)
                if found is None:
                    break
                out.append(found[0])
                at = found[1]
        self._held = held[at:]
        return "".join(out)


def _escape(text: str, at: int) -> tuple[str, int] | None:
    """The character that the escape at `at` stands for, and where it ends; None where more text is needed."""
    if len(text) < at + _ESCAPE:
        return None
    kind = text[at + 1]
    if kind != "u":
        return _ESCAPES.get(kind, kind), at + _ESCAPE
    end = at + _UNICODE
    if len(text) < end:
        return None
    code = _code(text, at)
    if code is None:
        return text[at:end], end
    if 0xD800 <= code < 0xDC00:
        following = text[end : end + _UNICODE]
        if len(following) < _UNICODE and r"\u".startswith(following[:_ESCAPE]):
            return None  # its other half may still come
        low = _code(text, end) if following.startswith(r"\u") else None
        if low is not None and 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), end + _UNICODE
    return chr(code), end


def _code(text: str, at: int) -> int | None:
    try:
        return int(text[at + 2 : at + _UNICODE], 16)
    except ValueError:
        return None


class CustomTools:
    """The stage of `router.wire.undo` for the tools named `upstream`."""

    def __init__(self, upstream: frozenset[str]) -> None:
        self._upstream = upstream
        self._open: dict[tuple[int, str], InputUnwrapper] = {}

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, ToolStarted) and event.name in self._upstream:
            self._open[(event.choice, event.call_id)] = InputUnwrapper()
            return [msgspec.structs.replace(event, custom=True)]
        if isinstance(event, ToolArguments) and (event.choice, event.call_id) in self._open:
            text = self._open[(event.choice, event.call_id)].feed(event.text)
            return [ToolArguments(event.call_id, text, event.choice)] if text else []
        if isinstance(event, ToolEnded):
            return [*self._closed(event.choice, event.call_id), event]
        if isinstance(event, Finished):
            ids = [call_id for choice, call_id in self._open if choice == event.choice]
            return [*(out for call_id in ids for out in self._closed(event.choice, call_id)), event]
        if isinstance(event, Failed | Ended):
            return [*(out for choice, call_id in list(self._open) for out in self._closed(choice, call_id)), event]
        return [event]

    def _closed(self, choice: int, call_id: str) -> list[Event]:
        unwrapper = self._open.pop((choice, call_id), None)
        text = unwrapper.close() if unwrapper is not None else ""
        return [ToolArguments(call_id, text, choice)] if text else []
