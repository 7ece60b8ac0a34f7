from __future__ import annotations

from router import places
from router.cli.describe import page


def test_the_page_in_the_repository_is_the_one_that_the_program_gives() -> None:
    assert (places.ROOT / "docs" / "cli.md").read_text() == page(), "run: python -m router.cli.describe"
