"""The documents' part of ``make check``: generated parts are fresh, and what the pages mention exists."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.docs import checks, pages


def main() -> int:
    """1 where something is wrong; every mistake on a line."""
    found = [f"{path.relative_to(pages.DOCS.parent)} is stale; run make docs" for path in pages.stale()]
    found += checks.mistakes()
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(checks.documents())} pages, {len(found)} mistakes")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
