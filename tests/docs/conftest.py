"""A router with the demo provider, for the commands and examples of the documents."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
KEY = "sk-sy-documents-client-key"
MANAGEMENT = "sk-sy-documents-management-key"
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Running:
    """A process that answers at `address`."""

    address: str
    environ: dict[str, str]

    def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, Any]:
        """Status and JSON (or text) of one request."""
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), method="POST")
        for name, value in ({"Authorization": f"Bearer {KEY}"} | headers).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        return status, json.loads(text) if text.startswith("{") else text


@contextlib.contextmanager
def running(folder: Path, *words: str, settings: dict[str, Any] | None = None) -> Iterator[Running]:
    """Start ``python -m WORDS --config …``, wait until it is ready, end it."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "config.yaml"
    basic = {
        "server": {"port": port, "state_dir": str(folder / "state")},
        "auth": {"keys": [{"name": "documents", "key": KEY}], "management": {"key": MANAGEMENT}},
    }
    config.write_text(json.dumps(basic | (settings or {})), encoding="utf-8")
    environ = {name: os.environ[name] for name in KEPT if name in os.environ} | {"HOME": str(folder)}
    log = folder / "router.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "--config", str(config)],
            cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_ready(process, f"http://127.0.0.1:{port}/readyz", log)
        yield Running(f"http://127.0.0.1:{port}", environ)
    finally:
        process.terminate()
        process.wait(20)


def wait_ready(process: subprocess.Popen[bytes], url: str, log: Path, within: float = 30.0) -> None:
    """Until `url` gives 200. Raises `AssertionError` with the log where it does not."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        assert process.poll() is None, f"it ended by itself:\n{log.read_text()[-3000:]}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"not ready within {within} s:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The product with nothing but the demo."""
    with running(tmp_path_factory.mktemp("documents"), "router", "serve") as found:
        yield found
