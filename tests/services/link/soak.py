"""Soak the relay over real sockets: ``python -m tests.services.link.soak --seconds 600``.

Three services with numbered answers behind a real router, and HTTP clients of every temper: some read to the end, some
read slowly, some leave, and in every round one service loses its socket in the middle and comes back by itself, while
another one finishes what it had begun. Every answer must be an unbroken run of numbers from the first; one that says
that it is whole must have all of them. Afterwards no task, no call and no memory may be left of it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import re
import socket
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from router.net.message import HttpRequest, Timeouts
from router.relay.protocol.messages import AuthRequest, Hello, Request
from services.link.answer import Answer
from services.link.client import Link
from services.link.dialling import Dialler
from tests.router.api.relaying import ORIGIN, RELAY_KEY, SERVICE_KEY, Relayed, relayed
from tests.simulators import Upstream

MODEL = "gemini-2.5-flash-aistudio"
NAMES = ("one", "two", "three")
WARM_UP = 2
"""Rounds until everything that is kept for ever has been made."""
GROWTH = 256 << 10
"""Bytes of Python objects that may be left over: rings of latencies and errors fill up, caches settle."""
SLOW = 16_000
"""Characters of a piece for a slow reader: its answer is more than what sockets and credit hold."""
LARGE = 62 << 20
"""Of a message that is nearly as large as any may be (64 MiB)."""
_NUMBER = re.compile(r"<(\d+):(\d+)>")


class Numbered:
    """A service whose answer to ``NAME PIECES SIZE`` is ``<NAME:0>...<NAME:1>...``, in Gemini's dialect."""

    async def answer(self, request: Request, answer: Answer) -> None:
        asked = json.loads(request.body)["contents"][-1]["parts"][0]["text"]
        name, pieces, size = asked.split()
        await answer.start(200, {"content-type": "text/event-stream"})
        for number in range(int(pieces)):
            last = {"finishReason": "STOP"} if number == int(pieces) - 1 else {}
            await answer.write(_event(f"<{name}:{number}>{'x' * int(size)}", last))

    async def sign_in(self, request: AuthRequest, tell: Any) -> None:
        raise AssertionError("nobody signs in")


def _event(text: str, more: dict[str, Any]) -> str:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}
    return f"data: {json.dumps({'candidates': [candidate]})}\r\n\r\n"


