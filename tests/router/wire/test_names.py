from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire.conversation import Dialect
from router.wire.names import call_id, made_up_call_id, name_map, qualified, safe_name
from tests.router.wire.strategies import call_ids, tool_names

SAFE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


@given(st.text(max_size=200))
def test_every_name_becomes_safe_and_always_the_same(name: str) -> None:
    assert SAFE.fullmatch(safe_name(name))
    assert safe_name(name) == safe_name(name)


@given(tool_names())
def test_safe_names_stay_as_they_are(name: str) -> None:
    assert safe_name(name) == name


def test_long_names_keep_their_head_and_differ_by_their_tail() -> None:
    one, two = "mcp__server__" + "x" * 60 + "a", "mcp__server__" + "x" * 60 + "b"
    assert safe_name(one).startswith("mcp__server__x")
    assert len(safe_name(one)) == 64
    assert safe_name(one) != safe_name(two)
    assert len(safe_name(one, 128)) == len(one)


@given(st.lists(st.text(alphabet="a.b/_-1", min_size=1, max_size=6), max_size=12))
def test_the_map_of_a_tool_list_has_no_two_names_for_one(names: list[str]) -> None:
    mapped = name_map(names)
    assert set(mapped) == set(names)
    assert len(set(mapped.values())) == len(mapped)
    assert all(SAFE.fullmatch(value) for value in mapped.values())


def test_a_stand_in_never_takes_the_name_of_another_tool() -> None:
    stand_in = safe_name("a.b")
    mapped = name_map(["a.b", stand_in])
    assert mapped[stand_in] != mapped["a.b"]


def test_safe_names_win_over_stand_ins_wherever_they_are_declared() -> None:
    stand_in = safe_name("a.b")
    assert name_map(["a.b", stand_in])[stand_in] == stand_in
    assert name_map([stand_in, "a.b"])[stand_in] == stand_in


@pytest.mark.parametrize("target", ["chat", "responses", "messages", "gemini"])
@given(value=st.text(max_size=120))
def test_call_ids_fit_every_target(target: Dialect, value: str) -> None:
    made = call_id(value, target)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", made)
    assert len(made) <= (40 if target == "chat" else 64)
    assert call_id(made, target) == made


@given(call_ids())
def test_ordinary_call_ids_stay_as_they_are(value: str) -> None:
    assert call_id(value, "messages") == value


def test_composite_call_ids_are_hashed_not_cut() -> None:
    one = "call_" + "x" * 40 + "|fc_" + "y" * 40 + "1"
    two = one[:-1] + "2"
    assert call_id(one, "chat") != call_id(two, "chat")
    assert call_id(one, "messages").startswith("toolu_")
    assert len(call_id(one, "messages")) == 32


def test_made_up_call_ids_are_stable_and_differ() -> None:
    ids = {made_up_call_id(response, index) for response in ("a", "b") for index in range(3)}
    assert len(ids) == 6
    assert made_up_call_id("a", 0) in ids
    assert all(re.fullmatch(r"call_[a-z2-7]{24}", value) for value in ids)


def test_qualified_names_leave_the_default_namespace_out() -> None:
    assert qualified("clock", "sleep") == "clock__sleep"
    assert qualified("functions", "exec") == "exec"
    assert qualified(None, "exec") == "exec"


def test_a_stand_in_is_the_cleaned_head_and_a_hash_and_exactly_as_long_as_allowed() -> None:
    assert re.fullmatch(r"a_b_[0-9a-f]{8}", safe_name("a.b"))
    assert re.fullmatch(r"_1st_[0-9a-f]{8}", safe_name("1st"))
    assert re.fullmatch(r"__[0-9a-f]{8}", safe_name(""))
    assert re.fullmatch(r"_x-y_[0-9a-f]{8}", safe_name(".x-y"))
    assert safe_name("x" * 64) == "x" * 64
    assert re.fullmatch(r"x{55}_[0-9a-f]{8}", safe_name("x" * 65))
    assert safe_name("_private") == "_private"


def test_colliding_stand_ins_get_a_longer_hash_within_the_limit() -> None:
    long = "a." + "x" * 80
    taken = safe_name(long)
    mapped = name_map([taken, long, "other"])
    assert mapped[taken] == taken
    assert mapped["other"] == "other"
    assert re.fullmatch(r"a_x{45}_[0-9a-f]{16}", mapped[long])
    assert len(name_map([safe_name("b" * 130, 128), "b" * 130], 128)["b" * 130]) == 128


@pytest.mark.parametrize(
    ("target", "limit", "prefix"),
    [("chat", 40, "call_"), ("responses", 64, "call_"), ("messages", 64, "toolu_"), ("gemini", 64, "call_")],
)
def test_call_ids_have_the_limit_and_the_prefix_of_their_target(target: Dialect, limit: int, prefix: str) -> None:
    assert call_id("x" * limit, target) == "x" * limit
    assert re.fullmatch(prefix + "[a-z2-7]{26}", call_id("x" * (limit + 1), target))
    assert re.fullmatch(prefix + "[a-z2-7]{26}", call_id("a.b", target))
    assert re.fullmatch(prefix + "[a-z2-7]{26}", call_id("", target))


def test_names_and_ids_with_half_characters_are_hashed_too() -> None:
    assert SAFE.fullmatch(safe_name("a\ud83d"))
    assert SAFE.fullmatch(call_id("a\ud83d", "chat"))
    assert SAFE.fullmatch(made_up_call_id("a\ud83d", 0))
    assert name_map([safe_name("\ud83d"), "\ud83d"])["\ud83d"] != safe_name("\ud83d")
