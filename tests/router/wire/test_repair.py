from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.wire.conversation import Conversation, Part, Text, Thinking, ToolCall, ToolResult, Turn
from router.wire.notes import Notes
from router.wire.repair import NO_RESULT, fold_system, merge, repair


def call(call_id: str, **fields: Any) -> ToolCall:
    return ToolCall(call_id=call_id, name="t", arguments="{}", **fields)


def result(call_id: str, text: str = "ok") -> ToolResult:
    return ToolResult(call_id=call_id, content=(Text(text=text),))


def user(*parts: Part | str) -> Turn:
    return Turn(role="user", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn(role="assistant", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts))


def system(text: str) -> Turn:
    return Turn(role="system", parts=(Text(text=text),))


def talk(*turns: Turn) -> Conversation:
    return Conversation(dialect="chat", model="m", turns=turns)


def repaired(*turns: Turn) -> tuple[tuple[Turn, ...], list[str]]:
    notes = Notes()
    return repair(talk(*turns), notes).turns, [f"{note.action}={note.what}" for note in notes.taken()]


def test_a_sound_history_is_returned_as_it_is() -> None:
    sound = talk(user("a"), assistant("x", call("1"), call("2")), user(result("2"), result("1"), "and"), assistant("y"))
    notes = Notes()
    assert repair(sound, notes) is sound
    assert notes.taken() == ()


def test_an_orphan_call_is_answered_as_interrupted() -> None:
    turns, notes = repaired(user("a"), assistant(call("1"), call("2", custom=True)), user(result("1"), "go on"))
    answer = turns[2].parts[1]
    assert isinstance(answer, ToolResult)
    assert (answer.call_id, answer.is_error, answer.name, answer.custom) == ("2", True, "t", True)
    assert answer.content == (Text(text=NO_RESULT),)
    assert turns[2].parts[0] == result("1")
    assert turns[3] == user("go on")
    assert notes == ["repaired=orphan_call"]


def test_an_orphan_call_at_the_end_is_answered_in_a_new_turn() -> None:
    turns, _ = repaired(user("a"), assistant(call("1")))
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[2].parts[0].call_id == "1"  # type: ignore[attr-defined]


def test_an_orphan_call_before_another_answer_is_answered_between_them() -> None:
    turns, _ = repaired(assistant(call("1")), system("s"), assistant("b"))
    assert [turn.role for turn in turns] == ["assistant", "user", "system", "assistant"]


def test_an_orphan_result_becomes_user_text_in_its_place() -> None:
    turns, notes = repaired(user("a", result("9", "lost"), "b"))
    texts = [part.text for part in turns[0].parts if isinstance(part, Text)]
    assert len(texts) == len(turns[0].parts) == 4
    assert texts[0] == "a"
    assert "9" in texts[1]
    assert texts[2:] == ["lost", "b"]
    assert notes == ["repaired=orphan_result"]


def test_a_second_result_for_one_call_is_an_orphan() -> None:
    turns, notes = repaired(assistant(call("1")), user(result("1", "first"), result("1", "second")))
    assert turns[1].parts == (result("1", "first"),)
    assert turns[2].parts[-1] == Text(text="second")
    assert notes == ["repaired=orphan_result"]


def test_a_late_result_is_moved_behind_its_call() -> None:
    turns, notes = repaired(assistant(call("1")), user("wait"), assistant("hm"), user(result("1"), "there"))
    assert turns == (assistant(call("1")), user(result("1")), user("wait"), assistant("hm"), user("there"))
    assert notes == ["repaired=tool_result_order"]


def test_a_result_behind_text_or_system_comes_first() -> None:
    turns, notes = repaired(assistant(call("1")), system("s"), user("text", result("1")))
    assert turns == (assistant(call("1")), user(result("1")), system("s"), user("text"))
    assert notes == ["repaired=tool_result_order"]


def test_a_result_before_its_call_still_finds_it() -> None:
    turns, _ = repaired(user(result("1", "early")), assistant(call("1")))
    assert turns == (assistant(call("1")), user(result("1", "early")))


def test_ids_that_return_in_every_turn_pair_with_the_nearest_call() -> None:
    first, second = user(result("0", "a")), user(result("0", "b"))
    sound = (user("q"), assistant(call("0")), first, assistant(call("0")), second)
    assert repaired(*sound) == (sound, [])


def test_calls_in_neighbouring_turns_are_one_step() -> None:
    """Responses clients send each call and each output as an item of its own."""
    sound = (assistant(call("1")), assistant(call("2")), user(result("1")), user(result("2")))
    assert repaired(*sound) == (sound, [])


