"""The process: it starts alone, without its optional packages, says what is missing, and ends cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from services.webai import __main__ as main_module
from services.webai import extras
from tests.services.webai.router_stand_in import RouterStandIn

ROOT = Path(__file__).resolve().parents[3]


def config(folder: Path, router_port: int = 9, more: str = "") -> Path:
    keys = folder / "state" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "service.key").write_text("sk-service")
    path = folder / "config.yaml"
    path.write_text(
        f"server: {{port: {router_port}, state_dir: {folder}/state}}\nauth: {{dir: {folder}/auth}}\n"
        f"providers: {{webai: {{port: 0, relay: {{name: here}}{more}}}}}\n"
    )
    return path


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def process(
    path: Path, module: str = "services.webai"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, list[str]]]:
    """A running service, its port, and its lines so far."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--router-config", str(path)),
        cwd=ROOT,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdout is not None
    lines: list[str] = []
    try:
        while "listening on" not in (lines[-1] if lines else ""):
            lines.append((await asyncio.wait_for(started.stdout.readline(), 20)).decode())
            assert lines[-1], f"it ended: {lines}"
        yield started, int(lines[-1].rsplit(":", 1)[1]), lines
    finally:
        if started.returncode is None:
            started.kill()
        lines += (await started.stdout.read()).decode().splitlines()
        await started.wait()


async def test_it_starts_alone_announces_itself_and_ends_on_a_signal(tmp_path: Path) -> None:
    async with RouterStandIn() as router, aiohttp.ClientSession() as session:
        async with process(config(tmp_path, router.port)) as (service, port, lines):
            url = f"http://127.0.0.1:{port}"
            async with session.get(f"{url}/healthz") as response:
                assert response.status == 200
            await router.until(lambda: bool(router.told))
            key, told = router.told[0]
            assert key == "Bearer sk-service"
            assert told["service"] == "webai" and told["name"] == "here" and told["endpoint"] == url
            assert told["leaving"] is False and isinstance(told["causes"], list)
            assert set(told) == {
                "service", "name", "version", "endpoint", "models", "ready", "causes", "capacity", "busy", "accounts",
                "leaving",
            }  # fmt: skip
            async with session.get(f"{url}/readyz") as response:
                body = await response.json()
                assert response.status == 503 and body["ready"] is False
            service.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.wait(), 20) == 0
            assert router.told[-1][1]["leaving"] is True
        for name, version in extras.installed().items():
            assert any(f"{name}: {version or 'not installed'}" in line for line in lines)


async def test_a_fixed_endpoint_needs_no_announcement(tmp_path: Path) -> None:
    async with RouterStandIn() as router, aiohttp.ClientSession() as session:
        path = config(tmp_path, router.port, ", endpoint: 'http://127.0.0.1:1'")
        async with process(path) as (service, port, _):
            async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
                assert response.status == 200
            service.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.wait(), 20) == 0
        assert router.told == []


async def test_a_taken_port_is_said_and_ends_it(tmp_path: Path) -> None:
    async with process(config(tmp_path)) as (_, port, _lines):
        path = tmp_path / "second.yaml"
        path.write_text(config(tmp_path).read_text().replace("port: 0", f"port: {port}"))
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.webai", "--router-config", str(path)),
            cwd=ROOT,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(second.communicate(), 20)
        assert second.returncode == 1
        assert f"port {port} on 127.0.0.1 cannot be used" in out.decode()


def test_settings_that_cannot_be_end_it_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, more=", tools: pretend")
    assert main_module.main(["--router-config", str(path)]) == 2
    assert "providers.webai" in capsys.readouterr().err


def test_doctor_says_what_is_here(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.webai", "doctor", "--router-config", str(config(tmp_path))],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["installed"] == extras.installed()
    assert report["key"] is True and report["accounts"] == []
    assert len(report["missing"]) == sum(version is None for version in extras.installed().values())
