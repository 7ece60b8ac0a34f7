"""The page's own stream as pieces. Pure: bytes in, pieces out, each byte looked at once.

The body is one growing JSON array (here and there in one more array, or behind ``)]}'``). Each element is
``[[[[[PART,…],"model"],FINISH?]],null,[in,out,total]]``. A PART is ``[null,"text"]``, with a 1 at index 12 a thought,
or has ``["name",ARGS]`` at index 10. ARGS are ``[[["key",VALUE],…]]``, or the pairs without the outer array; a VALUE
tells its type by its length: 1 null, 2 number, 3 text, 4 boolean, 5 object, 6 list.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from services.aistudio.pieces import Call, Finish, Piece, Text, Thought, Usage

_OUTSIDE = re.compile(r'["\[\]]')
_INSIDE = re.compile(r'["\\]')
_FIRST_VALUE = re.compile(r"[^\[\s]")
_TO_PART = 6  # arrays from an element of the stream to the inside of its first part
_TO_PARTS = 5
MAX_ELEMENT = 64 << 20
"""Characters of one element; more is not an answer."""

FINISHES = {
    1: "STOP",
    2: "MAX_TOKENS",
    3: "SAFETY",
    4: "RECITATION",
    5: "OTHER",
    6: "LANGUAGE",
    7: "BLOCKLIST",
    8: "PROHIBITED_CONTENT",
    9: "SPII",
    10: "MALFORMED_FUNCTION_CALL",
}
"""The numbers of ``Candidate.FinishReason`` in google/ai/generativelanguage/v1beta."""


class Unreadable(ValueError):
    """The stream is not what this reader knows; another way has to be taken."""


class NetworkReader:
    """Reads one answer. `whole` tells whether the array has been closed."""

    def __init__(self) -> None:
        self.whole = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._elements = _Elements()

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that have become complete. Raises `Unreadable`."""
        pieces: list[Piece] = []
        for element in self._elements.feed(self._decoder.decode(data)):
            pieces += read_element(element)
        self.whole = self._elements.closed
        return pieces


class _Elements:
    """Cuts the growing array into its elements at the depth that the first element shows."""

    def __init__(self) -> None:
        self.closed = False
        self._text = ""
        self._at = 0
        self._start = 0
        self._depth = 0
        self._inside = False
        self._base: int | None = None

    def feed(self, more: str) -> list[Any]:
        self._text += more
        if self._base is None and not self._find_base():
            return []
        found: list[Any] = []
        while self._step(found):
            pass
        if len(self._text) - self._start > MAX_ELEMENT:
            raise Unreadable("an element of the stream is larger than any answer")
        self._text, self._at, self._start = self._text[self._start :], self._at - self._start, 0
        return found

    def _find_base(self) -> bool:
        """How many arrays lie around the elements: told by how many open before the first value."""
        opening = self._text.find("[")
        if opening < 0:
            if len(self._text) > 64:
                raise Unreadable("the stream does not begin with an array")
            return False
        value = _FIRST_VALUE.search(self._text, opening)
        if value is None:
            return False
        arrays = self._text.count("[", opening, value.start())
        inner = _TO_PARTS if value.group() == "]" else _TO_PART
        self._base = arrays - inner if arrays > inner else 1
        self._at = self._start = opening
        return True

    def _step(self, found: list[Any]) -> bool:
        """Go to the next bracket or quotation mark; False where more text is needed."""
        match = (_INSIDE if self._inside else _OUTSIDE).search(self._text, self._at)
        if match is None:
            self._at = len(self._text)
            return False
        place, mark = match.start(), match.group()
        if mark == "\\":
            if place + 1 >= len(self._text):
                self._at = place
                return False
            self._at = place + 2
            return True
        self._at = place + 1
        if mark == '"':
            self._inside = not self._inside
        elif mark == "[":
            if self._depth == self._base:
                self._start = place
            self._depth += 1
        else:
            self._depth -= 1
            self._closed_one(place, found)
        return True

    def _closed_one(self, place: int, found: list[Any]) -> None:
        if self._depth == self._base:
            try:
                found.append(json.loads(self._text[self._start : place + 1]))
            except ValueError as error:
                raise Unreadable("an element of the stream is not JSON") from error
            self._start = place + 1
        elif self._depth == 0:
            self.closed = True


def read_element(element: Any) -> list[Piece]:
    """The pieces of one element; what is not understood is left out."""
    pieces: list[Piece] = []
    for candidate in _list(_at(element, 0)):
        for part in _list(_at(_at(candidate, 0), 0)):
            piece = _part(part)
            if piece is not None:
                pieces.append(piece)
        finish = _at(candidate, 1)
        if isinstance(finish, int) and not isinstance(finish, bool) and finish > 0:
            pieces.append(Finish(FINISHES.get(finish, "OTHER")))
    counts = [each for each in _list(_at(element, 2))[:3] if isinstance(each, int) and not isinstance(each, bool)]
    if len(counts) == 3:
        pieces.append(Usage(*counts))
    return pieces


def _part(part: Any) -> Piece | None:
    called = _at(part, 10)
    if isinstance(called, list) and called and isinstance(called[0], str):
        return Call(called[0], arguments(_at(called, 1)))
    text = _at(part, 1)
    if not isinstance(text, str) or text == "":
        return None
    return Thought(text) if _at(part, 12) in (1, True) else Text(text)


def arguments(value: Any) -> dict[str, Any]:
    """Named values as an object. Raises `Unreadable`."""
    pairs = _list(value)
    if len(pairs) == 1 and isinstance(pairs[0], list) and not (pairs[0] and isinstance(pairs[0][0], str)):
        pairs = pairs[0]
    out: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, list) or not pair or not isinstance(pair[0], str):
            raise Unreadable("an argument of a call has no name")
        out[pair[0]] = _value(_at(pair, 1))
    return out


def _value(typed: Any) -> Any:
    if not isinstance(typed, list) or len(typed) <= 1:
        return None
    kind, held = len(typed), typed[-1]
    if kind in (2, 3):
        return held
    if kind == 4:
        return held in (1, True)
    if kind == 5:
        return arguments(held)
    if kind == 6:
        items = _list(held)
        if len(items) == 1 and isinstance(items[0], list) and (not items[0] or isinstance(items[0][0], list)):
            items = items[0]
        return [_value(each) for each in items]
    raise Unreadable(f"a value of a call has a type of length {kind}")


def _at(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and len(value) > index else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
