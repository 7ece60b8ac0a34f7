"""The router and the AI Studio service as the programs that they are, before the stand-in page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from services.aistudio import memory
from tests.ports import free_port
from tests.router.api.harness import MANAGEMENT, ask
from tests.router.api.relaying import SERVICE_KEY
from tests.sdk.router_process import KEY, RunningRouter, running_router
from tests.services.aistudio.conftest import FAST, told_of
from tests.simulators import Upstream
from tests.simulators.aistudio_page import Studio

MODEL = "gemini-2.5-flash-aistudio"
POLL = 0.02
"""Seconds between two looks at what another process does, which tells nobody when it is done."""


async def until(holds: Callable[[], Awaitable[Any]], within: float = 40.0) -> None:
    """Wait for something about other processes. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(POLL)


@dataclass
class Programs:
    """Both programs. http: a client of the router with its key."""

    router: RunningRouter
    http: aiohttp.ClientSession
    service: asyncio.subprocess.Process
    health: str

    async def relay(self) -> dict[str, Any]:
        """The router's report of its sessions, by name."""
        headers = {"authorization": f"Bearer {MANAGEMENT}"}
        async with self.http.get(f"{self.router.address}/v0/management/relay", headers=headers) as answer:
            report = await answer.json()
        return {each["name"]: each for each in report["sessions"]}

    def open(self, dialect: str, text: str, *, stream: bool = True) -> Any:
        """A request; its answer is a context manager of aiohttp."""
        path, body = ask(dialect, MODEL, text, stream=stream)
        return self.http.post(self.router.address + path, json=body)

    async def serving(self) -> int:
        """The process that serves, once it is the router's only child: one that was replaced has ended."""
        found: list[int] = []

        async def alone() -> bool:
            found[:] = [
                pid for pid in memory.descendants(self.router.pid) if b"server.child" in told_of(pid, "cmdline")
            ]
            return len(found) == 1

        await until(alone)
        return found[0]

    async def remembers(self, account: str) -> None:
        """Wait until what is known of an account is written down, which the router does once a second."""
        database = self.router.log.parent / "state" / "switchyard.sqlite"

        async def written() -> bool:
            with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                found = connection.execute("select 1 from health where account = ?", (account,)).fetchone()
            return found is not None

        await until(written)

    async def session(self) -> str:
        """The session of the service with whichever process answers now; "" where there is none."""
        try:
            return str((await self.relay()).get("desk", {}).get("session", ""))
        except aiohttp.ClientError:
            return ""

    async def signalled(self, pid: int, number: int) -> None:
        """Send a signal, and wait until another process answers and has taken the service."""
        before = await self.session()
        os.kill(pid, number)

        async def replaced() -> bool:
            return await self.session() not in ("", before)

        await until(replaced, 30)


@asynccontextmanager
async def serving(
    studio: Studio, folder: Path, url: str, *, name: str = "desk", account: str = "ann", **block: Any
) -> AsyncIterator[tuple[Any, str]]:
    """The service's process, ended with SIGTERM, and the address of its health. account: who is signed in to the page.
    block: over the settings of tests."""
    profiles = folder / "auth_profiles"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / "default.json").write_text(json.dumps(studio.storage_state(account)))
    port = free_port()
    made: dict[str, Any] = {
        "profiles": str(profiles),
        "url": studio.page_url,
        "health_port": port,
        "relay": {"urls": [url], "name": name},
        "browser": {"engine": "chromium", "max_instances": 1},
        "timeouts": FAST,
        **block,
    }
    config = folder / "aistudio.yaml"
    config.write_text(json.dumps(made))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.aistudio", "--config", str(config), "--router-config", os.devnull),
        *("--logs", str(folder / "logs")),
        env={**os.environ, "SWITCHYARD_SERVICE_KEY": SERVICE_KEY},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(40):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise


@asynccontextmanager
async def programs(studio: Studio, folder: Path, **block: Any) -> AsyncIterator[Programs]:
    """A router process that has taken a service process. block: settings of the service."""
    keys = folder / "router" / "state" / "keys"
    keys.mkdir(parents=True)
    (keys / "service.key").write_text(SERVICE_KEY)
    auth = {"keys": [{"name": "tester", "key": KEY}], "management": {"key": MANAGEMENT}, "dir": str(folder / "auth")}
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        Upstream() as upstream,
        running_router(folder / "router", upstream, settings={"auth": auth}) as router,
        serving(studio, folder, router.address.replace("http", "ws", 1) + "/v1/ws", **block) as (process, health),
        aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=60),
            connector=aiohttp.TCPConnector(force_close=True),  # a kept connection would lead to the old process
        ) as http,
    ):
        made = Programs(router, http, process, health)
        await until(made.session)
        yield made
