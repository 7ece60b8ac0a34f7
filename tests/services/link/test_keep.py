"""What runs a service in a container of its own ends it where it hangs, and nowhere else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.link import alive, keep
from tests.ports import free_port

SERVES = """
import http.server, os, signal, sys
class Healthy(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Healthy.asked += 1
        self.send_response(200)
        self.end_headers()
        if Healthy.asked == int(sys.argv[2]):  # alive so far, and now it hangs
            self.wfile.flush()
            os.kill(os.getpid(), signal.SIGSTOP)
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""
ROOT = Path(__file__).resolve().parents[3]


async def test_a_service_that_hangs_is_killed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alive, "WITHIN", 0.2)
    port = free_port()
    command = [sys.executable, "-c", SERVES, str(port), "2"]
    async with asyncio.timeout(30):
        assert await keep.keep(command, f"http://127.0.0.1:{port}/healthz", every=0.05, most=3) == 1
    assert "it hangs and is killed (3 times in a row" in capfd.readouterr().err


@pytest.mark.parametrize(("does", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
async def test_one_that_ends_gives_its_status_and_one_that_never_answered_is_let_be(does: str, status: int) -> None:
    command = [sys.executable, "-c", f"import os, sys, time; time.sleep(0.3); {does}"]
    async with asyncio.timeout(30):
        assert await keep.keep(command, f"http://127.0.0.1:{free_port()}/healthz", every=0.01, most=2) == status


def test_the_signal_of_the_engine_reaches_the_service(tmp_path: Path) -> None:
    place = "SWITCHYARD__PROVIDERS__WEBAI"
    settings = {"SWITCHYARD_CONFIG": str(tmp_path / "none.yaml"), f"{place}__PORT": str(free_port())}
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", **settings}
    words = [sys.executable, "-m", "services.link.keep", "webai", "--log-level", "info"]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("listening on" in line for line in process.stdout)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert "stopping" in process.stdout.read()
        finally:
            process.kill()


def test_what_is_no_service_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert keep.main(["router"], {}) == 2 and "aistudio, webai" in capsys.readouterr().err
    wrong = tmp_path / "config.yaml"
    wrong.write_text("providers: [")
    assert keep.main(["webai"], {"SWITCHYARD_CONFIG": str(wrong)}) == 2
    assert "no valid YAML" in capsys.readouterr().err
