"""Services and browser clients that come and go: ``python -m tests.services.link.cycles --cycles 10000``.

Over real sockets: every second one is a service with its own link that says hello, the others are plain clients; of
each kind some say goodbye and some vanish. Afterwards no session, connection, task, descriptor or memory may be left of
it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

from router.relay.protocol.messages import Hello
from services.link.client import Link
from services.link.dialling import Dialler
from tests.descriptors import descriptors
from tests.router.api.relaying import ORIGIN, RELAY_KEY, SERVICE_KEY, Relayed, relayed
from tests.services.link.gemini_service import GeminiService
from tests.services.link.soak import GROWTH, state
from tests.simulators import Upstream

QUIET = {"observe": {"level": "error"}}
"""The log of a test is kept, and would grow with every cycle."""
FILES = 4
"""Descriptors that the database may have opened meanwhile; every cycle that kept one would be thousands."""
WARM_UP = 60
"""Cycles until everything that is kept for ever has been made."""


async def _service(it: Relayed, *, vanish: bool) -> None:
    link = Link(
        [it.url],
        Dialler(lambda: SERVICE_KEY, "switchyard-test/1"),
        Hello(service="aistudio", name="desk", version="1"),
        GeminiService(it.router.upstream, it.http),
        random.Random(3),
    )
    task = asyncio.get_running_loop().create_task(link.run())
    await it.router.until(it.names)
    if vanish:
        for connection in list(link._connections):
            connection._socket._connection.transport.abort()  # type: ignore[attr-defined]
        task.cancel()
    else:
        await link.stop(1.0)
    await asyncio.wait([task])


async def _browser(it: Relayed, *, vanish: bool) -> None:
    async with it.http.ws_connect(f"{it.url}?key={RELAY_KEY}", origin=ORIGIN) as socket:
        await it.router.until(it.names)
        if vanish:
            transport = socket.get_extra_info("socket")
            assert transport is not None
            socket._response.connection.transport.abort()  # type: ignore[union-attr]


async def _cycles(it: Relayed, times: int) -> None:
    for number in range(times):
        kind = _service if number % 2 else _browser
        await kind(it, vanish=number % 4 > 1)
        await it.router.until(lambda: not it.names())


async def come_and_go(folder: Path, cycles: int) -> dict[str, Any]:
    """So many connections. Raises `AssertionError` for what is left over."""
    tracemalloc.start()
    try:
        async with Upstream() as upstream, relayed(upstream, folder, QUIET) as it:
            await _cycles(it, WARM_UP)
            await it.router.until(lambda: not it.router.server.connections)
            before, open_before = state(), descriptors()
            await _cycles(it, cycles)
            await it.router.until(lambda: not it.router.server.connections)
            after, open_after = state(), descriptors()
            assert it.hub.sessions == ()
    finally:
        tracemalloc.stop()
    found = {"cycles": cycles, "before": before, "after": after, "descriptors": [open_before, open_after]}
    assert after["tasks"] <= before["tasks"], found
    assert after["bytes"] - before["bytes"] < GROWTH, found
    assert open_after - open_before <= FILES, found
    return found


def main() -> None:
    """Come and go, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(come_and_go(Path(folder), given.cycles))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
