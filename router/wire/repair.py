"""Histories made sound before they are written, for every target alike.

Agents cancel tools and crash, so histories come with calls that were never answered and answers whose call is gone.
Every provider refuses those with a 400; here they become something that says what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from router.wire.conversation import Conversation, Extra, Part, Text, ToolCall, ToolResult, Turn
from router.wire.notes import Notes

NO_RESULT = "(no result: the call was interrupted)"
_Place = tuple[int, int]
"""(turn, part) of a result within its section."""


def repair(conversation: Conversation, notes: Notes) -> Conversation:
    """Every call answered directly after its turn, every result with its call (`wire.md` 3.2).

    An orphan call gets the result ``(no result: the call was interrupted)`` with the error flag; an orphan result
    becomes user text. Results are moved to directly behind their call, and each change is noted. A sound history is
    returned as it is.
    """
    sections = _sections(conversation.turns)
    if all(section.sound() for section in sections):
        return conversation
    _match(sections)
    turns: list[Turn] = []
    for section in sections:
        turns.extend(section.assistant)
        turns.extend(section.others if section.sound() else section.rebuilt(notes))
    return structs.replace(conversation, turns=tuple(turns))


class _Section:
    """A run of assistant turns and everything that follows it up to the next run."""

    def __init__(self) -> None:
        self.assistant: list[Turn] = []
        self.others: list[Turn] = []
        self.answers: list[tuple[_Place | None, ToolResult]] = []  # of this section's calls; None: found elsewhere
        self.answered: set[int] = set()  # positions in `calls`
        self.given: set[_Place] = set()  # results of this section that found their call, here or elsewhere

    @property
    def calls(self) -> list[ToolCall]:
        return [part for turn in self.assistant for part in turn.parts if isinstance(part, ToolCall)]

    @property
    def results(self) -> list[tuple[_Place, ToolResult]]:
        return [
            ((i, j), part)
            for i, turn in enumerate(self.others)
            for j, part in enumerate(turn.parts)
            if isinstance(part, ToolResult)
        ]

    def sound(self) -> bool:
        """All calls answered, nothing else answered, and the results before anything else."""
        if sorted(call.call_id for call in self.calls) != sorted(result.call_id for _, result in self.results):
            return False
        return len(self._in_front()) == len(self.results)

    def rebuilt(self, notes: Notes) -> list[Turn]:
        """What follows the assistant turns, with the results first and the strays as text."""
        results: list[Part] = [result for _, result in self.answers]
        if self._in_front()[: len(results)] != [place for place, _ in self.answers]:
            notes.repaired("tool_result_order")
        for index, call in enumerate(self.calls):
            if index not in self.answered:
                notes.repaired("orphan_call")
                results.append(_interrupted(call))
        turns = [Turn(role="user", parts=tuple(results), extra=self._extra_of_results())] if results else []
        for i, turn in enumerate(self.others):
            parts = tuple(self._left(i, turn, notes))
            if parts or not turn.parts:
                turns.append(structs.replace(turn, parts=parts))
        return turns

    def _in_front(self) -> list[_Place]:
        """The results before anything else is said."""
        places: list[_Place] = []
        for i, turn in enumerate(self.others):
            if turn.role == "system":
                break
            for j, part in enumerate(turn.parts):
                if not isinstance(part, ToolResult):
                    return places
                places.append((i, j))
        return places

    def _left(self, i: int, turn: Turn, notes: Notes) -> Iterable[Part]:
        for j, part in enumerate(turn.parts):
            if not isinstance(part, ToolResult):
                yield part
            elif (i, j) not in self.given:
                notes.repaired("orphan_result")
                yield Text(text=f"(result of a tool call that is no longer in the history, {part.call_id}:)")
                yield from part.content

    def _extra_of_results(self) -> Extra:
        """Turn-level keys survive where a whole turn of results is replaced by the new one."""
        for i, turn in enumerate(self.others):
            if turn.parts and all((i, j) in self.given for j in range(len(turn.parts))):
                return turn.extra
        return {}


def _interrupted(call: ToolCall) -> ToolResult:
    content = (Text(text=NO_RESULT),)
    return ToolResult(call_id=call.call_id, content=content, is_error=True, name=call.name, custom=call.custom)


def _sections(turns: Iterable[Turn]) -> list[_Section]:
    sections = [_Section()]
    for turn in turns:
        if turn.role != "assistant":
            sections[-1].others.append(turn)
            continue
        if sections[-1].others:
            sections.append(_Section())
        sections[-1].assistant.append(turn)
    return sections


def _match(sections: list[_Section]) -> None:
    """Give each result to the nearest earlier unanswered call of its id, what is left to the first one of its id."""
    waiting: dict[str, list[tuple[_Section, int]]] = {}
    left: list[tuple[_Section, _Place, ToolResult]] = []
    for section in sections:
        for index, call in enumerate(section.calls):
            waiting.setdefault(call.call_id, []).append((section, index))
        for place, result in section.results:
            open_calls = waiting.get(result.call_id)
            if not open_calls:
                left.append((section, place, result))
                continue
            nearest = open_calls[-1][0]  # equal ids within one section are answered in order
            _give(section, place, result, open_calls.pop(next(i for i, c in enumerate(open_calls) if c[0] is nearest)))
    for section, place, result in left:
        if waiting.get(result.call_id):
            _give(section, place, result, waiting[result.call_id].pop(0))


def _give(section: _Section, place: _Place, result: ToolResult, to: tuple[_Section, int]) -> None:
    owner, index = to
    owner.answered.add(index)
    owner.answers.append((place if owner is section else None, result))
    section.given.add(place)


def merge(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Join neighbouring turns of one role (not `system`); in user turns tool results come first, in their order."""
    merged: list[Turn] = []
    for turn in turns:
        last = merged[-1] if merged else None
        if last is not None and last.role == turn.role != "system":
            merged[-1] = Turn(role=turn.role, parts=last.parts + turn.parts, extra=_joined(last.extra, turn.extra))
        else:
            merged.append(turn)
    return tuple(_results_first(turn) if turn.role == "user" else turn for turn in merged)


