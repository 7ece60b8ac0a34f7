"""Folding a stream into an answer, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.conversation import Audio, Foreign, Image, Inline, Opaque, Refusal, Text, Thinking, ToolCall, Url
from router.wire.events import (
    Answer,
    Choice,
    Cited,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.fold import fold, unfold
from tests.router.wire import strategies


@st.composite
def whole_answers(draw: st.DrawFn) -> Answer:
    """Answers with everything that the neutral form can say."""
    opaque = st.none() | st.builds(Opaque, st.sampled_from(["gemini", "messages"]), strategies.words())
    texts = st.builds(
        Text, strategies.words(), opaque=opaque, extra=st.sampled_from([{}, {"responses": {"phase": "commentary"}}])
    )
    thoughts = st.builds(
        Thinking, st.just("") | strategies.words(), opaque=opaque, redacted=st.booleans(), summary=st.booleans()
    )
    media = st.sampled_from(
        [Image(Inline("image/png", strategies.PNG)), Audio(Inline("audio/wav", "AAAA")), Image(Url("https://a.test/b"))]
    )
    foreign = st.just(Foreign("messages", {"type": "server_tool_use", "id": "s"}))
    count = draw(st.integers(1, 3))
    choices = []
    for choice in range(count):
        parts: list[Any] = draw(st.lists(texts | thoughts | media | foreign | st.just(None), max_size=6))
        for at, part in enumerate(parts):
            if part is None:
                parts[at] = ToolCall(
                    call_id=f"call_{choice}_{at}",
                    name=draw(strategies.tool_names()),
                    arguments=draw(st.just("") | strategies.arguments()),
                    custom=draw(st.booleans()),
                    namespace=draw(st.sampled_from([None, "ns"])),
                    opaque=draw(opaque),
                )
        if draw(st.booleans()):
            parts.append(Refusal(draw(strategies.words())))
        cited = [at for at, part in enumerate(parts) if isinstance(part, Text)][:1]
        choices.append(
            Choice(
                parts=tuple(parts),
                reason=draw(st.sampled_from(["end", "tools", "length", "filtered", "other", "window"])),
                stop_sequence=draw(st.sampled_from([None, "X"])),
                detail=draw(st.sampled_from([None, "why"])),
                logprobs=draw(st.sampled_from([None, {"content": [{"token": "a"}]}])) if cited else None,
                citations=tuple((at, Cited("https://a.test", "t", 0, 1, choice=choice)) for at in cited),
            )
        )
    usage = draw(st.none() | strategies.usages())
    extra: Any = draw(st.sampled_from([{}, {"chat": {"service_tier": "default"}}]))
    return Answer("up_1", "m", tuple(choices), usage, draw(st.booleans()), extra)


@given(whole_answers())
def test_folding_an_unfolded_answer_gives_the_answer(answer: Answer) -> None:
    assert fold(unfold(answer)) == answer


@given(st.data())
def test_any_split_and_interleaving_of_the_deltas_folds_to_the_same_answer(data: st.DataObject) -> None:
    answer = data.draw(strategies.answers(ordered=False, refusals=True, custom=True))
    stream = data.draw(strategies.streams_of(answer, interleave=True))
    assert fold(stream) == answer


def test_parts_keep_the_order_in_which_they_began() -> None:
    answer = fold(
        [
            Started("r", "m"),
            TextDelta("a"),
            ToolStarted("c1", "f"),
            ToolStarted("c2", "g"),
            ToolArguments("c1", "{"),
            TextDelta("b"),
            ToolArguments("c2", "[]"),
            ToolArguments("c1", "}"),
            ToolEnded("c1"),
            ToolEnded("c2"),
            Finished("tools"),
            Ended(),
        ]
    )
    assert answer.choices[0].parts == (
        Text("a"),
        ToolCall("c1", "f", "{}"),
        ToolCall("c2", "g", "[]"),
        Text("b"),
    )
    assert answer.complete


def test_the_last_usage_wins_and_a_cut_stream_is_not_complete() -> None:
    answer = fold([Started(), TextDelta("a"), UsageReported(Usage(input=1)), UsageReported(Usage(input=2, output=3))])
    assert (answer.usage, answer.complete, answer.choices[0].reason) == (Usage(input=2, output=3), False, "other")


def test_a_reported_failure_is_raised() -> None:
    fault = Fault("overloaded", "busy")
    with pytest.raises(Fault) as caught:
        fold([Started(), TextDelta("a"), Failed(fault)])
    assert caught.value is fault


def test_a_signature_without_text_is_a_thinking_part() -> None:
    opaque = Opaque("messages", "sig")
    answer = fold([Started(), ThinkingEnded(opaque), ThinkingDelta("b", summary=False), ThinkingEnded(), Ended()])
    assert answer.choices[0].parts == (Thinking("", opaque=opaque), Thinking("b", summary=False))


def test_a_signature_on_an_empty_text_is_kept_and_a_bare_end_adds_nothing() -> None:
    opaque = Opaque("gemini", "sig")
    answer = fold([Started(), TextEnded(), TextDelta("a"), TextEnded(), TextEnded(opaque=opaque), Ended()])
    assert answer.choices[0].parts == (Text("a"), Text("", opaque=opaque))


def test_a_citation_before_its_text_belongs_to_the_text_that_follows() -> None:
    cited = Cited("https://a.test")
    answer = fold([Started(), cited, TextDelta("a"), Ended()])
    assert answer.choices[0].parts == (Text("a"),)
    assert answer.choices[0].citations == ((0, cited),)


def test_answers_are_dense_even_where_only_the_second_one_spoke() -> None:
    answer = fold([Started(), TextDelta("b", choice=1), Finished("end", choice=1), Ended()])
    assert [choice.parts for choice in answer.choices] == [(), (Text("b"),)]


def test_logprobs_of_all_deltas_are_joined() -> None:
    answer = fold(
        [TextDelta("a", logprobs={"content": [{"token": "a"}]}), TextDelta("b", logprobs={"content": [{"token": "b"}]})]
    )
    assert answer.choices[0].logprobs == {"content": [{"token": "a"}, {"token": "b"}]}
