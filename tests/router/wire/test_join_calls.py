"""Tool calls of two attempts become one: each once, with arguments that belong together, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire.conversation import Conversation, Text, Turn
from router.wire.delivered import Delivered
from router.wire.events import (
    Ended,
    Event,
    Finished,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
)
from router.wire.join import Disagreement
from router.wire.join_calls import Rest
from router.wire.splice import CALL, Splice, resumed
from tests.router.wire.test_splice import feed, given_out

scalars = st.one_of(st.none(), st.booleans(), st.integers(-10, 10), st.text(max_size=8))
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=4)


def splice(delivered: Delivered) -> Splice:
    return Splice(delivered, before=Usage(), continues=False)


def call(call_id: str, name: str, *arguments: str, ended: bool = True) -> list[Event]:
    events: list[Event] = [ToolStarted(call_id, name), *(ToolArguments(call_id, text) for text in arguments)]
    return [*events, ToolEnded(call_id)] if ended else events


@given(objects, st.integers(0, 300), st.integers(1, 9), st.booleans(), st.booleans())
def test_the_rest_of_cut_arguments_makes_the_same_value(
    value: dict[str, Any], cut: int, size: int, spaced: bool, other: bool
) -> None:
    """Whatever white space the two models write."""
    wide, tight = json.dumps(value, indent=1 if other else None), json.dumps(value, separators=(",", ":"))
    first, second = (wide, tight) if spaced else (tight, wide)
    given_text = first[:cut]
    rest = Rest(given_text, free=False)
    made = given_text + "".join(rest.feed(second[at : at + size]) for at in range(0, len(second), size))
    assert rest.met
    assert json.loads(made) == value


@given(st.text(max_size=40), st.integers(0, 40), st.integers(1, 5))
def test_free_text_is_compared_as_it_is(text: str, cut: int, size: int) -> None:
    rest = Rest(text[:cut], free=True)
    assert text[:cut] + "".join(rest.feed(text[at : at + size]) for at in range(0, len(text), size)) == text
    if cut and text:
        with pytest.raises(Disagreement):
            Rest(text[:cut], free=True).feed(" " + text if text[0] != " " else "x" + text)


def test_a_cut_call_goes_on_under_its_id_and_a_new_one_follows() -> None:
    joined = splice(given_out(TextDelta("I look."), *call("a", "find", '{"what": "x', ended=False)))
    again: list[Event] = [
        *(ThinkingDelta("hm"), ThinkingEnded(), TextDelta("I look."), TextEnded()),
        *call("b", "find", '{"what"', ':"x and', ' y"}'),
        *call("a", "look", "{}"),
        Finished("tools"),
        Ended(),
    ]
    assert feed(joined, *again) == [
        *(ToolArguments("a", " and"), ToolArguments("a", ' y"}'), ToolEnded("a")),
        *(ToolStarted("a_2", "look"), ToolArguments("a_2", "{}"), ToolEnded("a_2")),
        *(Finished("tools"), Ended()),
    ]


def test_a_whole_call_is_not_given_out_again_however_it_is_written() -> None:
    joined = splice(given_out(*call("a", "find", '{"x": 1, "y": [2]}')))
    assert feed(joined, *call("z", "find", '{"y":[2],"x":1}'), Finished("tools")) == [Finished("tools")]


def test_a_call_that_nobody_ended_is_ended_with_the_answer() -> None:
    joined = splice(given_out(*call("a", "find", '{"x"', ended=False)))
    events = feed(joined, *call("b", "find", '{"x":1}', ended=False), Finished("tools"))
    assert events == [ToolArguments("a", ":1}"), ToolEnded("a"), Finished("tools")]


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ([TextDelta("No tool is needed.")], "something else before"),
        ([Finished("end")], "does not call"),
        (call("b", "look", "{}"), "another tool"),
        ([ToolStarted("b", "find", custom=True)], "another tool"),
        (call("b", "find", '{"what":"z"}'), "other arguments"),
        (call("b", "find", '{"wh'), "earlier"),
        ([*call("b", "find", '{"wh', ended=False), Finished("tools")], "earlier"),
    ],
)
def test_other_calls_are_no_continuation(again: list[Event], why: str) -> None:
    joined = splice(given_out(*call("a", "find", '{"what":"x', ended=False)))
    with pytest.raises(Disagreement, match=why):
        feed(joined, *again)


def test_a_whole_call_with_other_arguments_is_no_continuation() -> None:
    joined = splice(given_out(*call("a", "find", '{"x":1}')))
    with pytest.raises(Disagreement, match="other arguments"):
        feed(joined, *call("b", "find", '{"x":true}'))


def test_the_next_model_is_asked_for_the_same_calls() -> None:
    asked = Conversation(dialect="chat", model="m", turns=(Turn("user", (Text(text="Hi"),)),))
    delivered = given_out(*call("a", "find", '{"x":1}'), *call("b", "look", '{"y', ended=False))
    (words,) = resumed(asked, delivered, continues=True).system
    assert isinstance(words, Text)
    assert words.text.splitlines() == [
        CALL,
        '- find with exactly these arguments: {"x":1}',
        '- look with arguments that begin with exactly: {"y',
    ]


def test_content_behind_a_call_ends_the_chance() -> None:
    assert given_out(*call("a", "find", "{}"), TextDelta("Done.")).bar is not None
    assert given_out(*call("a", "find", "{}")).bar is None
