"""Options of the whole suite."""

from __future__ import annotations

import pytest

from tests.conformance import Conformance, rows


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance",
        action="store_true",
        help="for full runs: fail where a test named in tests/conformance.yaml was skipped or did not run",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformance"):
        config.pluginmanager.register(Conformance(rows()), "conformance")
