"""The service as a program: what its short commands print is for programs, and talk goes elsewhere."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from services.link import alive
from tests.ports import free_port


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


def test_it_says_how_it_is_where_the_settings_want_it(tmp_path: Path) -> None:
    port, place = free_port(), "SWITCHYARD__PROVIDERS__AISTUDIO"
    settings = {f"{place}__HEALTH_HOST": "127.0.0.2", f"{place}__HEALTH_PORT": str(port)}
    environment = {**os.environ, "HOME": str(tmp_path), "SWITCHYARD_CONFIG": os.devnull, **settings}
    words = [sys.executable, "-m", "services.aistudio", "--logs", str(tmp_path)]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("ws://127.0.0.1:8317" in line for line in process.stdout)  # it dials, and so it serves
            with urllib.request.urlopen(f"http://127.0.0.2:{port}/healthz", timeout=20) as answer:
                assert answer.status == 200
            assert alive.main(["aistudio"], environment) == 0
            with socket.socket() as elsewhere:
                assert elsewhere.connect_ex(("127.0.0.1", port)) != 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
