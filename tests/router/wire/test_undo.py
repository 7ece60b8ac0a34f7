"""What a request had to bend is bent back on the answer, for any split of the deltas."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.conversation import Text, ToolCall
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.fold import fold
from router.wire.undo import Undoer, apply
from router.wire.written import Undo
from tests.router.wire import strategies

ALPHABET = st.sampled_from(list('ab\\"{}:` \n\U0001f600ü'))


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def split(draw: st.DrawFn, text: str) -> list[str]:
    return pieces(draw, text)


def texts(given_pieces: list[str], *, reason: str = "end") -> list[Event]:
    return [Started("r", "m"), *map(TextDelta, given_pieces), Finished(reason), Ended()]  # type: ignore[arg-type]


def call(given_pieces: list[str], name: str = "patch") -> list[Event]:
    arguments = [ToolArguments("c", piece) for piece in given_pieces]
    return [Started("r", "m"), ToolStarted("c", name), *arguments, ToolEnded("c"), Finished("tools"), Ended()]


@given(strategies.event_streams(interleave=True, ordered=False, custom=True, refusals=True))
def test_nothing_to_undo_changes_nothing(stream: list[Event]) -> None:
    assert Undo().nothing
    assert apply(Undo(), stream) == stream


def test_names_come_back_with_their_namespace() -> None:
    undo = Undo(names={"ns__f": ("f", "ns"), "long_1": ("long name", None)})
    out = apply(undo, [ToolStarted("a", "ns__f"), ToolStarted("b", "long_1"), ToolStarted("c", "same")])
    assert out == [ToolStarted("a", "f", namespace="ns"), ToolStarted("b", "long name"), ToolStarted("c", "same")]


@given(st.text(ALPHABET, max_size=30), st.booleans(), st.data())
def test_free_text_is_unescaped_for_any_split(text: str, ascii_only: bool, data: st.DataObject) -> None:
    encoded = json.dumps({"input": text}, ensure_ascii=ascii_only)
    answer = fold(apply(Undo(custom=frozenset({"patch"})), call(data.draw(split(encoded)))))
    assert answer.choices[0].parts == (ToolCall("c", "patch", text, custom=True),)


def test_free_text_streams_while_it_arrives() -> None:
    undoer = Undoer(Undo(custom=frozenset({"patch"})))
    undoer.feed(ToolStarted("c", "patch"))
    out = [undoer.feed(ToolArguments("c", piece)) for piece in ('{"inp', 'ut": "one', " two\\", 'n"}')]
    assert out == [[], [ToolArguments("c", "one")], [ToolArguments("c", " two")], [ToolArguments("c", "\n")]]


@given(st.sampled_from(['{"other":1,"input":"x"}', '"bare"', '{"input":7}', "not json", "", "[1,2]"]), st.data())
def test_free_text_in_another_shape_is_read_as_a_whole(encoded: str, data: st.DataObject) -> None:
    expected = {'{"other":1,"input":"x"}': "x", '"bare"': "bare"}.get(encoded, encoded)
    answer = fold(apply(Undo(custom=frozenset({"patch"})), call(data.draw(split(encoded)))))
    assert answer.choices[0].parts == (ToolCall("c", "patch", expected, custom=True),)


def test_a_free_text_call_that_was_cut_keeps_what_came_of_it() -> None:
    stream: list[Event] = [ToolStarted("c", "patch"), ToolArguments("c", '{"input":"abc\\u00'), Finished("length")]
    answer = fold(apply(Undo(custom=frozenset({"patch"})), stream))
    assert answer.choices[0].parts == (ToolCall("c", "patch", "abc", custom=True),)


def test_an_unreadable_call_that_never_ended_is_given_at_the_finish() -> None:
    stream: list[Event] = [ToolStarted("c", "patch"), ToolArguments("c", "plain words"), Finished("length"), Ended()]
    assert apply(Undo(custom=frozenset({"patch"})), stream)[1:] == [
        ToolArguments("c", "plain words"),
        Finished("length"),
        Ended(),
    ]


def test_a_free_text_tool_gets_its_own_name_back() -> None:
    undo = Undo(custom=frozenset({"ns__exec"}), names={"ns__exec": ("exec", "ns")})
    assert apply(undo, [ToolStarted("c", "ns__exec")]) == [ToolStarted("c", "exec", custom=True, namespace="ns")]


@given(st.data())
def test_the_output_tool_becomes_the_text_of_the_answer(data: st.DataObject) -> None:
    encoded = '{"city":"Köln","n":1}'
    answer = fold(apply(Undo(output_tool="respond"), call(data.draw(split(encoded)), name="respond")))
    assert (answer.choices[0].parts, answer.choices[0].reason) == ((Text(encoded),), "end")


def test_words_before_the_output_tool_do_not_spoil_the_json() -> None:
    stream = [TextDelta("Here it is: "), TextEnded(), *call(["{}"], name="respond")[1:]]
    assert fold(apply(Undo(output_tool="respond"), stream)).choices[0].parts == (Text("{}"),)


def test_an_answer_without_the_output_tool_keeps_its_text() -> None:
    stream = texts(["I can", "not."])
    assert fold(apply(Undo(output_tool="respond"), stream)).choices[0].parts == (Text("I cannot."),)


def test_other_calls_beside_the_output_tool_keep_the_reason() -> None:
    stream: list[Event] = [TextDelta("a"), ToolStarted("x", "other"), ToolEnded("x"), Finished("tools"), Ended()]
    answer = fold(apply(Undo(output_tool="respond"), stream))
    assert answer.choices[0].parts == (Text("a"), ToolCall("x", "other", ""))
    assert answer.choices[0].reason == "tools"


@given(st.text("abc", max_size=24), st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3), st.data())
def test_a_stop_cuts_at_the_first_complete_match_for_any_split(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    undo = Undo(stop=tuple(stops))
    expected = fold(apply(undo, texts(list(text)))).choices[0]
    assert fold(apply(undo, texts(data.draw(split(text))))).choices[0] == expected
    shown = "".join(part.text for part in expected.parts if isinstance(part, Text))
    if not any(stop in text for stop in stops):
        assert (shown, expected.reason) == (text, "end")
    else:
        assert text.startswith(shown) and not any(stop in shown for stop in stops)
        assert (expected.reason, expected.stop_sequence in stops) == ("stop_sequence", True)


def test_text_that_cannot_begin_a_stop_is_not_held() -> None:
    undoer = Undoer(Undo(stop=("STOP",)))
    assert undoer.feed(TextDelta("ab")) == [TextDelta("ab")]
    assert undoer.feed(TextDelta("cST")) == [TextDelta("c")]
    assert undoer.feed(TextDelta("x")) == [TextDelta("STx")]


def test_after_a_stop_everything_is_dropped_but_usage_and_the_end() -> None:
    stream: list[Event] = [
        Started("r", "m"),
        TextDelta("one STOP two"),
        ThinkingDelta("more"),
        ToolStarted("c", "f"),
        UsageReported(Usage(input=3, output=4)),
        Finished("length"),
        Ended(),
    ]
    assert apply(Undo(stop=("STOP",)), stream) == [
        Started("r", "m"),
        TextDelta("one "),
        UsageReported(Usage(input=3, output=4)),
        Finished("stop_sequence", "STOP"),
        Ended(),
    ]


def test_held_text_comes_out_before_what_follows_it() -> None:
    undo = Undo(stop=("STOP",))
    assert apply(undo, [TextDelta("aS"), ToolStarted("c", "f")])[-2:] == [TextDelta("S"), ToolStarted("c", "f")]
    fault = Failed(Fault("timeout", "silence"))
    assert apply(undo, [TextDelta("S"), fault]) == [TextDelta("S"), fault]
    cited = Cited("https://a.test")
    assert apply(undo, [TextDelta("S"), cited, TextDelta("x")]) == [TextDelta("Sx"), cited]


def test_stops_are_told_apart_by_choice() -> None:
    stream = [
        TextDelta("aX", 0),
        TextDelta("b", 1),
        TextDelta("c", 0),
        Finished("end", choice=0),
        Finished("end", choice=1),
    ]
    assert apply(Undo(stop=("X",)), stream) == [
        TextDelta("a", 0),
        TextDelta("b", 1),
        Finished("stop_sequence", "X", choice=0),
        Finished("end", choice=1),
    ]


BODY = '{"a": "```x```",\n "b": [1]}'
FENCED = {
    f"```json\n{BODY}\n```": BODY,
    f"```\n{BODY}\n```\n\nI hope that helps.": BODY,
    f"\n ```json\r\n{BODY}\r\n```  \n": BODY,
    '```json{"a":1}```': '{"a":1}',
    f"```json\n{BODY}": BODY,
    "```json\n```": "",
    BODY: BODY,
    "  plain `code` text ``` with fences": "  plain `code` text ``` with fences",
    "``": "``",
    "Look:\n```\nx\n```": "Look:\n```\nx\n```",
}


@given(st.sampled_from(sorted(FENCED)), st.data())
def test_one_code_fence_around_the_text_is_stripped_for_any_split(text: str, data: st.DataObject) -> None:
    answer = fold(apply(Undo(unfence=True), texts(data.draw(split(text)))))
    assert "".join(part.text for part in answer.choices[0].parts if isinstance(part, Text)) == FENCED[text]
    assert answer.choices[0].reason == "end"
    assert answer.complete