def test_turn_keys_survive_where_a_turn_of_results_is_rebuilt() -> None:
    marked = Turn(role="user", parts=(result("1"),), extra={"messages": {"k": 1}})
    turns, _ = repaired(assistant(call("1"), call("2")), marked)
    assert turns[1].extra == {"messages": {"k": 1}}


_parts = st.sampled_from([Text(text="t"), result("1"), result("2"), result("3"), result("1", "again")])
_says = st.sampled_from([Text(text="a"), Thinking(text="h"), call("1"), call("2"), call("3")])
_turns = st.lists(
    st.one_of(
        st.builds(lambda parts: Turn("user", tuple(parts)), st.lists(_parts, min_size=1, max_size=4)),
        st.builds(lambda parts: Turn("assistant", tuple(parts)), st.lists(_says, min_size=1, max_size=4)),
        st.just(system("s")),
    ),
    max_size=8,
)


def _steps(turns: tuple[Turn, ...]) -> list[tuple[list[str], list[Part]]]:
    """Per run of assistant turns: its call ids, and the parts that follow (system turns as None)."""
    steps: list[tuple[list[str], list[Any]]] = [([], [])]
    for turn in turns:
        if turn.role == "assistant":
            if steps[-1][1]:
                steps.append(([], []))
            steps[-1][0].extend(part.call_id for part in turn.parts if isinstance(part, ToolCall))
        else:
            steps[-1][1].extend(turn.parts if turn.role == "user" else [None])
    return steps


@given(_turns)
def test_a_repaired_history_obeys_the_pairing_rules_and_stays_as_it_is(turns: list[Turn]) -> None:
    once = repair(talk(*turns), Notes())
    for calls, after in _steps(once.turns):
        answers = after[: len(calls)]
        assert sorted(calls) == sorted(part.call_id for part in answers if isinstance(part, ToolResult))
        assert not any(isinstance(part, ToolResult) for part in after[len(calls) :])
    assert repair(once, Notes()) is once


@given(_turns)
def test_repair_loses_nothing_that_anybody_said(turns: list[Turn]) -> None:
    def said(parts: Any) -> list[str]:
        texts = []
        for part in parts:
            texts += said(part.content) if isinstance(part, ToolResult) else [str(getattr(part, "text", part))]
        return texts

    before = [text for turn in turns for text in said(turn.parts)]
    after = [text for turn in repair(talk(*turns), Notes()).turns for text in said(turn.parts)]
    for text in set(before):
        assert after.count(text) == before.count(text)


def test_merge_joins_neighbours_of_one_role_but_no_system_turns() -> None:
    merged = merge((user("a"), user("b"), system("s"), system("t"), assistant("c"), assistant(call("1"))))
    assert merged == (user("a", "b"), system("s"), system("t"), assistant("c", call("1")))


def test_merge_puts_results_first_in_their_order_and_keeps_turn_keys() -> None:
    first = Turn(role="user", parts=(Text(text="a"), result("2")), extra={"messages": {"x": 1}})
    second = Turn(role="user", parts=(result("1"),), extra={"messages": {"y": 2}, "chat": {"z": 3}})
    (merged,) = merge((first, second))
    assert merged.parts == (result("2"), result("1"), Text(text="a"))
    assert merged.extra == {"messages": {"x": 1, "y": 2}, "chat": {"z": 3}}


def test_merge_leaves_ordered_turns_untouched() -> None:
    ordered = (user(result("1"), "a"), assistant("b"), user("c"))
    merged = merge(ordered)
    assert all(new is old for new, old in zip(merged, ordered, strict=True))


def test_system_turns_fold_into_the_neighbouring_user_turn() -> None:
    reminder = "<system-reminder>\ns\n</system-reminder>"
    notes = Notes()
    assert fold_system(talk(user("a"), system("s"), assistant("b")), notes).turns == (
        user("a", reminder),
        assistant("b"),
    )
    assert [note.what for note in notes.taken()] == ["system_turn"]
    assert fold_system(talk(user("a"), assistant("b"), system("s"), user("c")), Notes()).turns[2] == user(reminder, "c")
    alone = fold_system(talk(user("a"), assistant("b"), system("s")), Notes()).turns
    assert alone == (user("a"), assistant("b"), user(reminder))
    between = fold_system(talk(user("a"), assistant("b"), system("s"), assistant("c")), Notes()).turns
    assert between == (user("a"), assistant("b"), user(reminder), assistant("c"))


def test_folded_system_text_stays_behind_tool_results() -> None:
    folded = fold_system(talk(assistant(call("1")), system("s"), user(result("1"))), Notes()).turns
    assert folded[1].parts[0] == result("1")
    assert folded[1].parts[1] == Text(text="<system-reminder>\ns\n</system-reminder>")


def test_leading_system_turns_are_not_folded() -> None:
    leading = talk(system("s"), user("a"))
    assert fold_system(leading, Notes()) is leading
