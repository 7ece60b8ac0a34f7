"""The string in {"input": "…"}, escape by escape."""

from __future__ import annotations

from router.faults import Fault
from router.wire.events import Ended, Event, Failed, Finished, Started, ToolArguments, ToolEnded, ToolStarted
from router.wire.undo_custom import CustomTools, InputUnwrapper


def unwrapped(*pieces: str) -> list[str]:
    unwrapper = InputUnwrapper()
    return [*map(unwrapper.feed, pieces), unwrapper.close()]


def test_every_escape_of_json_is_undone() -> None:
    assert unwrapped(r'{"input": "\n\t\r\b\f\"\\\/A\u00fc"}') == ['\n\t\r\b\f"\\/Aü', ""]


def test_an_unknown_escape_is_its_character_and_a_broken_code_stays_as_it_is() -> None:
    assert unwrapped(r'{"input":"a\qb"}') == ["aqb", ""]
    assert unwrapped(r'{"input":"a\uZZZZb"}') == [r"a\uZZZZb", ""]


def test_an_escape_waits_for_its_rest() -> None:
    assert unwrapped('{"input":"a\\', "n", "b\\u00", "fc", 'c"}') == ["a", "\n", "b", "ü", "c", ""]


def test_both_halves_of_a_character_are_one_and_wait_for_each_other() -> None:
    assert unwrapped(r'{"input":"\ud83d\ude00!"}') == ["😀!", ""]
    assert unwrapped(r'{"input":"\ud83d', r"\ud", 'e00"}') == ["", "", "😀", ""]
    assert unwrapped(r'{"input":"\udbff\udfff"}') == ["\U0010ffff", ""]
    assert unwrapped(r'{"input":"\ud800\udc00"}') == ["\U00010000", ""]


def test_a_half_without_its_other_half_stays_a_half() -> None:
    assert unwrapped(r'{"input":"\ud83d!"}') == ["\ud83d!", ""]
    assert unwrapped(r'{"input":"\ud83d\u0041"}') == ["\ud83dA", ""]
    assert unwrapped(r'{"input":"\ude00\n"}') == ["\ude00\n", ""]
    assert unwrapped(r'{"input":"\ud83d\n"}') == ["\ud83d\n", ""]
    assert unwrapped(r'{"input":"\ud83d\uZZZZ"}') == ["\ud83d\\uZZZZ", ""]
    assert unwrapped(r'{"input":"\ud83d"}') == ["\ud83d", ""]


def test_space_before_the_string_is_allowed_and_nothing_follows_it() -> None:
    assert unwrapped(' {\n "input" :\t"a"', ' , "more": "b"}') == ["a", "", ""]


def test_other_shapes_are_read_as_a_whole_when_the_call_ends() -> None:
    assert unwrapped('{"why": 1, "input"', ': "a"}') == ["", "", "a"]
    assert unwrapped('"bare"') == ["", "bare"]
    assert unwrapped('{"other": 1}') == ["", '{"other":1}']
    assert unwrapped('{"input": 5}') == ["", '{"input":5}']
    assert unwrapped("[1]") == ["", "[1]"]
    assert unwrapped("not json") == ["", "not json"]
    assert unwrapped(" ") == ["", ""]
    long = '{"reason": "' + "x" * 80 + '", '
    assert unwrapped(long, '"input": "a"}') == ["", "", "a"]


def feed(stage: CustomTools, *events: Event) -> list[Event]:
    return [out for event in events for out in stage.feed(event)]


def test_only_the_named_tools_are_unwrapped_each_call_for_itself() -> None:
    stage = CustomTools(frozenset({"patch"}))
    assert feed(
        stage,
        Started("r", "m"),
        ToolStarted("a", "patch"),
        ToolStarted("b", "look"),
        ToolStarted("a", "patch", choice=1),
        ToolArguments("a", '{"input":"x'),
        ToolArguments("b", "{}"),
        ToolArguments("a", '{"inp', 1),
        ToolEnded("a"),
        ToolArguments("a", 'ut":"y"}', 1),
        ToolEnded("b"),
    ) == [
        Started("r", "m"),
        ToolStarted("a", "patch", custom=True),
        ToolStarted("b", "look"),
        ToolStarted("a", "patch", custom=True, choice=1),
        ToolArguments("a", "x"),
        ToolArguments("b", "{}"),
        ToolEnded("a"),
        ToolArguments("a", "y", 1),
        ToolEnded("b"),
    ]


def test_what_is_held_is_given_before_the_end_of_its_answer() -> None:
    opened = (ToolStarted("a", "patch"), ToolStarted("b", "patch", choice=1))
    held = (ToolArguments("a", "{broken"), ToolArguments("b", "[broken", 1))
    for end in (Ended(), Failed(Fault("upstream_broken", "cut"))):
        stage = CustomTools(frozenset({"patch"}))
        assert feed(stage, *opened, *held, end)[2:] == [*held, end]
    stage = CustomTools(frozenset({"patch"}))
    assert feed(stage, *opened, *held, Finished("length"), Ended())[2:] == [
        held[0],
        Finished("length"),
        held[1],
        Ended(),
    ]
