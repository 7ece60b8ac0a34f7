"""Arguments that Vertex streams field by field."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.gemini.partial_args import PartialArguments


def put(*pieces: Any) -> dict[str, Any]:
    partial = PartialArguments()
    for piece in pieces:
        partial.add(piece)
    return partial.value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a", {"a": 1}),
        ("$.a.b", {"a": {"b": 1}}),
        ("$.a[0]", {"a": [1]}),
        ("$.a[2]", {"a": [None, None, 1]}),
        ("$.a[1].b", {"a": [None, {"b": 1}]}),
        ("$['a b']", {"a b": 1}),
        ('$["a.b"].c', {"a.b": {"c": 1}}),
        ("$[0]", {"0": 1}),
        ("a", {}),
        ("$", {}),
        ("$a", {}),
        ("$.a[10001]", {"a": []}),
        ("$.a[10001].b", {"a": []}),
    ],
)
def test_a_path_names_its_place(path: str, expected: dict[str, Any]) -> None:
    assert put({"jsonPath": path, "numberValue": 1}) == expected


def test_values_have_their_types_and_texts_grow() -> None:
    assert put(
        {"jsonPath": "$.text", "stringValue": "a"},
        {"jsonPath": "$.text", "stringValue": "b"},
        {"jsonPath": "$.yes", "boolValue": False},
        {"jsonPath": "$.number", "numberValue": 1},
        {"jsonPath": "$.number", "numberValue": 2},
        {"jsonPath": "$.nothing", "nullValue": None},
        {"jsonPath": "$.changed", "stringValue": "a"},
        {"jsonPath": "$.changed.b", "stringValue": "c"},
        {"jsonPath": 5, "stringValue": "x"},
        "odd",
    ) == {"text": "ab", "yes": False, "number": 2, "nothing": None, "changed": {"b": "c"}}
    assert len(put({"jsonPath": "$.a[10000]", "numberValue": 1})["a"]) == 10_001
    assert put({"jsonPath": "$.a[0]", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 2}) == {"a": [1]}
