"""`down` under a real supervisord: every program is told at once, so that none waits for the drain of another."""

from __future__ import annotations

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
        assert Path("one").exists() and Path("two").exists()
        assert supervision.shut_down(within=60)
    assert Path("one.together").exists() and Path("two.together").exists()
