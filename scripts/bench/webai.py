"""``make bench-webai``: what the WebAI service carries, with the real gemini-webapi, before a stand-in of the page.

Run it in the environment of the service's tests. The service has one core to itself; the stand-in and the load share
the others. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
import yaml  # noqa: E402

KEY = "sk-bench"
ACCOUNTS = 3
STAND_IN = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.simulators.webai.gemini_page import GeminiPage

async def main():
    async with GeminiPage() as page:
        for number in range(int(sys.argv[2])):
            page.account(f"psid-{number}")
        print(page.proxy, page.ca, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""
AIMS = (
    ("unstreamed requests/s on one core", "unstreamed_per_second", ">=", 100.0),
    ("streamed requests/s on one core", "streamed_per_second", ">=", 100.0),
    ("memory under load, MB", "memory_mb", "<", 200.0),
)


def start(folder: Path, proxy: str, ca: str, cores: set[int]) -> tuple[subprocess.Popen[str], str]:
    """The service on these cores, and its address."""
    (folder / "state" / "keys").mkdir(parents=True)
    (folder / "state" / "keys" / "service.key").write_text(KEY)
    cookies = {f"a{n}": {"secure_1psid": f"psid-{n}", "secure_1psidts": "ts-1"} for n in range(ACCOUNTS)}
    block = {
        "port": 0,
        "endpoint": "http://127.0.0.1:1",
        "gemini": {"proxy": proxy, "ca": ca, "concurrency": 8, "accounts": cookies},
    }
    config = {
        "server": {"state_dir": str(folder / "state")},
        "auth": {"dir": str(folder / "auth")},
        "providers": {"webai": block},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    process = subprocess.Popen(
        [sys.executable, "-m", "services.webai", "--router-config", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509  nothing else runs in this process yet
    )
    assert process.stdout is not None  # noqa: S101  asked for above
    while "listening on" not in (line := process.stdout.readline()):
        if not line:
            raise SystemExit("the service did not start")
    return process, f"http://{line.split('listening on ')[1].strip()}"


async def ready(session: aiohttp.ClientSession, url: str) -> None:
    """Until every account is."""
    for _ in range(300):
        async with session.get(f"{url}/readyz") as response:
            states = [each["state"] for each in (await response.json())["accounts"]]
        if states == ["ready"] * ACCOUNTS:
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"the accounts did not become ready: {states}")


async def load(session: aiohttp.ClientSession, url: str, seconds: float, at_once: int, stream: bool) -> dict[str, Any]:
    """So many callers, each with one request after the other."""
    body = {"model": "gemini-flash", "stream": stream, "messages": [{"role": "user", "content": "LONG 20"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    took: list[float] = []
    wrong: list[int] = []
    end = time.monotonic() + seconds

    async def caller() -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as response:
                text = await response.read()
            whole = text.endswith(b"[DONE]\n\n") if stream else b'"finish_reason":"stop"' in text
            if response.status == 200 and whole:
                took.append(time.monotonic() - began)
            else:
                wrong.append(response.status)

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    ordered = sorted(took)
    return {
        "per_second": len(took) / (time.monotonic() - began),
        "p50_ms": statistics.median(ordered) * 1000 if ordered else 0.0,
        "p95_ms": ordered[int(len(ordered) * 0.95)] * 1000 if ordered else 0.0,
        "wrong": len(wrong),
    }


def memory(pid: int) -> float:
    """Proportional set size in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def processor(pid: int) -> float:
    """Seconds of the processor that were used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(seconds: float, at_once: int) -> dict[str, Any]:
    """Everything, in one run."""
    cores = sorted(os.sched_getaffinity(0))
    own, others = {cores[0]}, set(cores[1:]) or {cores[0]}
    os.sched_setaffinity(0, others)
    found: dict[str, Any] = {"callers": at_once, "accounts": ACCOUNTS, "load_average": os.getloadavg()[0]}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(  # noqa: ASYNC220  nothing else runs yet
            [sys.executable, "-c", STAND_IN, str(ROOT), str(ACCOUNTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as page,
    ):
        assert page.stdin is not None and page.stdout is not None  # noqa: S101  asked for above
        process, url = start(Path(folder), *page.stdout.readline().split(), own)
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                await ready(session, url)
                found["memory_idle_mb"] = memory(process.pid)
                await load(session, url, min(3.0, seconds), at_once, True)
                for name, stream in (("unstreamed", False), ("streamed", True)):
                    before = processor(process.pid)
                    result = await load(session, url, seconds, at_once, stream)
                    result["core_used"] = (processor(process.pid) - before) / seconds
                    found |= {f"{name}_{key}": value for key, value in result.items()}
                found["memory_mb"] = memory(process.pid)
        finally:
            process.terminate()
            process.wait(30)
            page.stdin.close()
    return found


def table(found: dict[str, Any]) -> str:
    lines = [f"  {name:<28} {value:10.2f}" for name, value in found.items()]
    for name, key, sign, aim in AIMS:
        met = found[key] >= aim if sign == ">=" else found[key] < aim
        lines.append(f"  {'ok  ' if met else 'MISS'} {name:<40} {found[key]:9.1f}  {sign} {aim:g}")
    return "\n".join(lines)


def main() -> None:
    """Print the table; the raw figures go to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results" / "webai.json")
    given = parser.parse_args()
    found = asyncio.run(measure(given.seconds, given.callers))
    given.out.parent.mkdir(exist_ok=True)
    facts = {"when": datetime.now(UTC).isoformat(), "machine": platform.platform(), "cpus": os.cpu_count()}
    given.out.write_text(json.dumps({**facts, **found}, indent=2) + "\n")
    print(table(found))
    print(f"raw figures: {given.out}")


if __name__ == "__main__":
    main()