class Soak:
    """The services, and what came of the answers: whole, left (by its reader), broken (with an error), refused."""

    def __init__(self, it: Relayed, http: aiohttp.ClientSession, seed: int) -> None:
        self.it = it
        self.http = http
        self.outcomes: Counter[str] = Counter()
        self.rounds = 0
        self.paused = 0
        self._chance = random.Random(seed)
        self._links: dict[str, Link] = {}
        self._count = 0
        self._turned = asyncio.Event()  # half of a round has ended: slow readers go on

    @asynccontextmanager
    async def services(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for name in NAMES:
                hello = Hello(service="aistudio", name=name, version="1", capacity=100)
                dialler = Dialler(lambda: SERVICE_KEY, "switchyard-soak/1")
                self._links[name] = Link(
                    [self.it.url], dialler, hello, Numbered(), self._chance, pause=lambda _: asyncio.sleep(0.02)
                )
                group.create_task(self._links[name].run())
            await self.connected()
            yield
            for link in self._links.values():
                await link.stop(5)

    async def connected(self) -> None:
        await self.it.router.until(lambda: set(self.it.names()) >= set(NAMES))

    async def round(self, streams: int, pieces: int, *, cut: bool = True) -> None:
        """Answers of all kinds at once. cut: one service loses its socket meanwhile."""
        self._turned.clear()
        ended = 0

        async def one(kind: str) -> None:
            nonlocal ended
            try:
                await self._stream(kind, pieces)
            finally:
                ended += 1
                if ended * 2 >= streams:
                    self._turned.set()

        async with asyncio.TaskGroup() as group:
            for number in range(streams):
                group.create_task(one(("reads", "reads", "reads", "slow", "leaves")[number % 5]))
            if cut:
                group.create_task(self._cut(NAMES[self.rounds % len(NAMES)]))
        self.rounds += 1
        self.it.router.output.seek(0)
        self.it.router.output.truncate()  # the harness keeps the log, which grows with every request
        await self.connected()
        await self.it.router.until(lambda: not any(session.open_calls for session in self.it.hub.sessions))
        await self.it.router.until(lambda: not any(link.open_calls for link in self._links.values()))
        await self.it.router.until(lambda: len(self.it.router.server.connections) == len(NAMES))

    async def _cut(self, name: str) -> None:
        """Break the socket of a service that answers; it dials again by itself."""
        link = self._links[name]
        await self.it.router.until(lambda: link.open_calls > 2 or self._turned.is_set())
        before = next(session for session in self.it.hub.sessions if session.name == name)
        for connection in list(link._connections):
            connection._socket._connection.transport.abort()  # type: ignore[attr-defined]
        await self.it.router.until(lambda: before.ended)

    async def _stream(self, kind: str, pieces: int) -> None:
        self._count += 1
        name = str(self._count)
        body = {
            "contents": [
                {"role": "user", "parts": [{"text": f"{name} {pieces} {SLOW if kind == 'slow' else self._count % 97}"}]}
            ]
        }
        path = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
        router = self.it.router
        async with self.http.post(router.url + path, json=body, headers=router.headers) as response:
            if response.status != 200:
                text = await response.text()
                if response.status not in (502, 503):
                    raise AssertionError(f"{response.status}: {text[:300]}")
                self.outcomes["refused"] += 1
                return
            outcome, text = await self._read(response, kind)
        _check(name, text, pieces if outcome == "whole" else None)
        self.outcomes[outcome] += 1

    async def _read(self, response: aiohttp.ClientResponse, kind: str) -> tuple[str, str]:
        read = await response.content.readany()
        if kind == "leaves":
            return "left", read.decode("utf-8", "ignore")
        if kind == "slow":
            connection = response.connection
            if connection is not None and connection.transport is not None:  # else it has ended with an error
                self.paused += 1
                connection.transport.pause_reading()
                await self._turned.wait()
                connection.transport.resume_reading()
        text = (read + await response.content.read()).decode()
        return ("broken" if '"error"' in text else "whole"), text

    async def large(self) -> None:
        """One message of nearly 64 MiB to a browser's relay, and one back."""
        async with self.http.ws_connect(f"{self.it.url}?key={RELAY_KEY}", origin=ORIGIN, max_msg_size=0) as browser:
            await self.it.router.until(lambda: "browser-relay-1" in self.it.names())

            async def answer() -> int:
                frame = await browser.receive_json()
                answered = {"status": 200, "headers": {}, "body": "y" * LARGE}
                await browser.send_json({"id": frame["id"], "type": "http_response", "payload": answered})
                return len(frame["payload"]["body"])

            async with asyncio.TaskGroup() as group:
                asked = group.create_task(answer())
                request = HttpRequest("POST", "https://x.example/", {}, b"z" * LARGE)
                response = await self.it.hub.send("aistudio/browser-relay-1", request, Timeouts(head=60))
                got = await response.read(LARGE)
                response.close()
            assert (asked.result(), len(got), got[:1], got[-1:]) == (LARGE, LARGE, b"y", b"y")
        await self.it.router.until(lambda: "browser-relay-1" not in self.it.names())


def _check(name: str, text: str, pieces: int | None) -> None:
    """Numbers without a gap or a repetition, all of its own stream. pieces: all must be there."""
    found = _NUMBER.findall(text)
    wrong = [pair for at, pair in enumerate(found) if pair != (name, str(at))]
    if wrong or (pieces is not None and len(found) != pieces):
        raise AssertionError(f"stream {name}: {len(found)} of {pieces} pieces, first wrong {wrong[:1]}")


def state() -> dict[str, int]:
    """What there is, with all garbage gone. resident: of the whole process, in bytes."""
    gc.collect()
    return {
        "bytes": tracemalloc.get_traced_memory()[0],
        "tasks": len(asyncio.all_tasks()),
        "resident": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
    }


async def soak(folder: Path, seconds: float, *, streams: int = 40, pieces: int = 80, seed: int = 1) -> dict[str, Any]:
    """Soak for at least `seconds`. Raises `AssertionError` for a wrong answer or for what is left over."""
    tracemalloc.start()
    try:
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(Upstream())
            it = await stack.enter_async_context(relayed(upstream, folder))
            for listener in it.router.server._listeners:  # connections inherit it
                listener.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            run = Soak(it, http, seed)
            await stack.enter_async_context(run.services())
            await run.large()
            await run.round(5 * streams, pieces, cut=False)
            for _ in range(WARM_UP):
                await run.round(streams, pieces)
            calls = it.router.router._recent._calls  # bounded, and not full yet
            calls.clear()
            before, ends = state(), time.monotonic() + seconds
            while time.monotonic() < ends or run.rounds < 3 * WARM_UP:
                await run.round(streams, pieces)
            calls.clear()
            after = state()
            mended = (await it.router.metrics()).get('switchyard_rescues_total{outcome="rescued"}', 0)
            late = sum(session.side.late for session in it.hub.sessions)
    finally:
        tracemalloc.stop()
    found = {
        "rounds": run.rounds,
        "paused": run.paused,
        **run.outcomes,
        "mended": mended,
        "late_frames": late,
        "before": before,
        "after": after,
    }
    assert after["tasks"] <= before["tasks"], found
    assert after["bytes"] - before["bytes"] < GROWTH, found
    assert run.outcomes["whole"] >= run.outcomes.total() // 3, found
    assert run.paused >= run.rounds, found
    assert run.outcomes["left"] > 0 < run.outcomes["broken"] + mended, found
    return found


def main() -> None:
    """Soak, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(soak(Path(folder), given.seconds, streams=given.streams, seed=given.seed))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
