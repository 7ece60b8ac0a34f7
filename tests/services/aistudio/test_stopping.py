"""The service ends soon when it is told to while it makes a browser ready, before a stand-in driver that hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
DRIVER = '''
"""As Playwright's own: a launch that is given up is called off by the driver, which cannot be told once it is stopped;
the driver does not end before its launches do; and a start of it that is cancelled never ends."""
import asyncio

class Driver:
    def __init__(self):
        self.chromium, self.stopped, self.over = self, False, asyncio.Event()
        self.over.set()

    async def launch(self, **options):
        print("launching", flush=True)
        self.over.clear()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.stopped:
                await asyncio.Event().wait()
            self.over.set()
            raise

    async def stop(self):
        self.stopped = True
        await self.over.wait()

class async_playwright:
    async def start(self):
        try:
            if STARTING:
                print("launching", flush=True)
                await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        return Driver()
'''


@pytest.mark.parametrize("starting", [True, False], ids=["the driver", "the browser"])
def test_it_ends_soon_while_it_starts(starting: bool, tmp_path: Path) -> None:
    package = tmp_path / "stand-in/playwright"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "async_api.py").write_text(DRIVER.replace("STARTING", str(starting)))
    binary = tmp_path / "chromium"
    binary.touch(mode=0o755)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/default.json").write_text('{"cookies": [], "origins": []}')
    browser = {"engine": "chromium", "executable_path": str(binary), "sandbox": "off"}
    block = {"profiles": str(tmp_path / "profiles"), "browser": browser, "health_port": free_port()}
    block["relay"] = {"urls": [f"ws://127.0.0.1:{free_port()}/v1/ws"], "name": "desk"}
    (tmp_path / "aistudio.yaml").write_text(json.dumps(block))
    words = ["--config", str(tmp_path / "aistudio.yaml"), "--router-config", os.devnull, "--logs", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": f"{package.parent}:{ROOT}", "SWITCHYARD_SERVICE_KEY": "sk-sy-a-key"}
    with subprocess.Popen(
        [sys.executable, "-m", "services.aistudio", *words],
        stdout=subprocess.PIPE,
        env={**environment, "HOME": str(tmp_path)},
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert any("launching" in line for line in process.stdout)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0  # 15 s and more where the driver is stopped first
        finally:
            process.kill()
