"""`down` under a real supervisord: every program is told at once, so that none waits for the drain of another."""

from __future__ import annotations

import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.cli import supervision
from tests.router.api.supervising import supervising

ENDS_WITH_THE_OTHER = """
import pathlib, signal, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(mine.with_suffix(".told").touch()))
mine.touch()
while not told:
    signal.pause()
while not other.with_suffix(".told").exists():
    time.sleep(0.02)
mine.with_suffix(".together").touch()
"""
PROGRAMS = """
[program:one]
command={python} ends.py one two
priority=10
stopwaitsecs=30
[program:two]
command={python} ends.py two one
priority=20
stopwaitsecs=30
"""


def test_all_programs_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ends.py").write_text(ENDS_WITH_THE_OTHER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervision, "SOCKET", Path("s.sock"))
    monkeypatch.setattr(supervision, "PID_FILE", Path("supervisord.pid"))
    with supervising(tmp_path, PROGRAMS, {"one": "running", "two": "running"}):
        end = time.monotonic() + 30
        while not (Path("one").exists() and Path("two").exists()):  # up is not yet at work
            assert time.monotonic() < end
            time.sleep(0.02)
        assert supervision.shut_down(within=60)
    assert Path("one.together").exists() and Path("two.together").exists()


def test_one_that_ends_already_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ends:
        def stopAllProcesses(self, wait: bool) -> None:
            raise xmlrpc.client.Fault(6, "SHUTDOWN_STATE")

        shutdown = stopAllProcesses

    @contextmanager
    def ending() -> Iterator[Ends]:
        yield Ends()

    monkeypatch.setattr(supervision, "supervisor", ending)
    monkeypatch.setattr(supervision, "SOCKET", tmp_path / "gone.sock")
    monkeypatch.setattr(supervision, "PID_FILE", tmp_path / "gone.pid")
    assert supervision.shut_down(within=5)
