"""A real router process on a free port, with four providers that point at the simulated upstreams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.ports import free_port
from tests.sdk.environments import ROOT
from tests.simulators import Upstream

KEY = "sw-sdk-tests-client-key"
# What a process needs of the environment; keys of real providers are not among it.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class RunningRouter:
    """A router that is ready. `log` is the file with everything it has written. `pid` is the process that owns the
    socket; the one that serves is its child."""

    address: str
    key: str
    log: Path
    pid: int

    def base_url(self, dialect: str) -> str:
        """The base URL as one gives it to the SDK of a dialect."""
        return self.address + ("/v1" if dialect in ("chat", "responses") else "")


def configuration(upstream: Upstream, port: int, state: Path, openai_dialect: str) -> dict[str, Any]:
    """Settings with the providers openai (speaking `openai_dialect`), anthropic and gemini, and one client key."""
    return {
        "server": {"port": port, "state_dir": str(state)},
        "auth": {"keys": [{"name": "sdk-tests", "key": KEY}]},
        "providers": {
            "openai": {
                "base_url": upstream.base_url("openai"),
                "dialects": [openai_dialect],
                "api_keys": [{"key": "sk-sim-router"}],
            },
            "anthropic": {"base_url": upstream.base_url("anthropic"), "api_keys": [{"key": "sk-ant-sim-router"}]},
            "gemini": {"base_url": upstream.base_url("gemini"), "api_keys": [{"key": "AIzaSim-router"}]},
        },
    }


@contextlib.asynccontextmanager
async def running_router(
    folder: Path, upstream: Upstream, *, openai_dialect: str = "chat", settings: dict[str, Any] | None = None
) -> AsyncIterator[RunningRouter]:
    """Start `python -m router serve`, wait until it is ready, end it with SIGTERM. `settings` replace top-level keys.
    Those of `server` are added.

    Raises `AssertionError` with the end of the log when it does not get ready.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = configuration(upstream, port, folder / "state", openai_dialect)
    server = config["server"] | (settings or {}).get("server", {})
    config |= (settings or {}) | {"server": server}
    path = folder / "config.yaml"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    async with served(folder, port, environment(folder), "--config", str(path)) as router:
        yield router


def environment(folder: Path) -> dict[str, str]:
    """What a process gets: a HOME of its own, and no key of a real provider."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {"HOME": str(folder)}


@contextlib.asynccontextmanager
async def served(folder: Path, port: int, environ: dict[str, str], *words: str) -> AsyncIterator[RunningRouter]:
    """`python -m router serve`, once it is ready; its log is in `folder`. Raises as `running_router`."""
    log = folder / "router.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "router", "serve", *words,
            cwd=ROOT, env=environ, stdout=out, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    router = RunningRouter(f"http://127.0.0.1:{port}", KEY, log, process.pid)
    try:
        await _ready(process, router)
        yield router
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process, router: RunningRouter, within: float = 60) -> None:
    deadline = time.monotonic() + within
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while time.monotonic() < deadline:
            assert process.returncode is None, f"the router ended by itself:\n{_tail(router.log)}"
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{router.address}/readyz") as answer:
                    if answer.status == 200:
                        return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await process.wait()
    raise AssertionError(f"the router was not ready within {within} s:\n{_tail(router.log)}")


async def _stop(process: asyncio.subprocess.Process, within: float = 10) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]
