"""Of a text that grows and is redrawn, only what stays is passed on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.aistudio.tiers.growth import Growth, joined


def test_plain_text_is_passed_on_at_once() -> None:
    growth = Growth()
    assert growth.see(["Hello"]) == "Hello"
    assert growth.see(["Hello world"]) == " world"


def test_a_mark_holds_the_rest_of_its_block_back_until_the_block_is_over() -> None:
    growth = Growth()
    assert growth.see(["Some **bo"]) == "Some "
    assert growth.see(["Some bold and", "More"]) == "bold and\n\nMore"
    assert not growth.rewritten


def test_the_end_gives_the_rest() -> None:
    growth = Growth()
    growth.see(["a `b"])
    assert growth.see(["a b"], over=True) == "b"


def test_a_rewrite_of_what_was_passed_on_is_seen_and_recovers() -> None:
    growth = Growth()
    growth.see(["Hello world"])
    assert growth.see(["Goodbye"]) == ""
    assert growth.rewritten
    assert growth.see(["Hello world, again"]) == ", again"
    assert not growth.rewritten


def test_a_text_that_is_emptied_and_drawn_anew_is_not_repeated() -> None:
    growth = Growth()
    growth.see(["Hello"])
    assert growth.see([]) == ""
    assert not growth.rewritten
    assert growth.see(["Hello you"]) == " you"


@given(st.lists(st.text(alphabet="ab \n*`_[](x)1.", max_size=8), max_size=12))
def test_what_is_passed_on_adds_up_to_what_is_shown(pieces: list[str]) -> None:
    growth, shown, passed = Growth(), "", ""
    for piece in pieces:
        shown += piece
        passed += growth.see(shown.split("\n\n"))
    passed += growth.see(shown.split("\n\n"), over=True)
    if not growth.rewritten:
        assert passed.rstrip("\n") == joined(shown.split("\n\n")).rstrip("\n")  # a last line's end may have been passed
