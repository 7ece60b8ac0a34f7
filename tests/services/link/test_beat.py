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
from services.link.beat import beat

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
def test_the_watch_ends_itself_where_its_loop_hangs(tmp_path: Path) -> None:
    """The settings are read in the loop: where their file becomes a pipe that nobody writes to, it hangs."""
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{state_dir: {tmp_path}}}\nsupervision: {{port: {free_port()}}}\n")
    rest = _ended(tmp_path, "services.healthwatch", "--config", config, "supervisord does not answer", config)
    assert "in round" in rest


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("service", "port", "said"), [("aistudio", "health_port", "9/v1"), ("webai", "port", "announc")]
)
def test_a_service_ends_itself_where_its_loop_hangs(tmp_path: Path, service: str, port: str, said: str) -> None:
    """The key is read in the loop, for every try to reach a router."""
    config = tmp_path / "config.yaml"
    config.write_text(
        f"server: {{state_dir: {tmp_path}}}\nauth: {{dir: {tmp_path}/auth}}\n"
        f"providers: {{{service}: {{{port}: {free_port()}, relay: {{urls: ['ws://127.0.0.1:9/v1/ws']}}}}}}\n"
    )
    key = tmp_path / "keys" / "service.key"
    key.parent.mkdir()
    key.write_text("sk-service")
    _ended(tmp_path, f"services.{service}", "--router-config", config, said, key)


def _ended(folder: Path, module: str, option: str, config: Path, once: str, hangs: Path) -> str:
    """What a service says after its loop reads a pipe at `hangs`, which it is made into once a line has `once`."""
    command = [sys.executable, "-m", module, option, str(config), "--hangs", "2"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD")},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **streams) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if once in line:  # the loop turns
                    break
            assert process.poll() is None, said
            hangs.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(folder / "pipe")
            (folder / "pipe").replace(hangs)
            rest = str(process.stdout.read())
            assert process.wait(30) == 1
        finally:
            process.kill()
    assert "Timeout (0:00:02)!" in rest
    return rest