def _results_first(turn: Turn) -> Turn:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    if not results or all(isinstance(part, ToolResult) for part in turn.parts[: len(results)]):
        return turn
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    return structs.replace(turn, parts=(*results, *others))


def _joined(first: Extra, second: Extra) -> Extra:
    if not first or not second:
        return first or second
    joined = {dialect: dict(keys) for dialect, keys in first.items()}
    for dialect, keys in second.items():
        joined.setdefault(dialect, {}).update(keys)
    return joined


def fold_system(conversation: Conversation, notes: Notes) -> Conversation:
    """System turns after the first user or assistant turn become ``<system-reminder>`` text in the neighbouring user
    turn (never hoisted to the top: order carries meaning, and the prompt cache)."""
    return fold_system_where(conversation, notes, _always)


def _always(turns: tuple[Turn, ...], index: int) -> bool:
    return True


def fold_system_where(
    conversation: Conversation, notes: Notes, wrong: Callable[[tuple[Turn, ...], int], bool]
) -> Conversation:
    """`fold_system` for those system turns only for which ``wrong(turns, index)`` holds."""
    turns = conversation.turns
    first = next((i for i, turn in enumerate(turns) if turn.role != "system"), len(turns))
    folded = {
        i: _reminders(turns[i]) for i in range(first, len(turns)) if turns[i].role == "system" and wrong(turns, i)
    }
    if not folded:
        return conversation
    notes.emulated("system_turn")
    return structs.replace(conversation, turns=_with_reminders(turns, folded))


def _reminders(turn: Turn) -> tuple[Part, ...]:
    return tuple(
        structs.replace(part, text=f"<system-reminder>\n{part.text}\n</system-reminder>")
        if isinstance(part, Text)
        else part
        for part in turn.parts
    )


def _with_reminders(turns: tuple[Turn, ...], folded: Mapping[int, tuple[Part, ...]]) -> tuple[Turn, ...]:
    """Behind the user turn before it, else in front of the one after it, else a user turn of its own."""
    result: list[Turn] = []
    waiting: tuple[Part, ...] = ()
    for index, turn in enumerate(turns):
        reminders = folded.get(index)
        if reminders is not None:
            if not waiting and result and result[-1].role == "user":
                result[-1] = structs.replace(result[-1], parts=result[-1].parts + reminders)
            else:
                waiting += reminders
            continue
        if waiting:
            if turn.role == "user":
                turn = _results_first(structs.replace(turn, parts=waiting + turn.parts))
            else:
                result.append(Turn(role="user", parts=waiting))
            waiting = ()
        result.append(turn)
    if waiting:
        result.append(Turn(role="user", parts=waiting))
    return tuple(result)
