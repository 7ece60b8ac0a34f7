from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.webai.snapshots import Growing

TEXT = st.text(alphabet=st.sampled_from("ab *_`\\\n😀é"), max_size=60)


def sent(snapshots: list[str]) -> tuple[str, Growing]:
    growing = Growing()
    found = "".join(growing.take(each) for each in snapshots)
    return found + growing.finish(), growing


@given(TEXT, st.lists(st.integers(0, 60), max_size=12))
def test_growing_snapshots_give_the_text_once(text: str, cuts: list[int]) -> None:
    found, growing = sent([*(text[:cut] for cut in sorted(cuts)), text])
    assert found == text
    assert not growing.rewritten


@given(st.lists(TEXT, max_size=8))
def test_what_was_sent_is_the_whole_text_or_the_rewrite_is_told(snapshots: list[str]) -> None:
    found, growing = sent(snapshots)
    whole = snapshots[-1] if snapshots else ""
    assert growing.whole == whole
    assert growing.sent == found
    assert growing.rewritten == (found != whole)


@given(st.lists(TEXT, max_size=8))
def test_nothing_that_was_sent_is_taken_back(snapshots: list[str]) -> None:
    growing, so_far = Growing(), ""
    for each in snapshots:
        so_far += growing.take(each)
        assert growing.sent == so_far


def test_an_open_code_block_that_is_closed_for_show_leaves_no_fence() -> None:
    steps = ["```py\nprint(1)\n```", "```py\nprint(1)\nprint(2)\n```", "```py\nprint(1)\nprint(2)\n```\nDone."]
    found, growing = sent(steps)
    assert found == steps[-1]
    assert not growing.rewritten


def test_an_escape_that_is_taken_back_is_not_sent() -> None:
    found, growing = sent(["It is \\*very", "It is *very* good", "It is *very* good."])
    assert found == "It is *very* good."
    assert not growing.rewritten


def test_after_a_rewrite_the_rest_goes_on_behind_the_words_that_were_sent() -> None:
    start = "The first sentence is long enough to be found again, it says a thing."
    changed = start.replace("first", "very first")
    found, growing = sent([start, f"{changed} And more of it follows here."])
    assert found == f"{start} And more of it follows here."
    assert growing.rewritten
    assert growing.whole.startswith("The very first")


def test_a_rewrite_to_something_else_goes_on_at_the_same_length_and_is_told() -> None:
    found, growing = sent(["aaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbb"])
    assert found == "aaaaaaaa" + "bbbbbbbbbb"
    assert growing.rewritten
