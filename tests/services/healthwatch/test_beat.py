"""A loop that hangs ends its process, and one that works does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
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


@pytest.mark.timeout(60)
def test_the_program_ends_itself_where_its_loop_hangs(tmp_path: Path) -> None:
    """The settings are read in the loop: where their file becomes a pipe that nobody writes to, it hangs."""
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{state_dir: {tmp_path}}}\nsupervision: {{port: {free_port()}}}\n")
    command = [sys.executable, "-m", "services.healthwatch", "--config", str(config), "--hangs", "2"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD")},
        "PYTHONPATH": str(ROOT),
    }
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **streams) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "supervisord does not answer" in line:  # the first round is over: the loop turns
                    break
            assert process.poll() is None
            os.mkfifo(tmp_path / "pipe")
            (tmp_path / "pipe").replace(config)
            rest = process.stdout.read()
            assert process.wait(30) == 1
        finally:
            process.kill()
    assert "Timeout (0:00:02)!" in rest and "in round" in rest
