"""Every operation of the management API before requests that are made of its own description, well formed and not:
no answer is a failure of the server's but a 503 with its reason, and each is one that the description knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.router.api.harness import MANAGEMENT, running
from tests.simulators import Upstream

ROOT = Path(__file__).parents[2]
TOOL = ROOT / ".venvs" / "fuzz" / "bin" / "schemathesis"
WITHIN = 110.0
"""Seconds on a busy machine; ten are usual."""


@pytest.mark.fuzz
async def test_every_operation_answers_as_it_is_described(tmp_path: Path) -> None:
    if not TOOL.exists():
        pytest.skip(f"needs {TOOL.relative_to(ROOT)} (scripts/dev/make-sdk-venvs.sh fuzz)")
    settings = {"observe": {"debug": True}}
    async with Upstream() as upstream, running(upstream, tmp_path / "router", settings) as router:
        await router.until(lambda: router.router.recall.memory)
        process = await asyncio.create_subprocess_exec(
            str(TOOL),
            f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
            "run",
            "--no-color",
            "--continue-on-failure",
            "--exclude-path-regex=/(live|profile)$",  # streams that do not end, and an answer that takes a minute
            f"--header=Authorization: Bearer {MANAGEMENT}",
            f"{router.url}/v0/management/openapi.json",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(WITHIN):
                output = (await process.communicate())[0].decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, output
        assert "Tested:" in output
        assert "Traceback" not in router.log
