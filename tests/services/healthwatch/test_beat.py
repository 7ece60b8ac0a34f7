"""A loop that hangs ends its process, and one that works does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, time
from services.healthwatch.beat import beat

async def main():
    task = asyncio.ensure_future(beat({hangs}))
    for _ in range(20):
        await asyncio.sleep(0.05)
    print("worked", flush=True)
    if {stops}:
        task.cancel()
        await asyncio.wait([task])
    def stuck(): time.sleep({stuck})
    stuck()
    print("over", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("stops", [False, True])
def test_a_loop_that_hangs_ends_the_process_unless_it_was_to_end(stops: bool) -> None:
    program = PROGRAM.format(hangs=2.0, stuck=3.0 if stops else 60.0, stops=stops)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=40, check=False)
    assert done.stdout == ("worked\nover\n" if stops else "worked\n")
    assert done.returncode == (0 if stops else 1)
    assert ("in stuck" in done.stderr) is not stops
