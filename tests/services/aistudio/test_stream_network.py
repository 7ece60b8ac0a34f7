"""The page's stream, cut anywhere, gives the pieces that were sent."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.aistudio.pieces import Call, Finish, Piece, Text, Thought, Usage
from services.aistudio.tiers.stream_network import NetworkReader, Unreadable, arguments
from tests.simulators.aistudio_page import wire

_scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_awkward = st.sampled_from([']],"model"]', '[null,"x"]', "\\", '"', "]", "[[", "\U0001f469\u200d\U0001f680", "\u2028"])
_words = st.lists(_awkward | st.text(min_size=1, max_size=12), min_size=1, max_size=4).map("".join)
_sent = st.lists(
    st.one_of(
        _words.map(Text),
        _words.map(Thought),
        st.builds(Call, st.text(min_size=1, max_size=9), st.dictionaries(st.text(max_size=6), _values, max_size=3)),
    ),
    min_size=1,
    max_size=4,
)


def _part(piece: Piece) -> list[Any]:
    if isinstance(piece, Call):
        return wire.call(piece.name, piece.arguments)
    assert isinstance(piece, Text | Thought)
    return wire.text(piece.text) if isinstance(piece, Text) else wire.thought(piece.text)


def _body(chunks: list[list[Piece]], before: str = "", around: int = 1) -> bytes:
    elements = ",\n".join(wire.chunk([_part(piece) for piece in chunk]) for chunk in chunks)
    return f"{before}{'[' * around}{elements}{']' * around}".encode()


@settings(max_examples=200, deadline=None)
@given(
    chunks=st.lists(_sent, min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    before=st.sampled_from(["", ")]}'\n"]),
    around=st.integers(1, 2),
)
def test_any_cut_gives_the_pieces_that_were_sent(
    chunks: list[list[Piece]], cuts: list[int], before: str, around: int
) -> None:
    body = _body(chunks, before, around)
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    reader = NetworkReader()
    found: list[Piece] = []
    for start, end in itertools.pairwise(places):
        found += reader.feed(body[start:end])
    assert found == [piece for chunk in chunks for piece in chunk]
    assert reader.whole


def test_an_element_is_given_out_as_soon_as_it_is_complete() -> None:
    body = _body([[Text("one")], [Text("two")]])
    reader = NetworkReader()
    end = body.index(b"\n")
    assert reader.feed(body[:end]) == [Text("one")]
    assert not reader.whole


def test_a_cut_stream_is_not_whole() -> None:
    reader = NetworkReader()
    reader.feed(_body([[Text("one")]])[:-1])
    assert not reader.whole


def test_every_byte_is_looked_at_once() -> None:
    """A long answer in many small pieces: looking at everything again with each would take minutes."""
    body = _body([[Text("x" * 1000)] for _ in range(1000)])
    reader = NetworkReader()
    found = [piece for at in range(0, len(body), 64) for piece in reader.feed(body[at : at + 64])]
    assert len(found) == 1000


def test_usage_and_finish_reason_are_read() -> None:
    body = f"[{wire.chunk([wire.text('cut')], [7, 2, 12], 2)}]".encode()
    assert NetworkReader().feed(body) == [Text("cut"), Finish("MAX_TOKENS"), Usage(7, 2, 12)]


def test_arguments_are_read_with_and_without_the_outer_array() -> None:
    pairs = [["a", [None, 1]], ["b", [None, None, None, None, [["c", [None, None, "d"]]]]]]
    assert arguments(pairs) == arguments([pairs]) == {"a": 1, "b": {"c": "d"}}
    assert arguments([]) == arguments([[]]) == {}


@pytest.mark.parametrize("body", [b"<html>" + b" " * 80, b"[[[[[[[nul]]]]]]]", b"[[[[[[[null,{]"])
def test_what_is_no_such_stream_is_told(body: bytes) -> None:
    reader = NetworkReader()
    if body.endswith(b"{]"):
        assert reader.feed(body) == []
        return
    with pytest.raises(Unreadable):
        reader.feed(body)


def test_parts_that_are_newer_than_this_reader_are_left_out() -> None:
    element = json.dumps([[[[[[None, None, {"later": 1}], [None, "known"]], "model"]]], None, "odd"])
    assert NetworkReader().feed(f"[{element}]".encode()) == [Text("known")]
