from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.accounts.moments import read_moment, write_moment


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000.0),
        ("2027-01-15 08:00:00", 1_800_000_000.0),
        ("2027-01-15T08:00:00.123456789Z", 1_800_000_000.123456),
        (1_800_000_000, 1_800_000_000.0),
        (1_800_000_000_500, 1_800_000_000.5),
        ("1800000000", 1_800_000_000.0),
        ("1970-01-01T00:00:00Z", 0.0),
    ],
)
def test_each_way_of_writing_a_time_is_read(written: Any, seconds: float) -> None:
    assert read_moment(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", "soon", "0001-01-01T00:00:00Z", 0, -5, True, None, [], {}, float("nan"), float("inf"), 10**400, "9" * 30],
)
def test_what_is_no_time_is_none(written: Any) -> None:
    assert read_moment(written) is None


@given(st.integers(0, 253_402_300_799_000_000))
def test_a_time_comes_back_as_it_was_written(microseconds: int) -> None:
    seconds = microseconds / 1_000_000
    assert read_moment(write_moment(seconds)) == pytest.approx(seconds, abs=5e-5)


@pytest.mark.parametrize("never", [None, float("inf"), float("nan"), 1e18])
def test_what_no_calendar_can_say_is_not_written(never: float | None) -> None:
    assert write_moment(never) is None


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans()))
def test_no_value_breaks_the_reader(value: Any) -> None:
    found = read_moment(value)
    assert found is None or found >= 0
