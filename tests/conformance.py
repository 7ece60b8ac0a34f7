"""The map from requirements to tests, and the check at the end of a full run that those tests really ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parent / "conformance.yaml"


def rows(path: Path = FILE) -> list[dict[str, Any]]:
    """The rows of the map, as they stand in the file."""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def named(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every test that some row names, once, in the order of the file."""
    return list(dict.fromkeys(test for row in found for test in row.get("tests") or ()))


@dataclass
class Outcomes:
    """How the cases of each test ended, by node id without parameters."""

    passed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def note(self, nodeid: str, outcome: str) -> None:
        getattr(self, outcome).add(nodeid.partition("[")[0])

    def unproven(self, tests: Iterable[str]) -> list[str]:
        """What is wrong with each of `tests` that did not pass, as lines for people."""
        lines = []
        for test in tests:
            if test in self.failed:
                lines.append(f"failed: {test}")
            elif test not in self.passed:
                lines.append(f"{'skipped' if test in self.skipped else 'did not run'}: {test}")
        return lines

    def partly(self, tests: Iterable[str]) -> list[str]:
        """Tests of which some cases passed and others were skipped."""
        return [test for test in tests if test in self.passed & self.skipped]


class Conformance:
    """Pytest plugin of the option ``--conformance``, for runs of the whole suite."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._rows = found
        self._tests = named(found)
        self._outcomes = Outcomes()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._outcomes.note(report.nodeid, report.outcome)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._outcomes.unproven(self._tests) or self._todo():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        unproven, todo = self._outcomes.unproven(self._tests), self._todo()
        terminalreporter.section("conformance")
        for line in [*unproven, *(f"still without a test: {row}" for row in todo)]:
            terminalreporter.write_line(line, red=True)
        for test in self._outcomes.partly(self._tests):
            terminalreporter.write_line(f"some cases skipped: {test}", yellow=True)
        later = sum("later" in row for row in self._rows)
        terminalreporter.write_line(
            f"{len(self._rows)} rows, {later} of them for later features; {len(self._tests)} tests named, "
            f"{len(unproven)} of them unproven; {len(todo)} rows without a test."
        )

    def _todo(self) -> list[str]:
        return [row["id"] for row in self._rows if row.get("todo")]
