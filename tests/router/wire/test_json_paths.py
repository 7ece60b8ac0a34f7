"""Places in JSON objects: read, set, removed, and nothing else changed."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire import json_paths

BODY = {"a": {"b": [{"c": 1}, 2], "n": None}, "x": True}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('metadata["a.b"].c', ("metadata", "a.b", "c")),
        ("top-level_key", ("top-level_key",)),
    ],
)
def test_a_path_is_read(text: str, steps: json_paths.Steps) -> None:
    assert json_paths.parse(text) == steps


@pytest.mark.parametrize(
    "text", ["", ".", "a.", "a..b", "[0]", "a[", "a[x]", "a[-1]", "a b", "$.a[*]", "a" + ".b" * 12]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|steps"):
        json_paths.parse(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x", {**BODY, "x": 9}),
        ("y.z.w", {**BODY, "y": {"z": {"w": 9}}}),
        ("a.b[0].c", {"a": {"b": [{"c": 9}, 2], "n": None}, "x": True}),
        ("a.b[1]", {"a": {"b": [{"c": 1}, 9], "n": None}, "x": True}),
        ("a.n", {"a": {"b": [{"c": 1}, 2], "n": 9}, "x": True}),
        ("a.n.m", {"a": {"b": [{"c": 1}, 2], "n": {"m": 9}}, "x": True}),
    ],
)
def test_a_value_is_set(path: str, expected: Any) -> None:
    assert json_paths.with_value(BODY, json_paths.parse(path), 9) == expected


@pytest.mark.parametrize("path", ["x.y", "a.b[7]", "a.b[7].c", "a[0]", "q[0]", "q.r[0]", "a.b.c"])
def test_where_there_is_no_way_nothing_changes(path: str) -> None:
    assert json_paths.with_value(BODY, json_paths.parse(path), 9) is BODY
    assert json_paths.without(BODY, json_paths.parse(path)) is BODY


def test_what_is_the_same_already_is_no_change() -> None:
    assert json_paths.with_value(BODY, ("x",), True) is BODY
    assert json_paths.with_value(BODY, ("x",), 1) is not BODY
    assert json_paths.with_value(BODY, ("x",), 9, only_absent=True) is BODY
    assert json_paths.with_value(BODY, ("a", "n"), 9, only_absent=True) is not BODY


def test_a_value_is_removed() -> None:
    assert json_paths.without(BODY, ("a", "b", 0)) == {"a": {"b": [2], "n": None}, "x": True}
    assert json_paths.without(BODY, ("a",)) == {"x": True}
    assert json_paths.without(BODY, ("nothing",)) is BODY


def test_a_place_is_found_in_the_bodys_own_spelling() -> None:
    body = {"generation_config": {"topK": 1}}
    assert json_paths.spelled(body, ("generationConfig", "top_k")) == ("generation_config", "topK")
    assert json_paths.spelled({}, ("generationConfig", "topK")) == ("generationConfig", "topK")
