"""The benchmark's own parts: the load counts what the upstream sends, and the table judges by the aims."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from scripts.bench import load, run
from scripts.bench.report import table
from scripts.bench.upstream import Upstream


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_the_load_asks_as_often_as_it_says(port: int) -> None:
    result = await load.run(run.target("direct", port, None), connections=2, seconds=30, limit=5)
    assert (result.requests, result.failures) == (10, 0)
    assert len(result.latencies) == 10


async def test_the_load_counts_every_event_of_a_stream_and_sees_the_first(port: int) -> None:
    asked = run.target("direct", port, "chunks=37;gap=0")
    result = await load.run(asked, connections=3, seconds=30, marker=run.MARKER, limit=2)
    assert (result.requests, result.events, result.failures) == (6, 6 * 37, 0)
    assert len(result.firsts) == 6
    assert all(first <= whole for first, whole in zip(result.firsts, result.latencies, strict=True))


async def test_a_refusal_counts_as_a_failure() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        asked = run.target("direct", server.sockets[0].getsockname()[1], None)
        result = await load.run(asked, connections=1, seconds=30, limit=3)
    assert (result.requests, result.failures) == (0, 1)


def _results(raw_share: float) -> dict[str, Any]:
    lanes = ("direct", "bare", "raw", "translated")
    asked = {"p50_ms": 1.0, "p99_ms": 2.0, "requests_per_second": 900.0, "failures": 0}
    streamed = {
        "events_per_cpu_second": 9000.0,
        "dense_events_per_second": 1.0,
        "first_event_p50_ms": 1.0,
        "failures": 0,
    }
    results: dict[str, Any] = {
        "ready_seconds": 0.9,
        "idle_bytes": {"bare": 40_000_000, "raw": 90_000_000},
        "requests": {lane: {**asked, "requests_per_cpu_second": 1000.0} for lane in lanes},
        "streams": {lane: dict(streamed) for lane in lanes},
        "held": {
            lane: {"streams": 10, "bytes_per_stream": [100.0, 101.0, 102.0], "third_to_first": 1.02}
            for lane in ("bare", "raw")
        },
    }
    results["requests"]["raw"]["requests_per_cpu_second"] = 1000.0 * raw_share
    return results


@pytest.mark.parametrize(("share", "verdict"), [(0.61, "ok"), (0.59, "MISS")])
def test_the_table_says_where_an_aim_is_missed(share: float, verdict: str) -> None:
    row = next(line for line in table(_results(share)).splitlines() if "requests/CPU-s, raw" in line)
    assert row.split()[0] == verdict


def test_only_the_gateways_own_failures_count() -> None:
    results = _results(1.0)
    results["requests"]["bare"]["failures"] = 3
    assert run.failures(results) == 0
    results["streams"]["translated"]["failures"] = 2
    assert run.failures(results) == 2
