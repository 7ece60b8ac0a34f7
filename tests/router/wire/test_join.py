"""Two texts become one: nothing lost, nothing twice, and what does not fit is noticed before a word of it goes out."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from router.wire.join import SURE, Disagreement, Join

TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all.\n\n  It sleeps on."
WORDS = st.lists(st.sampled_from(["a", "ab", "the ", "dog ", " ", "\n", "😀", "word-1 ", "."]), min_size=1, max_size=60)
texts = st.one_of(st.text(min_size=1, max_size=200), WORDS.map("".join))


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def joined(join: Join, parts: list[str]) -> str:
    return "".join([*(join.feed(part) for part in parts), join.close()])


@given(texts, st.integers(0, 200), st.integers(1, 30))
@example("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 17, 1)
@example("  indented", 5, 3)
def test_an_answer_that_begins_anew_gives_its_rest(text: str, cut: int, size: int) -> None:
    delivered = text[:cut]
    assert delivered + joined(Join(delivered, continues=False), pieces(text, size)) == text


@given(texts, st.integers(0, 200), st.integers(1, 30), st.booleans())
def test_an_answer_that_goes_on_gives_all_it_says(text: str, cut: int, size: int, again: bool) -> None:
    delivered = text[:cut]
    base = delivered.rstrip()
    rest = text[len(base) if again else len(delivered) :]  # models are not shown white space at the end of their words
    assume(not any(base.endswith(rest[:length]) for length in range(SURE, len(rest) + 1)))
    assume(again or not rest[:1].isspace() or base == delivered)
    assert delivered + joined(Join(delivered, continues=True), pieces(rest, size)) == text


@pytest.mark.parametrize("continues", [True, False])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_last_words_that_are_said_again_are_left_out(continues: bool, size: int) -> None:
    for cut in range(SURE + 4, len(TEXT)):
        said_again = TEXT[: len(TEXT[:cut].rstrip())][-SURE - 3 :] + TEXT[len(TEXT[:cut].rstrip()) :]
        assert TEXT[:cut] + joined(Join(TEXT[:cut], continues=continues), pieces(said_again, size)) == TEXT, cut


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("The quick brown fox is another one.", "said something else"),
        ("Certainly! Here is the answer.", "does not begin with"),
        ("The quick brown fox jumps", "ended before"),
    ],
)
def test_what_does_not_fit_lets_no_word_out(new: str, why: str) -> None:
    for size in (1, 7, 100):
        join, out = Join(TEXT[:60], continues=False), ""
        with pytest.raises(Disagreement, match=why):
            for part in pieces(new, size):
                out += join.feed(part)
            join.close()
        assert out == ""


def test_who_is_lenient_takes_what_repeats_nothing_as_the_rest() -> None:
    assert joined(Join(TEXT[:60], continues=False, lenient=True), pieces(TEXT[60:], 4)) == TEXT[60:]
    with pytest.raises(Disagreement, match="said something else"):
        joined(Join(TEXT[:60], continues=False, lenient=True), ["The quick brown fox is another one."])


def test_a_rest_that_nobody_could_mistake_goes_out_at_once() -> None:
    join = Join(TEXT[:60], continues=True)
    assert join.feed("§") == "§"
    assert join.feed(" more") == " more"


def test_a_long_text_is_joined_in_little_time() -> None:
    text = TEXT * 2000
    assert joined(Join(text[:150_001], continues=False), pieces(text, 4000)) == text[150_001:]


def test_nothing_new_is_nothing_more() -> None:
    assert joined(Join("all of it", continues=True), []) == ""
    assert joined(Join("all of it", continues=False), []) == ""
