"""A real router whose serving process is killed or replaced in the middle of calls: its ledger has each call once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.sdk.router_process import RunningRouter, running_router
from tests.simulators import Upstream
from tests.simulators.faulty import hang

WITHIN = 30.0


def rows(state: Path, query: str = "SELECT id, outcome, output, cost FROM calls ORDER BY id") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(state / "switchyard.sqlite")) as database:
        return database.execute(query).fetchall()


async def until(test: Any) -> None:
    async with asyncio.timeout(WITHIN):
        while not test():
            await asyncio.sleep(0.05)


def serving(state: Path) -> int:
    """The process that answers now."""
    return int(json.loads((state / "run" / "router.json").read_text())["pid"])


def written(state: Path, call_id: str) -> bool:
    """Whether the journal has the end of a call, which is there a moment after its answer."""
    line = f'{{"is":"close","id":"{call_id}"'.encode()
    return any(line in path.read_bytes() for path in (state / "journal").glob("*.jsonl"))


class Client:
    """Asks the router. answered: the ids of the calls that got a whole answer."""

    def __init__(self, router: RunningRouter, session: aiohttp.ClientSession) -> None:
        self._router, self._session = router, session
        self.answered: list[str] = []

    async def ask(self, text: str) -> None:
        body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {self._router.key}"}
        url = f"{self._router.address}/v1/chat/completions"
        with suppress(aiohttp.ClientError):
            async with self._session.post(url, json=body, headers=headers) as response:
                if response.status == 200:
                    await response.read()
                    self.answered.append(response.headers["x-switchyard-request-id"])


async def test_a_serving_process_that_is_killed_loses_no_call(tmp_path: Path) -> None:
    async with Upstream() as upstream, running_router(tmp_path, upstream) as router, aiohttp.ClientSession() as session:
        state, client = tmp_path / "state", Client(router, session)
        for number in range(20):
            await client.ask(f"call {number}")
        upstream.always(hang(), model="zqwait")
        waiting = [asyncio.get_running_loop().create_task(client.ask(f"zqwait {number}")) for number in range(3)]
        await upstream.arrived(23)
        await client.ask("one more")  # which perhaps nobody has moved into the database when the process dies
        await until(lambda: written(state, client.answered[-1]))
        pid = serving(state)
        os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*waiting)
        await until(lambda: serving(state) != pid)
        await until(lambda: len(rows(state)) == 24)
        found = rows(state)
        assert [row[0] for row in found if row[1] == "ok"] == sorted(client.answered)
        assert len(client.answered) == 21
        assert [row[1:] for row in found if row[1] != "ok"] == [("lost", 0, None)] * 3
        charged = sum(attempt.usage.output for attempt in upstream.requests if attempt.finished and attempt.usage)
        assert sum(row[2] for row in found) == charged


async def test_a_process_that_is_replaced_under_load_and_the_next_one_count_each_call_once(tmp_path: Path) -> None:
    async with Upstream() as upstream, running_router(tmp_path, upstream) as router, aiohttp.ClientSession() as session:
        state, client = tmp_path / "state", Client(router, session)
        pid, stop = serving(state), asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                await client.ask("under load")

        players = [asyncio.get_running_loop().create_task(load()) for _ in range(4)]
        await upstream.arrived(20)
        os.kill(router.pid, signal.SIGHUP)
        await until(lambda: serving(state) != pid)
        await upstream.arrived(len(upstream.requests) + 50)
        stop.set()
        await asyncio.gather(*players)
        await until(lambda: len(rows(state)) == len(client.answered))
        found = rows(state)
        assert [row[0] for row in found] == sorted(client.answered)
        assert {row[1] for row in found} == {"ok"}
        whole = [attempt.usage for attempt in upstream.requests if attempt.usage is not None]
        assert (len(whole), sum(used.output for used in whole)) == (len(found), sum(row[2] for row in found))
