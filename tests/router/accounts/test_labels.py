from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.labels import file_name, label_problem, named_by_us, named_for, tidy_label


@pytest.mark.parametrize("label", ["default", "ann@example.com", "o'brien+x@example.com", "müller", "a..b", "x" * 127])
def test_addresses_and_words_are_labels(label: str) -> None:
    assert label_problem(label) is None


@pytest.mark.parametrize(
    "label", ["", ".", "..", "login", "../x", "a/b", "a\\b", "a b", "a\n", "\0", "\ud800", 'a"', "x" * 128]
)
def test_what_would_break_an_id_or_a_path_is_no_label(label: str) -> None:
    assert label_problem(label) is not None


@given(st.text())
def test_any_text_can_be_made_a_label(text: str) -> None:
    assert label_problem(tidy_label(text)) is None


@given(st.text(max_size=300))
def test_a_file_name_never_leaves_its_folder(label: str) -> None:
    name = file_name("claude-oauth", label)
    assert PurePosixPath(name).name == name and name not in (".", "..")
    assert len(name.encode()) < 200 and name.startswith("claude-oauth-") and name.endswith(".json")
    assert name.isascii() and name.isprintable()


def test_a_lock_of_an_account_that_cannot_be_stays_in_its_folder_too() -> None:
    assert "/" not in file_name("../../etc", "x")


def test_a_name_that_a_path_of_the_api_could_not_hold_is_changed() -> None:
    assert tidy_label("..") == "..-1" and tidy_label("login") == "login-1"
    assert tidy_label("." * 200) == "." * 125 + "-1"


def test_odd_characters_are_percent_encoded_and_long_labels_stay_apart() -> None:
    assert file_name("qwen-oauth", "ann@example.com") == "qwen-oauth-ann@example.com.json"
    assert file_name("qwen-oauth", "../é x") == "qwen-oauth-..%2F%C3%A9%20x.json"
    assert file_name("qwen-oauth", "ü" * 100) != file_name("qwen-oauth", "ü" * 101)


def test_a_name_tells_whose_file_it_is() -> None:
    assert named_for("kimi-1730000000000.json") == ("kimi-oauth", "1730000000000")
    assert named_for("claude-oauth-ann@example.com.json") == ("claude-oauth", "ann@example.com")
    assert named_for("llmux-claude-ann@example.com.json") == ("claude-oauth", "ann@example.com")
    assert named_for("config.json") is None and named_for("claude.json") is None


def test_names_that_other_programs_give_are_not_taken_for_ours() -> None:
    assert named_by_us("claude-oauth-ann@example.com.json")
    for name in ("claude-ann@example.com.json", "antigravity-ann@example.com.json", "iflow-x-1.json", "tokens.json"):
        assert not named_by_us(name)
