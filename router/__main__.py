"""`python -m router` and `switchyard`: serving stays small, every other verb loads the command line."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the verb of the command line; without one, serve. Returns the exit code (`docs/cli.md`)."""
    words = sys.argv[1:] or ["serve"]
    waits = "DEPLOY" in os.environ  # it may have to wait for its settings: `router.cli.cloud`
    if words[0] == "serve" and "--help" not in words and not waits:
        from router.server import parent

        return parent.main(words[1:])
    from router.cli import main as cli

    return cli.main(words)


if __name__ == "__main__":
    sys.exit(main())
