from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.sse import (
    COMMENT_HEARTBEAT,
    DONE,
    DONE_FRAME,
    Frame,
    Splitter,
    crlf_frame,
    data_frame,
    parse,
    typed_frame,
)


def frames_of(chunks: list[bytes]) -> list[Frame]:
    splitter = Splitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return frames + splitter.close()


def told(frames: list[Frame]) -> list[tuple[str | None, bytes | None]]:
    return [(frame.event, frame.data) for frame in frames]


MIXED = (
    b'\xef\xbb\xbfevent: a\ndata: {"t":"\xc3\xbc\xf0\x9f\x98\x80"}\n\n: comment\n\ndata:no space\r\n\r\n'
    b"data: one\ndata: two\r\n\r\nevent:b\rdata: cr\r\rid: 7\nretry: 3\ndata: x: y\n\ndata: last"
)


def test_every_form_of_line_and_field_is_read() -> None:
    assert told(frames_of([MIXED])) == [
        ("a", '{"t":"ü😀"}'.encode()),
        (None, None),
        (None, b"no space"),
        (None, b"one\ntwo"),
        ("b", b"cr"),
        (None, b"x: y"),
        (None, b"last"),
    ]


@given(st.sets(st.integers(1, len(MIXED) - 1), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_frames(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(MIXED)]
    chunks = [MIXED[a:b] for a, b in pairwise(places)]
    assert told(frames_of(chunks)) == told(frames_of([MIXED]))


def test_single_bytes_give_the_same_frames() -> None:
    assert told(frames_of([bytes([byte]) for byte in MIXED])) == told(frames_of([MIXED]))


@given(st.sets(st.integers(1, len(MIXED) - 1), max_size=6))
def test_raw_bytes_of_the_frames_are_the_stream(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(MIXED)]
    chunks = [MIXED[a:b] for a, b in pairwise(places)]
    assert b"".join(frame.raw for frame in frames_of(chunks)) == MIXED[3:]


def test_crlf_cut_between_its_two_bytes_is_one_line_end() -> None:
    assert told(frames_of([b"data: a\r\n\r", b"\ndata: b\r\n\r\n"])) == [(None, b"a"), (None, b"b")]


def test_a_line_far_longer_than_64_kib_is_one_frame() -> None:
    payload = b"x" * 300_000
    stream = b"data: " + payload + b"\n\n"
    chunks = [stream[at : at + 8_192] for at in range(0, len(stream), 8_192)]
    assert told(frames_of(chunks)) == [(None, payload)]


def test_a_frame_beyond_the_limit_is_a_broken_upstream() -> None:
    splitter = Splitter(max_frame=100)
    with pytest.raises(Fault) as caught:
        splitter.feed(b"data: " + b"x" * 200)
    assert caught.value.kind == "upstream_broken"


def test_the_limit_is_for_one_frame_not_for_the_stream() -> None:
    splitter = Splitter(max_frame=100)
    for _ in range(50):
        assert len(splitter.feed(b"data: " + b"x" * 50 + b"\n\n")) == 1


def test_blank_rest_is_no_frame_and_closing_twice_gives_nothing() -> None:
    splitter = Splitter()
    splitter.feed(b"data: a\n\n\n")
    assert splitter.close() == []
    splitter.feed(b"data: rest")
    assert told(splitter.close()) == [(None, b"rest")]
    assert splitter.close() == []


def test_a_comment_that_ends_the_stream_is_no_frame() -> None:
    assert frames_of([b": bye"]) == []


def test_an_event_without_data_has_none_and_empty_data_is_empty() -> None:
    assert told([parse(b"event: ping\n\n"), parse(b"data:\n\n"), parse(b"data\n\n")]) == [
        ("ping", None),
        (None, b""),
        (None, b""),
    ]


def test_frames_are_written_as_each_dialect_wants_them() -> None:
    assert data_frame({"a": "ü"}) == 'data: {"a":"ü"}\n\n'.encode()
    assert typed_frame({"type": "error", "x": 1}) == b'event: error\ndata: {"type":"error","x":1}\n\n'
    assert crlf_frame({"a": 1}) == b'data: {"a":1}\r\n\r\n'


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
def test_written_frames_are_read_back(payload: dict[str, str]) -> None:
    stream = data_frame(payload) + crlf_frame(payload) + typed_frame({**payload, "type": "t"})
    frames = frames_of([stream])
    assert [frame.event for frame in frames] == [None, None, "t"]
    assert [frame.data for frame in frames[:2]] == [data_frame(payload)[6:-2]] * 2


def test_whole_reads_after_the_first_are_split_like_any_other() -> None:
    reads = [
        (b"data: a\n\ndata: b\n\n", [(None, b"a"), (None, b"b")]),
        (b"event: x\ndata: c\n\n", [("x", b"c")]),
        (b"data: d\ndata: e\n\n", [(None, b"d\ne")]),
        (b": comment\n\n", [(None, None)]),
        (b"id: 1\nevent: y\n\n", [("y", None)]),
        (b"event: y\nid: 1\n\n", [("y", None)]),
        (b"data: r\r\n\r\n", [(None, b"r")]),
        (b"data:  two spaces\n\n", [(None, b" two spaces")]),
        (b"data: f\n\n\ndata: g\n\n", [(None, b"f"), (None, b"g")]),
        (b"event: \xff\ndata: h\n\n", [("\ufffd", b"h")]),
    ]
    splitter = Splitter()
    splitter.feed(b"data: first\n\n")
    for read, expected in reads:
        frames = splitter.feed(read)
        assert [found for found in told(frames) if found != (None, None)] == [f for f in expected if f != (None, None)]
        assert b"".join(frame.raw for frame in frames) == read


def test_a_late_error_as_one_raw_line_of_json_is_given_at_the_end() -> None:
    for line in (b'{"error":{}}', b'[{"error":{}}]', b' \n{"error":{}}\n'):
        [frame] = frames_of([b"data: a\n\n", line])[1:]
        assert (frame.raw, frame.event, frame.data) == (line, None, None)


def test_a_mark_of_byte_order_is_dropped_once_however_it_is_cut() -> None:
    for chunks in ([b"\xef", b"\xbb", b"\xbfdata: a\n\n"], [b"\xef\xbb\xbf", b"data: a\n\n"], [b"", b"data: a\n\n"]):
        assert told(frames_of(chunks)) == [(None, b"a")]
    splitter = Splitter()
    splitter.feed(b"data: a\n\n")
    assert told(splitter.feed(b"\xef\xbb\xbfdata: b\n\n")) == [(None, None)]
    assert frames_of([b"\xef"]) == []


def test_a_frame_of_exactly_the_limit_passes() -> None:
    assert Splitter(max_frame=10).feed(b"data: 6789") == []
    with pytest.raises(Fault):
        Splitter(max_frame=10).feed(b"data: 67890")


def test_the_marks_of_the_chat_dialect() -> None:
    assert (DONE, DONE_FRAME, COMMENT_HEARTBEAT) == ("[DONE]", b"data: [DONE]\n\n", b": keep-alive\n\n")
