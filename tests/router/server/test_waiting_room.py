"""``DEPLOY=cloud``: a process without valid settings is alive, says what is wrong, and serves once they are valid."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Process:
    def __init__(self, folder: Path, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.config = folder / "config.yaml"
        self.process = process
        self.port = port
        self.log = log

    def ask(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def until(self, holds: Callable[[], bool], within: float = 40.0) -> None:
        end = time.monotonic() + within
        while not holds():
            assert time.monotonic() < end and self.process.poll() is None, self.log.read_text()[-2000:]
            time.sleep(0.05)


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Process]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SWITCHYARD_CONFIG": str(folder / "config.yaml"),
        "SWITCHYARD__SERVER__PORT": str(port),
        "SWITCHYARD__SERVER__STATE_DIR": str(folder / "state"),
        **environment,
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "router", "serve"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)
    try:
        yield Process(folder, process, port, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_it_waits_for_valid_settings_and_then_serves(tmp_path: Path) -> None:
    with serving(tmp_path, DEPLOY="cloud") as one:
        one.until(lambda: one.ask("/healthz")[0] == 200)
        status, body = one.ask("/readyz")
        assert status == 503 and "is not there yet" in body["causes"][0]["text"]
        assert body["causes"][0]["restart_helps"] is False
        one.config.write_text("server: {prot: 1}\n")
        one.until(lambda: "prot" in str(one.ask("/readyz")[1]))
        assert one.ask("/v1/models")[0] == 503 and one.ask("/healthz")[0] == 200
        one.config.write_text("server: {}\n")
        one.until(lambda: one.ask("/readyz")[0] == 200)
        assert one.ask("/")[1]["name"]
        assert (tmp_path / "state" / "keys" / "client.key").exists()
        assert "prot" in one.log.read_text()


def test_nobody_is_refused_while_the_router_takes_over(tmp_path: Path) -> None:
    """A caller that asks /healthz without a pause sees 200 only, from the waiting through the start to the router."""
    with serving(tmp_path, DEPLOY="cloud") as one:
        one.until(lambda: one.ask("/healthz")[0] == 200)
        enough = threading.Event()
        seen: list[int] = []

        def call() -> None:
            while not enough.is_set():
                seen.append(one.ask("/healthz")[0])

        caller = threading.Thread(target=call)
        caller.start()
        try:
            one.config.write_text("server: {}\n")
            one.until(lambda: one.ask("/readyz")[0] == 200)
        finally:
            before = len(seen)
            one.until(lambda: len(seen) > before + 20)
            enough.set()
            caller.join()
        assert set(seen) == {200}, [status for status in seen if status != 200]
        one.process.send_signal(signal.SIGHUP)  # the parent owns the socket: a replacement works as ever
        facts = tmp_path / "state" / "run" / "router.json"
        first = json.loads(facts.read_text())["pid"]
        one.until(lambda: json.loads(facts.read_text())["pid"] != first)
        assert one.ask("/readyz")[0] == 200
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(30) == 0


def test_an_address_for_everybody_waits_for_its_settings_only(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("server: {prot: 1}\n")
    with serving(tmp_path, DEPLOY="cloud", SWITCHYARD__SERVER__HOST="0.0.0.0") as one:
        one.until(lambda: "prot" in str(one.ask("/readyz")[1]))
        one.config.write_text("server: {}\n")
        one.until(lambda: one.ask("/readyz")[0] == 200)
        assert (tmp_path / "state" / "keys" / "client.key").read_text().strip() in one.log.read_text()


def test_it_stops_while_it_waits(tmp_path: Path) -> None:
    with serving(tmp_path, DEPLOY="cloud") as one:
        one.until(lambda: one.ask("/healthz")[0] == 200)
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(20) == 143


@pytest.mark.parametrize("deploy", ["", "elsewhere"])
def test_without_the_variable_it_ends_and_says_why(tmp_path: Path, deploy: str) -> None:
    (tmp_path / "config.yaml").write_text("server: {prot: 1}\n")
    with serving(tmp_path, DEPLOY=deploy) as one:
        assert one.process.wait(30) not in (0, None)
        assert "prot" in one.log.read_text()
