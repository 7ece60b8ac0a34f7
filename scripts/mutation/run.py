"""How many small mistakes in ``router/wire`` its tests notice: ``python scripts/mutation/run.py --help``.

Makes mutants of the modules, takes a sample that a seed decides, runs for each the tests that execute the changed
line (the module's own test file first, the quickest next), and prints the share that made a test fail, with its 95 %
interval (Wilson). A mutant that hangs or cannot be imported counts as noticed, one that no test executes as missed.
Property tests run few examples and a fixed choice of them, so that a run can be repeated. Known equivalents
(`equivalents.py`) are left out and counted.

Why not a ready tool: mutmut, by its source, leaves tables outside functions alone, which is where most protocol words
are here. cosmic-ray was not tried.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import gc
import json
import math
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.mutation.equivalents import reason_for  # noqa: E402
from scripts.mutation.mutants import Mutant, mutants_of  # noqa: E402
from scripts.mutation.runner import finished, forked, record, test_mutant, warm  # noqa: E402

PACKAGE = "router/wire"


def main() -> int:
    options = _options()
    paths = sorted(str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).rglob("*.py"))
    wanted = [path for path in paths if any(fnmatch.fnmatch(path, f"*{part}*") for part in options.paths or [""])]
    made = [replace(mutant, change=_done) for path in wanted for mutant in mutants_of(ROOT, path)[1]]
    kept = [mutant for mutant in made if reason_for(mutant) is None]
    chosen = sample(kept, options.sample, options.seed)
    if options.list:
        print("\n".join(map(str, chosen)))
        return 0
    warm()
    gc.freeze()  # forks share these pages as long as nobody touches them
    plan = Tests(record(ROOT, options.tests or unit_tests()), paths)
    _try_out(chosen, plan)
    results = run(chosen, plan, options.jobs, options.verbose)
    report = summary(results, made=len(made), equivalent=len(made) - len(kept), seed=options.seed, failed=plan.failed)
    print(table(report, results))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if report["score"] >= options.at_least else 1


def _done() -> None:
    """In place of a mutant's change: a fork parses its one module again, so the parent keeps no trees."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutation score of router/wire.")
    parser.add_argument("--sample", type=int, default=400, help="how many mutants, 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--paths", nargs="*", help="parts of module paths, such as chat/tools")
    parser.add_argument(
        "--tests", nargs="*", default=["tests/router/wire"], help="test files or folders to choose from"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", help="write the result here")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 below this share, such as 0.85")
    parser.add_argument("--verbose", action="store_true", help="print each missed mutant when it is found")
    parser.add_argument("--list", action="store_true", help="print the chosen mutants and stop")
    return parser.parse_args()


