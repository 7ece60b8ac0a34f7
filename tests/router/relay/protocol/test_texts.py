from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.relay.protocol.texts import Joiner, pieces, utf8


def halves(text: str) -> str:
    """`text` as JavaScript has it: characters beyond 16 bits as two halves."""
    units = text.encode("utf-16-le")
    return "".join(chr(int.from_bytes(units[at : at + 2], "little")) for at in range(0, len(units), 2))


@given(st.text(), st.lists(st.integers(0, 40), max_size=6))
def test_a_text_cut_anywhere_comes_out_whole(text: str, cuts: list[int]) -> None:
    units = halves(text)
    places = sorted({min(cut, len(units)) for cut in cuts})
    parts = [units[start:end] for start, end in zip([0, *places], [*places, len(units)], strict=True)]
    joiner = Joiner()
    assert b"".join([*(joiner.feed(part) for part in parts), joiner.close()]) == text.encode("utf-8")


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(0, 20))
def test_what_comes_out_is_always_utf_8(text: str, cut: int) -> None:
    joiner = Joiner()
    (joiner.feed(text[:cut]) + joiner.feed(text[cut:]) + joiner.close()).decode("utf-8")


def test_half_a_character_that_never_gets_its_other_half_is_marked() -> None:
    joiner = Joiner()
    assert joiner.feed("a\ud83d") == b"a"
    assert joiner.feed("b") == "\ufffdb".encode()
    assert joiner.feed("\ud83d") == b""
    assert joiner.close() == "\ufffd".encode()
    assert joiner.close() == b""
    assert utf8("\ude00x") == "\ufffdx".encode()


@given(st.text(), st.integers(4, 30))
def test_pieces_are_the_text_and_none_is_too_large(text: str, most: int) -> None:
    found = list(pieces(text, most))
    assert "".join(found) == text
    assert all(0 < len(piece.encode("utf-8")) <= most for piece in found)
