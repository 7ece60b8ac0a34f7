"""``make soak``, or ``python -m tests.soak --seconds 1800 --clients 500``: a long soak with a report of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.sdk.environments import ROOT
from tests.soak.report import summary, write
from tests.soak.run import Plan, short, soak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=ROOT / "build" / "soak.html")
    parser.add_argument("--folder", type=Path, help="A new folder for settings and logs, which are kept.")
    given = parser.parse_args()
    plan = (Plan if given.seconds >= 60 else short)(given.seconds, given.clients, given.seed)
    with tempfile.TemporaryDirectory(prefix="switchyard-soak-") as folder:
        found = asyncio.run(soak(given.folder or Path(folder), plan))
    given.report.parent.mkdir(parents=True, exist_ok=True)
    write(given.report, found)
    print("\n".join(f"{name}: {value}" for name, value in summary(found)))
    print(f"report: {given.report}")
    for line in found.wrong[:50]:
        print(f"WRONG {line}", file=sys.stderr)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
