"""Call ids that return in a later turn (servers that count ``call_0`` from new in every answer) made different.

Anthropic and Responses refuse a history in which two calls have one id.
"""

from __future__ import annotations

from msgspec import structs

from router.wire.conversation import Part, ToolCall, ToolResult, Turn
from router.wire.names import made_up_call_id
from router.wire.notes import Notes


def with_unique_ids(turns: tuple[Turn, ...], notes: Notes) -> tuple[Turn, ...]:
    """Later calls of an id that is taken get another one, the same each time, and their results with them.

    For histories in which results follow their calls; `turns` itself where all ids differ."""
    ids = [part.call_id for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    if len(set(ids)) == len(ids):
        return turns
    notes.repaired("call_id")
    renamer = _Renamer(set(ids))
    return tuple(structs.replace(turn, parts=tuple(renamer.part(part) for part in turn.parts)) for turn in turns)


class _Renamer:
    """Walks the parts in order. Results answer the calls of their id in the order of these."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._seen: dict[str, int] = {}
        self._open: dict[str, list[str]] = {}

    def part(self, part: Part) -> Part:
        if isinstance(part, ToolCall):
            given = self._new(part.call_id)
            self._open.setdefault(part.call_id, []).append(given)
        elif isinstance(part, ToolResult):
            waiting = self._open.get(part.call_id)
            given = waiting.pop(0) if waiting else part.call_id
        else:
            return part
        return part if given == part.call_id else structs.replace(part, call_id=given)

    def _new(self, call_id: str) -> str:
        count = self._seen[call_id] = self._seen.get(call_id, 0) + 1
        given = call_id
        while count > 1 and given in self._taken:
            given = made_up_call_id(call_id, count)
            count += 1
        self._taken.add(given)
        return given
