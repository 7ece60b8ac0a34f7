from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.wire.surrogates import Halves


def test_a_character_cut_in_two_comes_whole() -> None:
    halves = Halves()
    assert halves.join("a\ud83d") == "a"
    assert halves.join("\ude00b") == "😀b"
    assert halves.rest() == ""


def test_a_half_that_never_completes_is_given_as_it_is() -> None:
    halves = Halves()
    assert halves.join("a\ud83d") == "a"
    assert halves.join("b") == "\ud83db"
    assert halves.join("\ud83d") == ""
    assert halves.rest() == "\ud83d"
    assert halves.rest() == ""


@given(st.text(max_size=20), st.data())
def test_any_cut_between_utf_16_units_is_healed(text: str, data: st.DataObject) -> None:
    units = text.encode("utf-16-le")
    cut = data.draw(st.integers(0, len(units) // 2)) * 2
    halves = Halves()
    first, second = (part.decode("utf-16-le", "surrogatepass") for part in (units[:cut], units[cut:]))
    assert halves.join(first) + halves.join(second) + halves.rest() == text


def test_the_first_and_the_last_of_the_leading_halves_wait() -> None:
    for half, whole in (("\ud800", "\U00010000"), ("\udbff", "\U0010fc00")):
        halves = Halves()
        assert halves.join("a" + half) == "a"
        assert halves.join("\udc00") == whole
        assert halves.join("x" + half) == "x"
        assert halves.join("y" + half) == half + "y"
        assert halves.rest() == half
    halves = Halves()
    assert halves.join("\udc00") == "\udc00"
