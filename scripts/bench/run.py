"""``make bench``: what the gateway adds, as ratios to a bare proxy and to a direct call, in one run.

Prints a table and writes JSON with the machine's facts. Everything runs on loopback and stops by itself. The server
under test has one core for itself; the load and the upstream share the other. Wall-clock rates are noisy on shared
machines: compare the rates per CPU-second of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench import load
from scripts.bench.processes import ROOT, Running, free_port, started
from scripts.bench.report import table

KEY = "sk-sy-bench-0000000000000000000000000000000000"
PROMPT = "Tell me about the quick brown fox. " * 30
MARKER = b" fox jumps"

CONFIG = """
server: {{port: {port}, state_dir: "{state}"}}
auth: {{keys: [{{name: bench, key: {key}}}]}}
providers:
  openai-compatible:
    - {{name: up, base_url: "http://127.0.0.1:{upstream}/v1", api_keys: [bench-upstream-key], models: [bench]}}
"""


def _chat(stream: str | None) -> bytes:
    body: dict[str, object] = {"model": "bench", "messages": [{"role": "user", "content": PROMPT}]}
    if stream is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}, "user": stream}
    return json.dumps(body, separators=(",", ":")).encode()


def _messages(stream: str | None) -> bytes:
    body: dict[str, object] = {
        "model": "bench",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": PROMPT}],
    }
    if stream is not None:
        body |= {"stream": True, "metadata": {"user_id": stream}}
    return json.dumps(body, separators=(",", ":")).encode()


def target(lane: str, port: int, stream: str | None) -> load.Target:
    """What to ask of `direct`, `bare`, `raw` or `translated`."""
    headers = (f"authorization: Bearer {KEY}",)
    if lane == "translated":
        return load.Target(
            "127.0.0.1", port, "/v1/messages", (*headers, "anthropic-version: 2023-06-01"), _messages(stream)
        )
    return load.Target("127.0.0.1", port, "/v1/chat/completions", headers, _chat(stream))


@contextlib.contextmanager
def servers(quick: bool) -> Iterator[dict[str, Running]]:
    """Everything that is measured, running."""
    cores = sorted(os.sched_getaffinity(0))
    own, other = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    if other is not None:
        os.sched_setaffinity(0, {other})
    upstream, bare, router = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config = Path(folder, "config.yaml")
        config.write_text(CONFIG.format(port=router, state=folder, key=KEY, upstream=upstream))
        migrate = [sys.executable, "-m", "router.state.migrate", str(Path(folder, "switchyard.sqlite"))]
        subprocess.run(migrate, cwd=ROOT, check=True, capture_output=True)  # once in a life, not at every start
        up = stack.enter_context(
            started("direct", ["scripts/bench/upstream.py", "--port", str(upstream)], upstream, cpu=other)
        )
        yardstick = ["scripts/bench/bare.py", "--port", str(bare), "--upstream", f"http://127.0.0.1:{upstream}"]
        proxy = stack.enter_context(started("bare", yardstick, bare, cpu=own))
        env = {"HOME": folder, "SWITCHYARD_CONFIG": str(config)}
        for name in [name for name in os.environ if name.endswith("_API_KEY")]:
            env[name] = ""
        gateway = stack.enter_context(
            started("router", ["-m", "router", "serve", "--config", str(config)], router, cpu=own, env=env, child=True)
        )
        yield {"direct": up, "bare": proxy, "raw": gateway, "translated": gateway}


async def measured(running: Running, work: load.Target, **how: object) -> tuple[load.Result, float]:
    """A run and the CPU-seconds that the server spent on it."""
    before = running.cpu_seconds()
    result = await load.run(work, **how)  # type: ignore[arg-type]
    return result, max(running.cpu_seconds() - before, 0.01)


async def requests(found: dict[str, Running], seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Unstreamed calls: latency at one connection, rates at sixteen; configurations take turns in rounds."""
    taken: dict[str, list[tuple[float, ...]]] = {lane: [] for lane in found}
    for lane, running in found.items():
        await load.run(target(lane, running.port, None), connections=4, seconds=0.5)
    for _ in range(rounds):
        for lane, running in found.items():
            work = target(lane, running.port, None)
            single = await load.run(work, connections=1, seconds=seconds)
            many, cpu = await measured(running, work, connections=16, seconds=seconds)
            taken[lane].append(
                (
                    single.percentile(single.latencies, 0.5) * 1000,
                    single.percentile(single.latencies, 0.99) * 1000,
                    many.requests / many.seconds,
                    many.requests / cpu,
                    single.failures + many.failures,
                )
            )
    names = ("p50_ms", "p99_ms", "requests_per_second", "requests_per_cpu_second", "failures")
    return _medians(taken, names)


