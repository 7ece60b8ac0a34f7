"""The soak's processes: who serves, how much it holds, and what happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.sdk.environments import ROOT
from tests.sdk.router_process import KEPT, RunningRouter


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds. rss: bytes. open_calls: of the router's own metrics, -1 where nobody answered."""

    at: float
    pid: int
    rss: int
    descriptors: int
    threads: int
    open_calls: int = -1


def held(pid: int, open_calls: int = -1) -> Held | None:
    """None where there is no such process (any more)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return None
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    rss = int(facts.get("VmRSS", "0 kB").split()[0]) * 1024
    return Held(time.monotonic(), pid, rss, descriptors, int(facts.get("Threads", "0")), open_calls)


async def until(holds: Callable[[], object], within: float, what: str) -> None:
    """Wait until `holds`. Raises `AssertionError` that names what did not come."""
    try:
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"within {within:g} seconds: {what} did not come") from None


@dataclass
class Service:
    """The relay service. router, gemini: addresses. key: the router's service key."""

    router: str
    gemini: str
    key: str
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.soak.service_process", self.router, self.gemini, self.key,
                cwd=ROOT, env=environ, stdout=out, stderr=out, stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


@dataclass
class Troubles:
    """What is done to the processes. events: when and what. kills: when a serving process was killed."""

    router: RunningRouter
    state: Path
    service: Service
    events: list[tuple[float, str]] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def serving(self) -> int:
        """The process that serves, 0 where that is not known now."""
        try:
            return int(json.loads((self.state / "run" / "router.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return 0

    async def replaced(self) -> None:
        """SIGHUP, and the next process serves."""
        before = self.serving()
        self._note("replaced")
        os.kill(self.router.pid, signal.SIGHUP)
        await self._another(before)

    async def killed(self) -> None:
        """The serving process dies without a word, and the next one serves."""
        before = self.serving()
        if before:
            self._note("router killed")
            self.kills.append(time.monotonic())
            os.kill(before, signal.SIGKILL)
            await self._another(before)

    async def service_killed(self) -> None:
        self._note("service killed")
        await self.service.kill()
        await self.service.start()

    async def _another(self, before: int) -> None:
        await until(lambda: self.serving() not in (0, before), 60.0, f"a process after {before}")

    def _note(self, what: str) -> None:
        self.events.append((time.monotonic(), what))


async def metrics(http: aiohttp.ClientSession, address: str) -> dict[str, float]:
    """Every sample by its name with labels; empty where nobody answers."""
    try:
        async with asyncio.timeout(20), http.get(f"{address}/metrics") as answer:
            text = await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError):
        return {}
    samples = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}
