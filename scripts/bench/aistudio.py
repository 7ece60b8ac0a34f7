"""``make bench-aistudio``: what the AI Studio service adds, before a stand-in page on loopback, in a real Chromium.

Run it in the environment of that service. Prints a table and writes JSON. The page, the service and the browser share
the machine; the page answers after one second, so that three pages can give at most 180 answers a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from services.aistudio import settings as settings_module
from services.aistudio.profiles import Profiles
from services.aistudio.service import AIStudio, Told
from tests.simulators.aistudio_page import Studio

ROOT = Path(__file__).resolve().parents[2]
MODEL = "gemini-2.5-flash"
ANSWER = 1.0
AIMS = (
    ("requests/min, 3 pages, 1 s answers", "requests_per_minute", ">=", 150.0),
    ("added to the first piece, warm, ms", "added_first_ms", "<=", 250.0),
    ("page to caller, median, ms", "piece_p50_ms", "<=", 25.0),
    ("caller leaves, page stops, longest, ms", "cancel_ms", "<=", 1000.0),
)


def body(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


@asynccontextmanager
async def running(studio: Studio, pages: int) -> AsyncIterator[AIStudio]:
    with tempfile.TemporaryDirectory() as folder:
        profiles = Profiles(Path(folder))
        profiles.save("default", studio.storage_state("bench"))
        block = {
            "profiles": folder,
            "url": studio.page_url,
            "keep_fresh": 0,
            "browser": {"engine": "chromium", "max_instances": pages},
            "queue": {"limit": 1000, "deadline": 600},
        }
        service = AIStudio(settings_module.read(block), profiles=profiles, wall=time.time, chance=random.SystemRandom())
        try:
            yield service
        finally:
            await service.close()


async def first(service: AIStudio, text: str) -> float:
    """Seconds to the first piece; the answer is read to its end."""
    began, found = time.monotonic(), 0.0
    async for _ in service.stream(MODEL, body(text), Told()):
        found = found or time.monotonic() - began
    return found


async def starts(studio: Studio) -> dict[str, float]:
    """From nothing to the first piece, and on a warm page."""
    async with running(studio, 1) as service:
        cold = await first(service, "GAP 0 hello")
        warm = [await first(service, "GAP 0 hello") for _ in range(10)]
        slow = [await first(service, f"FIRST {int(ANSWER * 1000)} GAP 0 hello") - ANSWER for _ in range(8)]
        return {
            "cold_ms": cold * 1000,
            "warm_ms": statistics.median(warm) * 1000,
            "added_first_ms": statistics.median(slow) * 1000,
        }


async def pieces(studio: Studio) -> dict[str, float]:
    """From the page's server to the caller, piece by piece."""
    async with running(studio, 1) as service:
        await first(service, "hello")
        studio.sent.clear()
        came, length = [(0.0, 0)], 0
        async for each in service.stream(MODEL, body("LONG 200 GAP 30"), Told()):
            length += sum(len(part.get("text", "")) for part in each["candidates"][0]["content"]["parts"])
            came.append((time.monotonic(), length))
        delays, total = [], 0
        for when, frame in studio.sent:
            total += len(json.loads(frame)[0][0][0][0][0][1])
            delays.append(next(moment for moment, so_far in came if so_far >= total) - when)
        ordered = sorted(delays)
        return {
            "piece_p50_ms": ordered[len(ordered) // 2] * 1000,
            "piece_p95_ms": ordered[int(len(ordered) * 0.95)] * 1000,
        }


async def cancels(studio: Studio) -> dict[str, float]:
    """From a caller that leaves to the end of the page's own request, the longest of ten."""
    found: list[float] = []
    async with running(studio, 1) as service:
        for _ in range(10):
            studio.stopped.clear()
            answer = service.stream(MODEL, body("LONG 3000 GAP 20"), Told())
            await anext(answer)
            left = time.monotonic()
            await answer.aclose()
            await studio.until(lambda: bool(studio.stopped))
            found.append(studio.stopped[0][1] - left)
    return {"cancel_ms": max(found) * 1000}


async def rate(studio: Studio, requests: int) -> dict[str, float]:
    """How many answers three pages give."""
    async with running(studio, 3) as service:
        await service.pool.warm()
        asked = f"FIRST {int(ANSWER * 1000)} GAP 0 hello"
        await asyncio.gather(*(first(service, "GAP 0 hello") for _ in range(3)))
        began = time.monotonic()
        await asyncio.gather(*(first(service, asked) for _ in range(requests)))
        return {"requests": requests, "requests_per_minute": requests * 60 / (time.monotonic() - began)}


async def memory(studio: Studio) -> dict[str, float]:
    """Proportional set size of driver and browser, with one page and with three."""
    sizes = []
    for pages in (1, 3):
        async with running(studio, pages) as service:
            await service.pool.warm()
            await first(service, "LONG 200 GAP 0")
            sizes.append(service.pool.browsers.memory())
    return {"one_page_mb": sizes[0] / 1e6, "three_pages_mb": sizes[1] / 1e6, "per_page_mb": (sizes[1] - sizes[0]) / 2e6}


async def measure(requests: int) -> dict[str, float]:
    async with Studio() as studio:
        studio.debounce = 50
        found: dict[str, float] = {}
        for part in (starts(studio), pieces(studio), cancels(studio), rate(studio, requests), memory(studio)):
            found |= await part
        return found


def table(found: dict[str, float]) -> str:
    lines = [f"  {name:<24} {value:10.1f}" for name, value in found.items()]
    for name, key, sign, aim in AIMS:
        met = found[key] >= aim if sign == ">=" else found[key] <= aim
        lines.append(f"  {'ok  ' if met else 'MISS'} {name:<40} {found[key]:9.1f}  {sign} {aim:g}")
    return "\n".join(lines)


def main() -> None:
    """Print the table; the raw figures go to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results" / "aistudio.json")
    given = parser.parse_args()
    found = asyncio.run(measure(given.requests))
    given.out.parent.mkdir(exist_ok=True)
    facts = {"when": datetime.now(UTC).isoformat(), "machine": platform.platform(), "cpus": os.cpu_count()}
    given.out.write_text(json.dumps({**facts, **found}, indent=2) + "\n")
    print(table(found))
    print(f"raw figures: {given.out}")


if __name__ == "__main__":
    main()
