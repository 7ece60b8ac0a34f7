"""Runs tests against one mutant: a fresh fork that imports the changed module in place of the real one.

The parent imports pytest and the libraries once and never the product, so that a fork begins in milliseconds and
imports everything that depends on the changed module anew, tables included.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import coverage
import hypothesis
import msgspec  # noqa: F401  imported here once for all forks
import pytest
import pytest_asyncio  # noqa: F401

EXAMPLES = 12
"""Of each property test and mutant; the test suite itself runs more."""
FIRST = 60
MEMORY = 3 << 30
OPTIONS = [
    "-x",
    "-q",
    "--no-header",
    "--tb=no",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-o",
    "addopts=",
    "-o",
    "filterwarnings=",
]


class Selected:
    """A pytest plugin that runs the named tests alone, in the given order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._order = {name: index for index, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self._order), key=lambda i: self._order[i.nodeid])


class Timed:
    """A pytest plugin that records how long each test takes, whether it passes, and which lines it runs."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self.cover = cover
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.skipped: set[str] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.cover.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.skipped |= {report.nodeid} if report.skipped else set()
        if report.failed:
            self.failed.append(report.nodeid)


class _Loader(SourceFileLoader):
    tree: ast.Module

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.tree, self.path, "exec")
        return code


class Changed:
    """An import hook that gives one module another syntax tree."""

    def __init__(self, root: Path, path: str, tree: ast.Module) -> None:
        self._name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self._file, self._tree = str(root / path), ast.fix_missing_locations(tree)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = _Loader(name, self._file)
        loader.tree = self._tree
        return importlib.util.spec_from_file_location(name, self._file, loader=loader)


def prepare(root: Path) -> None:
    """In a child: quiet, bounded, away from the checkout's own caches, and without answers that are not published."""
    os.chdir(root)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.gettempdir() + "/mutation-hypothesis"
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutation", database=None, derandomize=True, max_examples=EXAMPLES, deadline=None, phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    hypothesis.settings.load_profile("mutation")
    sys.path.insert(0, str(root))
    data: Any = importlib.import_module("tests.data")
    data.SHARED = Path("/nonexistent")  # what only some machines have must not decide the score


def warm() -> None:
    """In the parent: load pytest's plugins, so that no fork needs to."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*OPTIONS, "--version", "--version"])


def forked(work: Callable[[], int]) -> int:
    """Run `work` in a fork; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = work()
    except BaseException:
        code = 71
    finally:
        os._exit(code)


def test_mutant(root: Path, path: str, tree: ast.Module, names: Sequence[str]) -> int:
    """In a child: pytest's exit code for these tests, 0 where all pass. The first run before others are imported."""
    prepare(root)
    sys.meta_path.insert(0, Changed(root, path, tree))
    for batch in filter(None, (names[:FIRST], names[FIRST:])):
        files = list(dict.fromkeys(name.partition("::")[0] for name in batch))
        code = int(pytest.main([*OPTIONS, *files], plugins=[Selected(batch)]))
        if code != 0:
            return code
    return 0


def record(root: Path, tests: Sequence[str]) -> dict[str, Any]:
    """Run the tests once, unchanged: seconds of each test, those that fail or skip, and the tests of each line."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "map.json")
        pid = forked(lambda: _record(root, tests, out))
        os.waitpid(pid, 0)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found


def _record(root: Path, tests: Sequence[str], out: Path) -> int:
    prepare(root)
    cover = coverage.Coverage(data_file=None, config_file=False, source=[str(root / "router/wire")])
    cover.start()
    timed = Timed(cover)
    pytest.main([option for option in OPTIONS if option != "-x"] + list(tests), plugins=[timed])
    cover.stop()
    data = cover.get_data()
    lines = {
        str(Path(file).relative_to(root)): {
            str(line): [name for name in names if name and name not in timed.skipped]
            for line, names in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    facts = {"seconds": timed.seconds, "failed": sorted(set(timed.failed)), "skipped": sorted(timed.skipped)}
    out.write_text(json.dumps({**facts, "lines": lines}))
    return 0


def finished(running: dict[int, float]) -> Iterator[tuple[int, int | None]]:
    """Wait until a child ends or its deadline passes: process ids with exit codes, None for those out of time.

    running: process id -> the monotonic time after which it is killed.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in running:
            yield pid, os.waitstatus_to_exitcode(status)
            return
        for late in [pid for pid, deadline in running.items() if time.monotonic() > deadline]:
            os.kill(late, 9)
            os.waitpid(late, 0)
            yield late, None
            return
        time.sleep(0.01)
