"""Frames of a chat's socket as neutral events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from router.faults import Fault
from router.providers.ctonew.session import Joined, Session, reply_to
from router.wire.conversation import Text, Thinking
from router.wire.events import Ended, Event, Failed, Finished, TextDelta, TextEnded, ThinkingDelta, ThinkingEnded
from router.wire.fold import fold

IDLE = json.dumps({"type": "state", "state": {"inProgress": False, "cancelled": False, "taskId": None}})
WORKING = json.dumps({"type": "state", "state": {"inProgress": True}})
NOISE = (
    "ping",
    "pong",
    json.dumps({"type": "history", "history": [{"role": "user", "content": "old"}]}),
    json.dumps({"type": "label", "label": "A chat"}),
    json.dumps({"type": "something new", "buffer": "x"}),
    WORKING,
    "",
)
ECHO = {"id": "u1", "role": "user", "type": "chat", "chat": {"content": "what I said"}}


def update(content: Any, kind: str = "chat", name: str = "msg_0", **more: Any) -> str:
    buffer = {"id": name, "type": kind, "chat": {"content": content}, **more}
    return json.dumps({"type": "update", "buffer": json.dumps(buffer) + "\n"})


def run(frames: Iterable[str]) -> tuple[Session, list[Event]]:
    session = Session()
    return session, [event for frame in frames for event in session.feed(frame)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


PIECES = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=12)


@given(PIECES, st.data())
def test_any_mix_of_deltas_and_snapshots_gives_the_text_once(pieces: list[str], data: st.DataObject) -> None:
    whole, contents = "", []
    for piece in pieces:
        assume(not piece.startswith(whole) or not whole)  # what begins with all of it cannot be told from a snapshot
        whole += piece
        contents.append(whole if data.draw(st.booleans(), label="snapshot") else piece)
    again = data.draw(st.integers(0, 2), label="said once more, whole")
    frames = [*map(update, contents), *[update(whole)] * again]
    for noise in data.draw(st.lists(st.sampled_from(NOISE), max_size=6), label="noise"):
        frames.insert(data.draw(st.integers(0, len(frames)), label="at"), noise)
    session, events = run([IDLE, *frames, IDLE])
    assert text_of(events) == whole
    assert session.ended
    assert events[-2:] == [Finished("end"), Ended()]


@given(PIECES)
def test_deltas_alone_give_their_text_even_where_the_second_repeats_the_first(pieces: list[str]) -> None:
    whole = ""
    for place, piece in enumerate(pieces):
        assume(place == 0 or not piece.startswith(whole) or (place == 1 and piece == whole and len(pieces) > 2))
        whole += piece
    doubled = len(pieces) > 2 and pieces[0] == pieces[1]
    assume(not doubled or not pieces[2].startswith(pieces[0]))
    assert text_of(run(map(update, pieces))[1]) == whole


@pytest.mark.parametrize(
    ("contents", "whole"),
    [
        (["ha", "ha", "!"], "haha!"),
        (["ha", "ha", "haha!"], "haha!"),
        (["ha", "ha", "ha!"], "ha!"),
        (["pong", "pong"], "pong"),
        (["1", "10", "100"], "100"),
        (["a", "", "b", "ab"], "ab"),
        (["Hello", " world", "Hello world", "!", "Hello world!"], "Hello world!"),
    ],
)
def test_what_a_content_begins_with_decides(contents: list[str], whole: str) -> None:
    assert text_of(run(map(update, contents))[1]) == whole


def test_a_joined_message_tells_only_what_is_new() -> None:
    joined = Joined()
    assert [joined.add(content) for content in ("a", "ab", "c", "abc", "abcd")] == ["a", "b", "c", "", "d"]


@given(PIECES, PIECES, st.data())
def test_messages_are_joined_each_for_itself(first: list[str], second: list[str], data: st.DataObject) -> None:
    queues = {"msg_1": list(first), "msg_2": list(second)}
    joined = {name: Joined() for name in queues}
    expected, frames = "", []
    while any(queues.values()):
        name = data.draw(st.sampled_from([name for name, queue in queues.items() if queue]))
        content = queues[name].pop(0)
        expected += joined[name].add(content)
        frames.append(update(content, name=name))
    assert text_of(run(frames)[1]) == expected


def test_the_idle_state_of_a_fresh_socket_ends_nothing() -> None:
    session, events = run([IDLE, IDLE])
    assert (session.ended, events) == (False, [])
    session, events = run([IDLE, update("x"), IDLE, update("more"), IDLE])
    assert events == [TextDelta("x"), Finished("end"), Ended()]


def test_the_echo_of_the_user_is_neither_an_answer_nor_its_beginning() -> None:
    echo = json.dumps({"type": "update", "buffer": json.dumps(ECHO)})
    session, events = run([echo, IDLE])
    assert (session.ended, session.begun, events) == (False, False, [])
    assert text_of(run([echo, update("answer"), echo, IDLE])[1]) == "answer"


def test_thinking_is_a_part_of_its_own() -> None:
    frames = [update("Hm", "thinking", "t"), update("Hmm", "thinking", "t"), update("Yes."), update("Yes. No."), IDLE]
    _, events = run(frames)
    assert events[:3] == [ThinkingDelta("Hm"), ThinkingDelta("m"), ThinkingEnded()]
    answer = fold(events)
    assert answer.choices[0].parts == (Thinking(text="Hmm"), Text(text="Yes. No."))
    assert answer.complete
    assert ThinkingEnded() in run([update("Hm", "thinking"), IDLE])[1]


def test_two_messages_are_two_parts_unless_every_piece_has_an_id_of_its_own() -> None:
    frames = [update("a", name="1"), update("b", name="1"), update("c", name="2"), update("d", name="2")]
    assert run(frames)[1] == [TextDelta("a"), TextDelta("b"), TextEnded(), TextDelta("c"), TextDelta("d")]
    assert run([update(piece, name=piece) for piece in "abc"])[1] == [TextDelta(piece) for piece in "abc"]


def test_several_pieces_may_share_a_buffer() -> None:
    lines = [json.dumps({"id": "m", "type": "chat", "chat": {"content": text}}) for text in ("one\ntwo", " three")]
    frame = json.dumps({"type": "update", "buffer": "\n".join(lines) + "\n"})
    assert text_of(run([frame])[1]) == "one\ntwo three"


def test_an_agent_that_only_acted_has_answered_with_nothing() -> None:
    acted = json.dumps({"type": "update", "buffer": json.dumps({"id": "x", "type": "tool", "name": "shell"})})
    session, events = run([WORKING, acted, IDLE])
    assert events == [Finished("end"), Ended()]
    assert not session.unanswered


def test_a_task_that_ended_without_a_word_failed() -> None:
    session, events = run([IDLE, WORKING, IDLE])
    assert session.unanswered
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind == "upstream_broken"


def test_a_cancelled_task_is_no_success() -> None:
    cancelled = json.dumps({"type": "state", "state": {"inProgress": False, "cancelled": True}})
    session, events = run([WORKING, update("half"), cancelled])
    assert session.ended
    assert isinstance(events[-1], Failed)
    assert "cancelled" in events[-1].fault.message


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": "You have reached your daily limit"}, "quota_spent"),
        ({"error": {"message": "x"}, "hasReachedLimit": True}, "quota_spent"),
        ({"message": "prompt is too long"}, "too_long"),
        ({"error": {"message": "The agent crashed."}}, "upstream_broken"),
        ({}, "upstream_broken"),
    ],
)
def test_an_error_frame_ends_the_answer(said: dict[str, Any], kind: str) -> None:
    inside = json.dumps({"type": "update", "buffer": json.dumps({"type": "error", **said})})
    for frame in (json.dumps({"type": "error", **said}), inside):
        session, events = run([update("half"), frame, update("more")])
        assert session.ended
        assert isinstance(events[-1], Failed)
        assert events[-1].fault.kind == kind
        assert len(events) == 2


@pytest.mark.parametrize(
    "frame", ['{"type":"update","buffer":"{', '{"type": "upd', '{"type":"update","buffer":"{\\"i"}']
)
def test_a_frame_that_cannot_be_read_is_lost_text(frame: str) -> None:
    with pytest.raises(Fault) as raised:
        run([update("half"), frame])
    assert raised.value.kind == "upstream_broken"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "buffer", "state", "inProgress", "chat", "content", "id", "role", "error"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ),
    st.sampled_from(["update", "state", "error", "history", None]),
)
def test_any_frame_gives_events_or_a_fault(value: Any, kind: str | None) -> None:
    session = Session()
    said = {**value, "type": kind} if isinstance(value, dict) and kind is not None else value
    for frame in (json.dumps(said), json.dumps({"type": "update", "buffer": json.dumps(value)})):
        try:
            session.feed(frame)
        except Fault as fault:
            assert fault.kind == "upstream_broken"


def test_a_ping_is_answered_and_a_pong_is_not() -> None:
    assert (reply_to("ping"), reply_to("pong"), reply_to(IDLE)) == ("pong", None, None)
