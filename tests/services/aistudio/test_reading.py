"""The state of one answer: which way it is read, when it is over, and what is never taken for a success."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from services.aistudio.pieces import Call, Finish, Piece, Text, Thought
from services.aistudio.settings import Tier
from services.aistudio.tiers.reading import Reading, words_of
from tests.simulators.aistudio_page import wire

DONE = {"kind": "done", "finished": True, "calls": []}
QUOTA = {"kind": "notice", "place": "callout", "level": "error", "words": "user has exceeded quota"}


def reading(tier: Tier = "network", *, whole: bool = False) -> Reading:
    return Reading("run-1", tier, wire_wait=1.0, whole=whole)


def data(text: str) -> dict[str, Any]:
    return {"kind": "wire", "data": text.encode()}


def take(state: Reading, *events: dict[str, Any], now: float = 0.0) -> list[Piece]:
    return [piece for event in events for piece in state.take(event, now)]


def blocks(slot: str, start: int, *texts: str, offset: int = 0) -> dict[str, Any]:
    return {"kind": "text", "slot": slot, "from": start, "offset": offset, "blocks": list(texts)}


HELLO = f"[{wire.chunk([wire.text('hello')])}"


def test_a_whole_stream_ends_the_answer() -> None:
    state = reading()
    assert take(state, {"kind": "wire", "status": 200}, data(HELLO), data("]")) == [Text("hello")]
    assert not state.over
    take(state, {"kind": "wire", "end": True})
    assert state.over


@pytest.mark.parametrize("end", [{"end": True}, {"failed": True}])
def test_a_cut_stream_is_never_a_success(end: dict[str, Any]) -> None:
    state = reading()
    take(state, data(HELLO))
    with pytest.raises(Fault) as caught:
        take(state, {"kind": "wire", **end})
    assert caught.value.kind == "upstream_broken"


def test_events_of_another_run_are_left_out() -> None:
    state = reading()
    assert take(state, {**data(HELLO), "run": "run-0"}) == []
    assert not state.began


def test_the_document_takes_over_where_text_grows_and_the_network_is_silent() -> None:
    state = reading()
    take(state, {"kind": "grows"}, now=10.0)
    assert state.deadline() == 11.0
    assert not state.late(10.5)
    assert state.late(11.0)
    assert (state.tier, state.wants_text) == ("dom", True)
    assert take(state, blocks("answer", 0, "hel"), blocks("answer", 0, "lo", offset=3)) == [Text("hel"), Text("lo")]
    assert take(state, DONE) == [Finish("STOP")]
    assert state.over


def test_a_stream_that_cannot_be_read_gives_way_to_the_document_unless_it_has_begun() -> None:
    state = reading()
    take(state, data("<html>" + " " * 80))
    assert state.tier == "dom"
    state = reading()
    take(state, data(HELLO))
    with pytest.raises(Fault, match="any further"):
        take(state, data(",[nul]"))


def test_a_short_answer_may_come_over_the_network_after_the_page_has_ended() -> None:
    state = reading()
    take(state, DONE, now=5.0)
    assert not state.wants_final
    assert take(state, data(HELLO + "]"), {"kind": "wire", "end": True}) == [Text("hello")]
    assert state.over


def test_the_finished_text_is_read_where_the_network_never_comes() -> None:
    state = reading()
    take(state, DONE, now=5.0)
    assert state.late(6.0)
    assert (state.tier, state.wants_final) == ("final", True)
    read = {"finished": True, "text": "all", "thought": "why", "calls": [{"name": "f", "arguments": '{"a": 1}'}]}
    assert state.final(read) == [Thought("why"), Text("all"), Call("f", {"a": 1})]


@pytest.mark.parametrize("read", [None, {"finished": True, "text": "", "thought": "", "calls": []}])
def test_an_empty_end_is_an_error(read: dict[str, Any] | None) -> None:
    with pytest.raises(Fault, match="without an answer"):
        reading("final").final(read)


@pytest.mark.parametrize("tier", ["dom", "final"])
def test_an_answer_without_its_mark_of_being_finished_is_an_error(tier: Tier) -> None:
    state = reading(tier)
    with pytest.raises(Fault, match="without the mark"):
        if tier == "final":
            state.final({"finished": False, "text": "half", "thought": "", "calls": []})
        take(state, blocks("answer", 0, "half"), {**DONE, "finished": False})


def test_a_rewrite_of_what_was_passed_on_is_an_error() -> None:
    state = reading("dom")
    take(state, blocks("answer", 0, "hello"), blocks("answer", 0, "other"))
    with pytest.raises(Fault, match="rewrote"):
        take(state, DONE)


def test_the_documents_text_waits_for_its_exact_form_where_nobody_reads_along() -> None:
    assert reading("dom", whole=True).tier == "final"
    state = reading(whole=True)
    take(state, {"kind": "grows"}, now=1.0)
    assert state.late(2.0)
    assert (state.tier, state.wants_text) == ("final", False)


def test_a_notice_before_the_answer_fails_it_and_one_after_decides_its_end() -> None:
    with pytest.raises(Fault) as caught:
        take(reading("dom"), QUOTA)
    assert caught.value.kind == "quota_spent"
    state = reading("dom")
    assert take(state, blocks("answer", 0, "half"), QUOTA) == [Text("half")]
    with pytest.raises(Fault) as caught:
        take(state, DONE)
    assert caught.value.kind == "quota_spent"


def test_a_refused_call_tells_status_and_words() -> None:
    state = reading()
    take(state, {"kind": "wire", "status": 429}, data('[8,"Too many '), data('requests"]'), QUOTA)
    with pytest.raises(Fault, match="Too many requests") as caught:
        take(state, {"kind": "wire", "end": True})
    assert (caught.value.kind, caught.value.status) == ("rate_limited", 429)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'[[8,"no"]]', "no"),
        (b')]}\'\n[3,"bad"]', "bad"),
        (b'{"error":{"message":"why"}}', "why"),
        (b"plain", "plain"),
        (b"<html>", ""),
        (b"[1]", ""),
    ],
)
def test_the_words_of_an_error_are_found(body: bytes, words: str) -> None:
    assert words_of(body) == words


def test_unreadable_arguments_of_a_card_are_an_error() -> None:
    card = {"name": "f", "arguments": "{"}
    with pytest.raises(Fault, match="arguments"):
        take(reading("dom"), {**DONE, "calls": [card]})
