"""``python -m router.tui ADDRESS KEY_FILE``: what `switchyard tui` starts in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from router.secret import Secret
from router.tui.app import Terminal
from router.tui.source import HttpSource


def main() -> int:
    """0 after `q`."""
    address, key_file = sys.argv[1:3]
    Terminal(HttpSource(address, Secret(Path(key_file).read_text(encoding="utf-8").strip()))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
