"""What the events of a message say about its second part: indexes, log probabilities, citations."""

from __future__ import annotations

from router.wire.conversation import JsonObject
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
)
from tests.router.wire.responses.builders import written

A: JsonObject = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
B: JsonObject = {"token": "b", "logprob": -0.2, "bytes": [98], "top_logprobs": []}


def told(*events: Event) -> list[JsonObject]:
    return written([Started("up", "m"), *events, Finished("end"), Ended()])


def of(payloads: list[JsonObject], kind: str) -> list[JsonObject]:
    return [payload for payload in payloads if payload["type"] == f"response.{kind}"]


def test_log_probabilities_stand_on_their_delta_and_all_of_them_on_the_end_of_the_text() -> None:
    payloads = told(
        TextDelta("a", logprobs={"content": [A]}), TextDelta("!"), TextDelta("b", logprobs={"content": [B]})
    )
    assert [each["logprobs"] for each in of(payloads, "output_text.delta")] == [[A], [], [B]]
    (done,) = of(payloads, "output_text.done")
    assert done["logprobs"] == [A, B]
    (part,) = of(payloads, "content_part.done")
    assert part["part"]["logprobs"] == [A, B]


def test_log_probabilities_of_one_text_are_not_those_of_the_next() -> None:
    payloads = told(TextDelta("a", logprobs={"content": [A]}), TextEnded(), TextDelta("b", logprobs={"content": [B]}))
    assert [each["logprobs"] for each in of(payloads, "output_text.done")] == [[A], [B]]
    content = payloads[-1]["response"]["output"][0]["content"]
    assert [each["logprobs"] for each in content] == [[A], [B]]


def test_citations_of_a_second_text_name_it_and_count_from_zero() -> None:
    payloads = told(
        TextDelta("one"), Cited("http://x", "X", 0, 3), TextEnded(), TextDelta("two"), Cited("http://y", "Y"),
        Cited("http://z", "Z", 0, 0),
    )  # fmt: skip
    added = of(payloads, "output_text.annotation.added")
    assert [(each["content_index"], each["annotation_index"]) for each in added] == [(0, 0), (1, 0), (1, 1)]
    assert {(each["output_index"], each["item_id"]) for each in added} == {(0, payloads[2]["item"]["id"])}
    assert added[1]["annotation"] == {
        "type": "url_citation", "start_index": 3, "end_index": 3, "url": "http://y", "title": "Y",
    }  # fmt: skip
    assert (added[2]["annotation"]["start_index"], added[2]["annotation"]["end_index"]) == (0, 0)
    parts = [each["part"]["annotations"] for each in of(payloads, "content_part.done")]
    assert parts == [[added[0]["annotation"]], [added[1]["annotation"], added[2]["annotation"]]]


def test_a_refusal_takes_no_citation() -> None:
    payloads = told(RefusalDelta("no"), Cited("http://x"))
    assert of(payloads, "output_text.annotation.added") == []
    assert payloads[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_every_event_of_a_part_names_its_place() -> None:
    payloads = told(
        ThinkingDelta("hm"), ThinkingEnded(), TextDelta("a"), TextEnded(), RefusalDelta("n"), RefusalDelta("o")
    )
    kinds = ("content_part.added", "refusal.delta", "refusal.done", "content_part.done")
    places = [(kind, each["output_index"], each["content_index"]) for kind in kinds for each in of(payloads, kind)]
    assert places == [
        ("content_part.added", 1, 0), ("content_part.added", 1, 1), ("refusal.delta", 1, 1), ("refusal.delta", 1, 1),
        ("refusal.done", 1, 1), ("content_part.done", 1, 0), ("content_part.done", 1, 1),
    ]  # fmt: skip
    assert [each["refusal"] for each in of(payloads, "refusal.done")] == ["no"]
    (thought,) = of(payloads, "reasoning_summary_text.done")
    assert (thought["output_index"], thought["summary_index"], thought["text"]) == (0, 0, "hm")
    assert "content_index" not in thought


def test_every_event_of_a_thought_names_its_item_and_part() -> None:
    for summary, index in ((True, "summary_index"), (False, "content_index")):
        payloads = told(ThinkingDelta("hm", summary=summary), ThinkingEnded(), TextDelta("a"))
        item = payloads[2]["item"]["id"]
        inside = [each for each in payloads if each.get("item_id") == item]
        assert len(inside) == 4
        assert [(each["output_index"], each[index]) for each in inside] == [(0, 0)] * 4


def test_a_snapshot_is_neither_failed_nor_incomplete_before_its_end() -> None:
    first = told(TextDelta("a"))[0]["response"]
    assert (first["error"], first["incomplete_details"], first["completed_at"]) == (None, None, None)
