"""The service as a program: what its short commands print is for programs, and talk goes elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_doctor_prints_one_object_and_talks_on_stderr(tmp_path: Path) -> None:
    binary = tmp_path / "chromium"
    binary.touch(mode=0o755)
    config = tmp_path / "config.yaml"
    block = {"browser": {"type": "camoufox", "executable_path": str(binary)}, "login": {"display": ":7"}}
    config.write_text(json.dumps({"auth": {"dir": str(tmp_path)}, "providers": {"aistudio": block}}))
    done = subprocess.run(
        [sys.executable, "-m", "services.aistudio", "doctor", "--router-config", str(config)],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert found["display"] == ":7" and found["missing"] is not None
    if found["engine"] is None:  # the environment of the router has no driver
        assert "make browser" in found["reason"] and done.returncode == 1
    else:
        assert (found["path"], done.returncode) == (str(binary), 0)
        assert "chromium is used instead" in found["note"] and found["note"] in done.stderr
