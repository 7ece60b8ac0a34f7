"""The map of requirements to tests is whole: every row says how it is proven, every test it names exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.conformance import Outcomes, named, rows

ROOT = Path(__file__).parents[1]
ROWS = rows()


@cache
def declared_in(path: str) -> frozenset[str]:
    """Names of the tests of a file, those of classes as ``Class::name``; read, not run."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, functions)}
    for outer in tree.body:
        if isinstance(outer, ast.ClassDef):
            found |= {f"{outer.name}::{node.name}" for node in outer.body if isinstance(node, functions)}
    return frozenset(found)


@pytest.mark.parametrize("node", named(ROWS))
def test_every_test_that_is_named_exists(node: str) -> None:
    path, _, name = node.partition("::")
    assert path.startswith("tests/")
    assert (ROOT / path).is_file(), f"{path} is gone; name the test that proves the row now"
    assert name in declared_in(path), f"{path} has no {name}; name the test that proves the row now"
    assert name.rpartition("::")[2].startswith("test_")


def test_every_row_is_proven_or_says_why_not_yet() -> None:
    for row in ROWS:
        assert set(row) <= {"id", "claim", "tests", "later", "todo"}, row
        assert row["claim"].strip(), row["id"]
        said = [bool(row.get("tests")), "later" in row, row.get("todo") is True]
        assert sum(said) == 1, f"{row['id']}: give tests, or later, or todo"


def test_ids_are_unique_and_every_trap_and_finding_has_a_row() -> None:
    ids = [row["id"] for row in ROWS]
    assert len(set(ids)) == len(ids)
    wanted = [f"wire.14.{number}" for number in range(1, 34)] + [f"clients.1.{number}" for number in range(1, 11)]
    wanted += [f"lessons.mustnot.{number}" for number in range(1, 11)]
    wanted += [f"lessons.5.1.{number}" for number in range(1, 33)]
    assert set(wanted) <= set(ids)


def test_skipped_and_missing_tests_are_told_apart_from_proven_ones() -> None:
    outcomes = Outcomes()
    outcomes.note("tests/a.py::test_x[1]", "passed")
    outcomes.note("tests/a.py::test_x[2]", "skipped")
    outcomes.note("tests/a.py::test_y", "skipped")
    outcomes.note("tests/a.py::test_z[1]", "passed")
    outcomes.note("tests/a.py::test_z[2]", "failed")
    asked = ["tests/a.py::test_x", "tests/a.py::test_y", "tests/a.py::test_z", "tests/a.py::test_gone"]
    assert outcomes.unproven(asked) == [
        "skipped: tests/a.py::test_y",
        "failed: tests/a.py::test_z",
        "did not run: tests/a.py::test_gone",
    ]
    assert outcomes.partly(asked) == ["tests/a.py::test_x"]