def unit_tests() -> list[str]:
    """The test files of the package, without the slow ones over all pairs of dialects: a mistake in a module should be
    noticed nearer to it."""
    files = (ROOT / "tests" / PACKAGE).rglob("test_*.py")
    return sorted(str(path.relative_to(ROOT)) for path in files if path.parent.name != "pairs")


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of them (0: all) in the order of the source, the same ones for the same seed and source."""
    if count in (0, len(mutants)) or count > len(mutants):
        return list(mutants)
    picked = random.Random(seed).sample(range(len(mutants)), count)  # noqa: S311
    return [mutants[index] for index in sorted(picked)]


class Tests:
    """Which tests to run for a mutant."""

    def __init__(self, recorded: dict[str, Any], paths: Sequence[str]) -> None:
        self.failed: list[str] = recorded["failed"]
        self._skipped = frozenset(recorded["skipped"])
        self._seconds: dict[str, float] = recorded["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = recorded["lines"]
        self._importers: dict[str, set[str]] = defaultdict(set)
        for path in paths:
            for name in _imports(path):
                self._importers[name].add(path)
        files: dict[str, list[str]] = defaultdict(list)
        for test in self._seconds:
            files[test.partition("::")[0]].append(test)
        self._named: dict[str, set[str]] = defaultdict(set)  # module -> tests of the files that import it by name
        for file, tests in files.items():
            for name in _imports(file):
                self._named[name].update(tests)

    def of(self, mutant: Mutant) -> list[str]:
        """Tests that run the statement; for what runs at import, those that run any of the module or its importers."""
        lines = self._lines.get(mutant.path, {})
        first, last = mutant.lines
        names = {name for line in range(first, last + 1) for name in lines.get(str(line), [])}
        if not mutant.inside:
            names = self._near(mutant.path) | (self._named[mutant.path] - self._skipped)
        own = f"{Path('tests', mutant.path).with_name('test_' + Path(mutant.path).name)}::"
        folder = f"{Path('tests', mutant.path).parent}/test_"
        passing = names.difference(self.failed)
        return sorted(passing, key=lambda t: (not t.startswith(own), not t.startswith(folder), self._seconds[t], t))

    def seconds(self, names: Sequence[str]) -> float:
        return sum(self._seconds[name] for name in names)

    def _near(self, path: str) -> set[str]:
        """Of a module and of those that import it; further away where those have none (a table of tables)."""
        reached, ring = {path}, [path]
        while ring:
            names = {name for each in ring for tests in self._lines.get(each, {}).values() for name in tests}
            further = sorted({importer for each in ring for importer in self._importers[each]} - reached)
            if names and path not in ring:
                return names | {name for tests in self._lines.get(path, {}).values() for name in tests}
            reached.update(further)
            ring = further
        return {name for tests in self._lines.get(path, {}).values() for name in tests}


def _imports(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            parts = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found.update(part.replace(".", "/") + end for part in parts for end in (".py", "/__init__.py"))
    return found


def run(chosen: Sequence[Mutant], plan: Tests, jobs: int, verbose: bool) -> list[tuple[Mutant, str]]:
    """Each mutant with ``killed``, ``timeout``, ``survived`` or ``untested``."""
    results: dict[int, str] = {}
    running: dict[int, tuple[int, float]] = {}
    waiting = list(enumerate(chosen))[::-1]
    while waiting or running:
        while waiting and len(running) < jobs:
            index, mutant = waiting.pop()
            names = plan.of(mutant)
            if not names:
                results[index] = "untested"
                _tell(mutant, "untested", verbose)
                continue
            limit = time.monotonic() + 30 + 5 * plan.seconds(names)
            running[forked(lambda m=mutant, n=names: _child(m, n))] = (index, limit)  # type: ignore[misc]
        if running:
            for pid, code in finished({pid: limit for pid, (_, limit) in running.items()}):
                index, _ = running.pop(pid)
                results[index] = {0: "survived", None: "timeout"}.get(code, "killed")
                _tell(chosen[index], results[index], verbose)
    return [(mutant, results[index]) for index, mutant in enumerate(chosen)]


def _try_out(chosen: Sequence[Mutant], plan: Tests) -> None:
    """An unchanged module must pass, or every score would be 100 %. Raises RuntimeError."""
    some = next(mutant for mutant in chosen if plan.of(mutant))
    for pid, code in finished({forked(lambda: _child(some, plan.of(some), change=False)): time.monotonic() + 300}):
        if code != 0:
            raise RuntimeError(f"the tests of {some.path} fail without a mutant (process {pid}, exit code {code})")


def _tell(mutant: Mutant, result: str, verbose: bool) -> None:
    if verbose and result in ("survived", "untested"):
        print(result, mutant, flush=True)


def _child(mutant: Mutant, names: Sequence[str], *, change: bool = True) -> int:
    tree, again = mutants_of(ROOT, mutant.path)
    if change:
        again[mutant.key].change()
    return test_mutant(ROOT, mutant.path, tree, names)


def summary(results: Sequence[tuple[Mutant, str]], **facts: Any) -> dict[str, Any]:
    """Scores in total and per package, and what kinds were missed."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for mutant, result in results:
        folder = str(Path(mutant.path).parent)
        groups[folder].append(result in ("killed", "timeout"))
    every = [noticed for group in groups.values() for noticed in group]
    missed = Counter(mutant.kind for mutant, result in results if result in ("survived", "untested"))
    return {
        **_score(every),
        "packages": {name: _score(group) for name, group in sorted(groups.items())},
        "results": dict(Counter(result for _, result in results).most_common()),
        "missed_kinds": dict(missed.most_common()),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **facts,
    }


def _score(noticed: Sequence[bool]) -> dict[str, Any]:
    """Share with Wilson's 95 % interval."""
    n, k, z = len(noticed), sum(noticed), 1.96
    if n == 0:
        return {"sample": 0, "score": 0.0, "interval": [0.0, 1.0]}
    p, scale = k / n, 1 + z * z / n
    middle, half = (p + z * z / (2 * n)) / scale, z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    return {"sample": n, "score": round(p, 4), "interval": [round(middle - half, 4), round(middle + half, 4)]}


def table(report: dict[str, Any], results: Sequence[tuple[Mutant, str]]) -> str:
    modules: dict[str, list[bool]] = defaultdict(list)
    for mutant, result in results:
        modules[mutant.path].append(result in ("killed", "timeout"))
    lines = [f"{sum(noticed):5}/{len(noticed):<5} {path}" for path, noticed in sorted(modules.items())]
    for name, part in report["packages"].items():
        lines.append(f"{part['score']:7.1%} of {part['sample']:<5} {name}")
    low, high = report["interval"]
    lines.append(f"{report['score']:.1%} of {report['sample']} mutants noticed (95 %: {low:.1%} to {high:.1%})")
    lines.append(f"missed: {report['missed_kinds']}; failing without mutants: {report['failed']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
