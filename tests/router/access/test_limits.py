"""How limits are told in words."""

from __future__ import annotations

import pytest

from router.access.limits import Unit, amount


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (1_250_000, "usd", "1.25 USD"), (500_000, "usd", "0.50 USD"), (0, "usd", "0.00 USD"),
        (2_100, "usd", "0.0021 USD"), (1_234_567, "usd", "1.23 USD"), (12_000, "tokens", "12,000 tokens"),
    ],
)  # fmt: skip
def test_small_sums_are_not_told_as_nothing(value: float, unit: Unit, told: str) -> None:
    assert amount(value, unit) == told