def _medians(taken: dict[str, list[tuple[float, ...]]], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The median of every figure over the rounds; of failures, the sum."""
    rows: dict[str, dict[str, float]] = {}
    for lane, rounds in taken.items():
        columns = dict(zip(names, zip(*rounds, strict=True), strict=True))
        rows[lane] = {name: sum(c) if name == "failures" else statistics.median(c) for name, c in columns.items()}
    return rows


async def streams(found: dict[str, Running], seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Streamed calls at the pace of models: events per CPU-second over 100 streams, and the time to the first."""
    taken: dict[str, list[tuple[float, ...]]] = {lane: [] for lane in found}
    for _ in range(rounds):
        for lane, running in found.items():
            paced = target(lane, running.port, f"chunks={int(seconds / 0.02)};gap=0.02")
            many, cpu = await measured(running, paced, connections=100, seconds=60, marker=MARKER, limit=1)
            work = target(lane, running.port, "chunks=400;gap=0")
            dense = await load.run(work, connections=4, seconds=seconds, marker=MARKER)
            work = target(lane, running.port, "chunks=3;gap=0")
            first = await load.run(work, connections=1, seconds=seconds / 2, marker=MARKER)
            taken[lane].append(
                (
                    many.events / cpu,
                    dense.events / dense.seconds,
                    first.percentile(first.firsts, 0.5) * 1000,
                    many.failures + dense.failures + first.failures,
                )
            )
    names = ("events_per_cpu_second", "dense_events_per_second", "first_event_p50_ms", "failures")
    return _medians(taken, names)


async def held(running: Running, lane: str, count: int) -> dict[str, object]:
    """Memory of streams that are held open: three waves, each let go before the next."""
    waves: list[float] = []
    before = running.memory()
    for _ in range(3):
        transports = await load.hold(target(lane, running.port, "chunks=200;gap=3"), count, MARKER)
        waves.append((running.memory() - before) / count)
        for transport in transports:
            transport.abort()
        await _settled(running)
    return {
        "streams": count,
        "idle_bytes": before,
        "bytes_per_stream": waves,
        "third_to_first": waves[2] / waves[0] if waves[0] > 0 else None,
        "after_bytes": running.memory(),
    }


async def _settled(running: Running) -> None:
    """Wait until the server has nothing more to do for the streams that were let go; at most ten seconds."""
    for _ in range(20):
        before = running.cpu_seconds()
        await asyncio.sleep(0.5)
        if running.cpu_seconds() - before < 0.02:
            return


def facts() -> dict[str, object]:
    """The machine."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown",
    )
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }


async def bench(quick: bool) -> dict[str, object]:
    """The whole run."""
    seconds, rounds, count = (1.0, 1, 300) if quick else (3.0, 3, 2000)
    with servers(quick) as found:
        idle = {name: found[name].memory() for name in ("bare", "raw")}
        ready = found["raw"].ready_seconds
        asked = await requests(found, seconds, rounds)
        streamed = await streams(found, seconds, rounds)
        memory = {lane: await held(found[lane], lane, count) for lane in ("bare", "raw")}
    return {
        "facts": facts(),
        "ready_seconds": ready,
        "idle_bytes": idle,
        "requests": asked,
        "streams": streamed,
        "held": memory,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the gateway against a direct call and a bare proxy.")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that the bench itself works")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", help="folder for the JSON")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.perf_counter()
    results = asyncio.run(bench(arguments.quick))
    print(table(results))
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"bench-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(results, indent=1))
    print(f"\n{time.perf_counter() - began:.0f} s; raw figures in {path}")
    return 1 if failures(results) else 0


def failures(results: dict[str, Any]) -> int:
    """Calls of the gateway that did not succeed; the yardstick's own do not count against it."""
    return sum(
        int(results[part][lane]["failures"]) for part in ("requests", "streams") for lane in ("raw", "translated")
    )


if __name__ == "__main__":
    sys.exit(main())
