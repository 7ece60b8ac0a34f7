from __future__ import annotations

from router.wire.conversation import Text, ToolCall, ToolResult, Turn
from router.wire.notes import Notes
from router.wire.unique_calls import with_unique_ids
from router.wire.written import Note


def step(*pairs: tuple[str, str]) -> tuple[Turn, Turn]:
    calls = tuple(ToolCall(call_id, "f", "{}") for call_id, _ in pairs)
    return Turn("assistant", calls), Turn("user", tuple(ToolResult(i, (Text(said),)) for i, said in pairs))


def paired(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
    return [(p.call_id, p.content[0].text) for turn in turns for p in turn.parts if isinstance(p, ToolResult)]  # type: ignore[attr-defined]


def test_different_ids_are_left_alone() -> None:
    turns = (*step(("a", "1"), ("b", "2")), *step(("c", "3")))
    notes = Notes()
    assert with_unique_ids(turns, notes) is turns
    assert notes.taken() == ()


def test_an_id_that_returns_gets_another_one_with_its_result_and_the_first_keeps_it() -> None:
    turns = (*step(("call_0", "1"), ("call_1", "2")), *step(("call_0", "3")), *step(("call_0", "4")))
    notes = Notes()
    fitted = with_unique_ids(turns, notes)
    ids = [part.call_id for turn in fitted for part in turn.parts if isinstance(part, ToolCall)]
    assert ids[:2] == ["call_0", "call_1"]
    assert len(set(ids)) == 4
    assert paired(fitted) == list(zip(ids, "1234", strict=True))
    assert notes.taken() == (Note("repaired", "call_id"),)
    assert with_unique_ids(turns, Notes()) == fitted


def test_equal_ids_within_one_turn_are_answered_in_order() -> None:
    fitted = with_unique_ids(step(("x", "1"), ("x", "2")), Notes())
    ids = [part.call_id for part in fitted[0].parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert paired(fitted) == [(ids[0], "1"), (ids[1], "2")]


def test_a_result_without_a_call_keeps_its_id() -> None:
    stray = Turn("user", (ToolResult("gone", (Text("s"),)),))
    assert with_unique_ids((*step(("a", "1")), *step(("a", "2")), stray), Notes())[-1] == stray
