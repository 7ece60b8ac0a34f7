"""The locks of scripts/dev/make-sdk-venvs.sh, with a Python that builds nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """#!/bin/sh
case "$1" in
-c) echo wanted ;;
-m) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
esac
"""


def test_who_gives_up_waiting_for_a_lock_leaves_it_to_its_owner(tmp_path: Path) -> None:
    """Also where an environment before it was built under a lock of its own."""
    (tmp_path / "scripts" / "dev").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "dev" / "make-sdk-venvs.sh", tmp_path / "scripts" / "dev")
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    owned = tmp_path / ".venvs" / ".second.lock"
    owned.mkdir(parents=True)
    (owned / "pid").write_text(str(os.getpid()))
    command = ["sh", "scripts/dev/make-sdk-venvs.sh", "first", "second"]
    environ = {"PATH": os.environ["PATH"], "PYTHON": str(python)}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as build:
        assert build.stdout is not None
        for line in build.stdout:
            if "waiting" in line:
                break
        build.send_signal(signal.SIGTERM)
    assert (tmp_path / ".venvs" / "first" / ".stamp").exists()
    assert not (tmp_path / ".venvs" / ".first.lock").exists()
    assert (owned / "pid").read_text() == str(os.getpid())
