"""A small, fixed sample of mutants of quick modules is mostly noticed by their tests. `make mutation` measures all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = ("codec", "effort", "names", "notes", "sse", "surrogates")


def test_most_of_a_few_mutants_are_noticed(tmp_path: Path) -> None:
    result = tmp_path / "score.json"
    paths = [f"router/wire/{name}.py" for name in MODULES]
    tests = [f"tests/router/wire/test_{name}.py" for name in MODULES]
    command = [sys.executable, "scripts/mutation/run.py", "--sample", "25", "--seed", "1", "--at-least", "0.8"]
    done = subprocess.run(
        [*command, "--json", str(result), "--paths", *paths, "--tests", *tests, "--verbose"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(result.read_text(encoding="utf-8"))
    assert found["sample"] == 25
    assert found["failed"] == []
