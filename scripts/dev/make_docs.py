"""``make docs``: write the generated parts of the documents anew. With ``--check``: 1 where one is stale."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.docs import pages


def main(words: list[str]) -> int:
    """0: every page is as it should be."""
    if "--check" in words:
        found = pages.stale()
        for path in found:
            print(f"{path.relative_to(pages.DOCS.parent)} is stale; run make docs", file=sys.stderr)
        return int(bool(found))
    for path in pages.write():
        print(f"wrote {path.relative_to(pages.DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
