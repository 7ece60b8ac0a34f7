"""How sets of models are named."""

from __future__ import annotations

import pytest

from router.models.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("gpt-5", "gpt-5", True),
        ("gpt-5", "GPT-5", True),
        ("gpt-5", "gpt-5-mini", False),
        ("gpt-5.1", "gpt-5x1", False),
        ("gpt-*", "gpt-5-mini", True),
        ("gpt-*", "my-gpt-5", False),
        ("*/claude-*", "openrouter/anthropic/claude-x", True),
        ("o?", "o3", True),
        ("o?", "o34", False),
        ("^gpt-5", "gpt-5-mini", True),
        ("^gpt-5", "a/gpt-5", False),
        ("gemini-.*-aistudio$", "gemini-2-flash-aistudio", True),
        ("gemini-.*-aistudio$", "gemini-2-flash-aistudio-x", False),
        ("(opus|sonnet)", "claude-opus-5", True),
        ("o[134]", "o3-mini", True),
        ("command-r+", "command-r+", True),
        ("command-r+", "command-rr", False),
        ("m", "m\n", False),
    ],
)
def test_a_pattern_is_exact_a_glob_or_a_regular_expression(pattern, name, matches):
    assert compile_pattern(pattern).matches(name) is matches


def test_only_plain_names_are_exact():
    assert compile_pattern("GPT-5").exact == "gpt-5"
    assert compile_pattern("gpt-*").exact is None
    assert compile_pattern("^gpt").exact is None


@pytest.mark.parametrize("text", ["(", "^[", "a{2,1}", ""])
def test_a_bad_pattern_says_so(text):
    with pytest.raises(ValueError, match=r"regular expression|empty"):
        compile_pattern(text)
