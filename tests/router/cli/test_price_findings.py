"""What doctor says about the price table."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from router.cli.price_findings import judged, prices
from router.cli.talk import find_place


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("2026-06-01", "ok"),
        ("2026-05-31", "warning"),
        ("2020-01-01+2026-11-01", "ok"),
        ("2020-01-01+2021-01-01", "warning"),
    ],
)
def test_a_table_of_more_than_half_a_year_is_told(version: str, level: str) -> None:
    found = judged(version, date(2026, 11, 28))
    assert (found.level, found.about) == (level, "prices")
    assert version in found.what


def test_a_table_that_cannot_be_used_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("version: soon\n")
    config = tmp_path / "config.yaml"
    config.write_text(f"usage: {{prices: {own}}}\nserver: {{state_dir: {tmp_path}/state}}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    (found,) = prices(find_place(None), {})
    assert found.level == "error"
    assert "version: must be the date" in found.what
    own.write_text("version: 2099-01-01\n")
    (found,) = prices(find_place(None), {})
    assert found.level == "ok"
