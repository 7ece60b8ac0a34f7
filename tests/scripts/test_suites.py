"""Every test belongs to a suite of the Makefile that runs it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"\bpytest\.mark\.(sdk|e2e|fuzz|webai|browser)\b|\bneeds_(browser)\b")
SUPERVISED = "pytest.mark." + "supervised"
COMMAND = re.compile(r"^\t.*-m pytest (tests.*)$", re.M)


def suites() -> Iterator[tuple[list[str], str]]:
    """The folders of each suite, and its expression of marks."""
    for words in map(shlex.split, COMMAND.findall((ROOT / "Makefile").read_text("utf-8"))):
        marks = words[words.index("-m") + 1] if "-m" in words else ""
        yield [word for word in words if word.startswith("tests")], marks


def test_there_is_a_suite_for_each_mark() -> None:
    assert {"sdk", "e2e", "fuzz", "webai", "browser"} <= {marks.split(" ")[0] for _, marks in suites() if marks}


def test_what_the_browser_suite_leaves_out_has_a_suite_of_its_own() -> None:
    files = {path for paths, marks in suites() if not marks for path in paths if path.endswith(".py")}
    every = (ROOT / "tests").rglob("test_*.py")
    marked = {str(path.relative_to(ROOT)) for path in every if SUPERVISED in path.read_text("utf-8")}
    assert marked
    assert marked <= files


@pytest.mark.parametrize("mark", ["sdk", "e2e", "fuzz", "webai", "browser"])
def test_a_marked_test_stands_where_its_suite_looks(mark: str) -> None:
    """The fast suite leaves all marked ones out, so one that stands elsewhere would never run."""
    folders = [folder for paths, marks in suites() if marks.split(" ")[0] == mark for folder in paths]
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        found = {mark for marks in MARK.findall(path.read_text("utf-8")) for mark in marks if mark}
        if mark in found and not (mark == "sdk" and "browser" in found):
            place = path.relative_to(ROOT)
            assert any(place.is_relative_to(folder) for folder in folders), f"{place} is marked {mark}: {folders}"
