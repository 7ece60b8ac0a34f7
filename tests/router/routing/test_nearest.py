"""Names that a misspelt one may have meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.routing.nearest import did_you_mean, nearest

KNOWN = ("claude-sonnet-4-5", "claude-opus-5", "gpt-5-mini", "openrouter/meta/llama-4", "gpt-5")


def test_the_likeliest_name_comes_first():
    assert nearest("gpt5-mini", KNOWN)[0] == "gpt-5-mini"
    assert nearest("CLAUDE-OPUS5", KNOWN)[0] == "claude-opus-5"


def test_a_name_without_its_prefix_is_found():
    assert nearest("lama-4", KNOWN) == ("openrouter/meta/llama-4",)


def test_beginnings_count():
    assert "claude-opus-5" in nearest("claude", KNOWN)


def test_nothing_near_suggests_nothing():
    assert nearest("zzzz", KNOWN) == ()
    assert did_you_mean(()) == ""


def test_suggestions_read_as_a_question():
    assert did_you_mean(("a",)) == " Did you mean 'a'?"
    assert did_you_mean(("a", "b", "c")) == " Did you mean 'a', 'b' or 'c'?"


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=10))
def test_suggestions_are_known_names_and_few(name, known):
    found = nearest(name, known)
    assert len(found) <= 3
    assert set(found) <= set(known)
