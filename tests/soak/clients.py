"""The soak's clients: each calls again and again, reads in its own way, and keeps what came of every call."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter

import aiohttp

from tests.router.api.harness import Answer
from tests.soak.calls import Wish, wish
from tests.soak.reading import Result, judge

WITHIN = 60.0
"""Seconds for one call: longer than all limits of the router together."""
PIECE = 512
PAUSE = 0.01
"""Seconds between the pieces of a slow reader."""


class Clients:
    """results: of every call that has ended. open: those that have not."""

    def __init__(self, address: str, http: aiohttp.ClientSession, seed: int) -> None:
        self.results: list[Result] = []
        self.counts: Counter[str] = Counter()
        self.open = 0
        self._address = address
        self._http = http
        self._seed = seed
        self._number = 0

    async def load(self, clients: int, over: asyncio.Event) -> None:
        """So many clients at once, until it is over."""
        async with asyncio.TaskGroup() as group:
            for index in range(clients):
                group.create_task(self._client(random.Random(f"{self._seed} {self._number} {index}"), over))

    async def _client(self, chance: random.Random, over: asyncio.Event) -> None:
        while not over.is_set():
            self._number += 1
            await self._call(wish(self._number, chance))

    async def _call(self, wished: Wish) -> None:
        result = Result(wished, time.monotonic())
        self.open += 1
        try:
            async with asyncio.timeout(WITHIN):
                await self._exchange(wished, result)
        except TimeoutError:
            result.outcome, result.detail = "silent", f"nothing for {WITHIN:g} seconds"
        except (aiohttp.ClientError, OSError) as error:
            result.outcome, result.detail = "no connection", repr(error)[:200]
        finally:
            self.open -= 1
        result.ended = time.monotonic()
        self.results.append(result)
        self.counts[result.outcome] += 1

    async def _exchange(self, wished: Wish, result: Result) -> None:
        path, body = wished.request()
        headers = {"content-type": "application/json", "user-agent": wished.mark}
        leaves = wished.temper == "leaves"
        head = None if not leaves or wished.patience > 3 else wished.patience / 10
        try:
            async with asyncio.timeout(head) as limit:
                context = self._http.post(self._address + path, data=json.dumps(body).encode(), headers=headers)
                response = await context
                limit.reschedule(None)
        except TimeoutError:
            if leaves and limit.expired():
                result.outcome = "left"
                return
            raise
        try:
            result.status = response.status
            result.call_id = response.headers.get("x-switchyard-request-id")
            data = b""
            pieces = 0
            while piece := await response.content.read(PIECE if wished.temper == "slow" else 65_536):
                data += piece
                pieces += 1
                if leaves and pieces > wished.patience:
                    result.outcome = "left"
                    return
                if wished.temper == "slow":
                    await asyncio.sleep(PAUSE)
            result.outcome, result.detail = judge(wished, Answer(response.status, response.headers.copy(), data))
        finally:
            response.close()
