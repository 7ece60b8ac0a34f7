"""Options of the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.conformance import Conformance, rows

# How fast a machine makes examples says nothing about the product: timings never decide a test.
settings.register_profile("switchyard", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
# `make thorough`; some tests take a share of either number.
settings.register_profile("thorough", settings.get_profile("switchyard"), max_examples=500)
settings.load_profile("switchyard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance",
        action="store_true",
        help="for full runs: fail where a test named in tests/conformance.yaml was skipped or did not run",
    )
    parser.addoption(
        "--write-fault-table",
        action="store_true",
        help="for tests/faults: write what the faults come to into docs/reliability.md instead of comparing it",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformance"):
        config.pluginmanager.register(Conformance(rows()), "conformance")
