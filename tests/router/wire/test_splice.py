"""What was given out, and how the events of another attempt follow it."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.conversation import Conversation, Inline, Reasoning, Text, Turn
from router.wire.delivered import Delivered
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Finished,
    ForeignProduced,
    MediaProduced,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    Usage,
    UsageReported,
)
from router.wire.join import Disagreement
from router.wire.splice import BEGIN, Splice, added, resumed, together

NOTHING = Usage()


def given_out(*events: Event) -> Delivered:
    made = Delivered()
    for event in events:
        made.note([event])
    return made


def texts(*words: str) -> list[Event]:
    return [TextDelta(word) for word in words]


def test_content_is_kept_in_as_few_events_as_can_be() -> None:
    many = [f"w{number} " for number in range(1000)]
    made = given_out(Started("id", "m"), ThinkingDelta("a"), ThinkingDelta("b"), ThinkingEnded(), *texts(*many))
    assert made.events() == [ThinkingDelta("ab"), ThinkingEnded(), TextDelta("".join(many))]
    assert (made.text, made.bar, made.thinking) == ("".join(many), None, False)
    assert len(made._pieces) < 64 and len(made._whole) < 20  # not a string per token


def test_an_end_of_a_part_and_what_follows_it_are_told_apart() -> None:
    made = given_out(*texts("a"), TextEnded(), *texts("b", "c"))
    assert made.events() == [TextDelta("a"), TextEnded(), TextDelta("bc")]
    assert made.text == "abc"


@pytest.mark.parametrize(
    "event",
    [
        RefusalDelta("no"),
        MediaProduced("image", Inline("image/png", "")),
        ForeignProduced("messages", {"type": "server_tool_use"}),
        Cited("https://x"),
        TextDelta("b", choice=1),
    ],
)
def test_behind_some_content_nobody_can_go_on_and_nothing_is_kept(event: Event) -> None:
    made = given_out(*texts("a"), event, *texts("b"))
    assert made.bar is not None
    assert "a" not in made.text


def feed(splice: Splice, *events: Event) -> list[Event]:
    return [out for event in events for out in splice.feed(event)]


def test_the_rest_follows_without_its_head_its_thoughts_and_its_repetition() -> None:
    splice = Splice(given_out(*texts("Hello the", "re, wo")), before=Usage(input=9, output=3), continues=False)
    events: list[Event] = [Started("x", "y"), ThinkingDelta("hm"), ThinkingEnded(), *texts("Hello there,", " world")]
    end: list[Event] = [TextEnded(), UsageReported(Usage(input=7, output=4)), Finished("end"), Ended()]
    assert feed(splice, *events, *end) == [
        TextDelta("rld"),
        TextEnded(),
        UsageReported(Usage(input=9, output=7)),
        Finished("end"),
        Ended(),
    ]


def test_what_is_held_back_goes_out_before_the_end() -> None:
    splice = Splice(given_out(*texts("one two three four five six")), before=NOTHING, continues=True)
    assert feed(splice, *texts(" two")) == []  # may be a repetition
    assert feed(splice, Finished("end")) == [TextDelta(" two"), Finished("end")]


def test_an_end_without_the_words_that_were_there_is_no_end() -> None:
    splice = Splice(given_out(*texts("one two three four five six")), before=NOTHING, continues=False)
    assert feed(splice, *texts("one two three four")) == []
    with pytest.raises(Disagreement):
        splice.feed(Finished("end"))


def test_a_thought_that_was_cut_is_ended_and_another_model_thinks_anew() -> None:
    splice = Splice(given_out(ThinkingDelta("I wond")), before=NOTHING, continues=False)
    events: list[Event] = [Started("x", "y"), ThinkingDelta("Well"), ThinkingEnded(), *texts("Hi"), Finished("end")]
    assert feed(splice, *events) == [
        ThinkingEnded(),
        ThinkingDelta("Well"),
        ThinkingEnded(),
        TextDelta("Hi"),
        Finished("end"),
    ]


def test_the_next_model_is_shown_the_beginning_as_its_own_words() -> None:
    asked = Conversation(
        dialect="chat", model="m", turns=(Turn("user", (Text(text="hi"),)),), reasoning=Reasoning(effort="high")
    )
    after = resumed(asked, given_out(*texts("Hel", "lo ")), continues=True)
    assert after.turns == (*asked.turns, Turn("assistant", (Text(text="Hello "),)))
    assert (after.system, after.reasoning) == ((), Reasoning())
    after = resumed(asked, given_out(*texts("Hel", "lo ")), continues=False)
    assert (after.turns, after.system) == (asked.turns, (Text(text=f"{BEGIN}\nHello"),))
    assert resumed(asked, given_out(ThinkingDelta("hm")), continues=True) == asked


def test_usage_is_told_once_and_paid_twice() -> None:
    first: dict[str, Any] = {"input": 10, "output": 5, "cache_read": 4, "reasoning": 1}
    second: dict[str, Any] = {"input": 12, "output": 6, "cache_write_5m": 2, "estimated": True}
    told = added(Usage(**first), Usage(**second))
    assert (told.input, told.output, told.estimated) == (12, 11, True)
    paid = together(Usage(**first), Usage(**second))
    assert (paid.input, paid.output, paid.cache_read, paid.cache_write, paid.reasoning) == (22, 11, 4, 2, 1)
