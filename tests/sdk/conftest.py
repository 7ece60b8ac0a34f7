"""Prints the table of dialect pairs after the tests that filled it."""

from __future__ import annotations

import pytest

from tests.sdk.table import Table

TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    """One table for the whole session."""
    config.stash[TABLE] = Table()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """Where tests enter what a pair did."""
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table if anything was entered."""
    table = config.stash[TABLE]
    if table.rows:
        terminalreporter.section("every client dialect against every upstream dialect")
        for line, good in table.lines():
            terminalreporter.write_line(line, green=good, red=not good)
