"""Ten replacements of the serving process under a load of streams and short calls: nobody is refused, nobody cut."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.relay.protocol.messages import Hello
from services.link.client import Link
from services.link.dialling import Dialler
from tests.router.api.harness import DIALECTS, MODELS, Answer, ask
from tests.sdk.router_process import KEY, RunningRouter, running_router
from tests.services.link.gemini_service import GeminiService
from tests.simulators import Upstream

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
RESTARTS, STREAMS, WORDS = 10, 12, 60
SERVICE_KEY = "sk-service-of-ten-restarts"
PROMPT = f"LONG {WORDS} GAP 25"
WHOLE = "".join(f"word-{number:06} " for number in range(WORDS))


class Load:
    """Callers that go on until they are told to stop. Each call is a connection of its own."""

    def __init__(self, router: RunningRouter, http: aiohttp.ClientSession) -> None:
        self.router = router
        self.http = http
        self.over = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []

    async def streams(self, dialect: str) -> None:
        while not self.over.is_set():
            await self._one("stream", dialect, PROMPT, WHOLE, stream=True)

    async def short(self, dialect: str) -> None:
        while not self.over.is_set():
            await self._one("short", dialect, "hello", None, stream=False)

    async def through_service(self) -> None:
        """The service dials every process anew; while it does, calls for it wait."""
        while not self.over.is_set():
            await self._one("service", "chat", "hello", None, stream=False, model="gemini-2.5-flash-aistudio")
            await asyncio.sleep(0.05)

    async def _one(
        self, kind: str, dialect: str, text: str, whole: str | None, *, stream: bool, model: str | None = None
    ) -> None:
        path, body = ask(dialect, model or MODELS[dialect], text, stream=stream)
        try:
            async with self.http.post(self.router.address + path, json=body) as response:
                answer = Answer(response.status, response.headers.copy(), await response.read())
            assert answer.status == 200, answer.body[:300]
            assert answer.text == whole if whole is not None else answer.text
        except (aiohttp.ClientError, AssertionError, TimeoutError) as error:
            self.failed.append(f"{kind} {dialect}: {type(error).__name__} {str(error)[:200]}")
        else:
            self.counts[kind] += 1


def serving(folder: Path) -> int:
    try:
        return int(json.loads((folder / "state" / "run" / "router.json").read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return 0


async def until(holds: Any, within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.02)


async def test_ten_replacements_lose_nothing(tmp_path: Path) -> None:
    keys = tmp_path / "router" / "state" / "keys"
    keys.mkdir(parents=True)
    (keys / "service.key").write_text(SERVICE_KEY)
    headers = {"authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        Upstream() as upstream,
        running_router(tmp_path / "router", upstream) as router,
        aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout) as http,
    ):
        link = Link(
            [router.address.replace("http", "ws", 1) + "/v1/ws"],
            Dialler(lambda: SERVICE_KEY, "switchyard-test/1"),
            Hello(service="aistudio", name="desk", version="1"),
            GeminiService(upstream, http),
            random.Random(3),
        )
        load = Load(router, http)
        async with asyncio.TaskGroup() as group:
            dialling = group.create_task(link.run())
            await until(lambda: link.connected)
            callers = [group.create_task(load.streams(DIALECTS[at % 4])) for at in range(STREAMS)]
            callers += [group.create_task(load.short(dialect)) for dialect in DIALECTS[:2]]
            callers.append(group.create_task(load.through_service()))
            began, pids = time.monotonic(), [serving(tmp_path / "router")]
            for _ in range(RESTARTS):
                os.kill(router.pid, signal.SIGHUP)
                await until(lambda: serving(tmp_path / "router") not in (0, pids[-1]))
                pids.append(serving(tmp_path / "router"))
                before = load.counts["short"]
                await until(lambda before=before: load.counts["short"] >= before + 5)  # type: ignore[misc]
            load.over.set()
            await asyncio.wait(callers)
            await until(lambda: link.connected)
            dialling.cancel()
        assert load.failed == []
        assert len(set(pids)) == RESTARTS + 1
        assert load.counts["stream"] >= STREAMS and load.counts["service"] > 0
        print(f"{RESTARTS} restarts in {time.monotonic() - began:.1f} s: {dict(load.counts)}, failed: {load.failed}")
