"""The programs of a virtual display: they end with the process that started them, and say why they did not start."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from router.faults import Fault
from services.aistudio import display, helpers
from tests.descriptors import descriptors
from tests.services.aistudio.conftest import told_of

LEASH = [sys.executable, "-I", "-S", str(helpers.LEASH)]
WITHIN = 40.0
needs_xvfb = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")

STARTS = """
import subprocess, sys, os
child = subprocess.Popen([*sys.argv[1:5], str(os.getpid()), "sleep", "600"])
print(child.pid, flush=True)
input()
"""
SHOWS = """
import asyncio, sys
from pathlib import Path
from services.aistudio import display, memory
import os
async def main():
    async with display.screen(Path(sys.argv[1])) as screen:
        (pid,) = memory.descendants(os.getpid())
        print(pid, flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


def has_ended(handle: int) -> bool:
    """Whether the process of a pidfd ends in time."""
    return bool(select.select([handle], [], [], WITHIN)[0])


def killed_with_its_parent(words: list[str]) -> str:
    """Start a program that prints the PID of its child, and kill it. Returns the child's name."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        handle = os.pidfd_open(pid)
        try:
            while (name := told_of(pid, "comm").decode().strip()).startswith("python"):
                assert not select.select([handle], [], [], 0.01)[0]  # it has not become the program yet
            parent.kill()
            assert has_ended(handle), "it outlived its parent"
        finally:
            os.close(handle)
    return name


def test_what_is_on_a_leash_ends_when_its_parent_is_killed() -> None:
    assert killed_with_its_parent([sys.executable, "-c", STARTS, *LEASH]) == "sleep"


@needs_xvfb
def test_a_screen_ends_when_the_service_is_killed_and_has_a_log(tmp_path: Path) -> None:
    assert killed_with_its_parent([sys.executable, "-c", SHOWS, str(tmp_path / "logs")]) == "Xvfb"
    assert (tmp_path / "logs/xvfb.log").stat().st_mode & 0o777 == 0o600


def test_a_program_whose_parent_has_ended_already_is_not_started(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = subprocess.run([*LEASH, str(gone.pid), "touch", str(tmp_path / "made")], check=False, timeout=WITHIN)
    assert done.returncode == 1 and not (tmp_path / "made").exists()


async def test_why_a_program_did_not_start_is_told_and_in_its_log(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo first; echo the port is taken >&2"]
    (tmp_path / "logs").symlink_to(tmp_path / "volume/logs")  # as in the image, before the first start
    with pytest.raises(Fault, match="the port is taken") as told:
        async with helpers.running(words, "ready", logs=tmp_path / "logs", name="own"):
            raise AssertionError("it never got ready")
    log = (tmp_path / "volume/logs").resolve() / "own.log"
    assert str(log) in told.value.message
    assert log.read_text() == "first\nthe port is taken\n"
    with pytest.raises(Fault, match="No such file"):
        async with helpers.running(["no-such-program"], "ready", logs=tmp_path / "logs", name="own"):
            raise AssertionError("it never got ready")
    assert log.with_name("own.log.1").read_text() == "first\nthe port is taken\n"  # the start before


async def test_a_log_is_bounded_and_a_program_is_never_held_up_by_it(tmp_path: Path) -> None:
    much = f"yes 0123456789abcde | head -c {2 * helpers.MOST}; echo ready"
    for folder in (tmp_path / "logs", None):
        async with helpers.running(["sh", "-c", much], "ready", logs=folder, name="own"):
            pass
    assert (tmp_path / "logs/own.log").stat().st_size == helpers.MOST
    (tmp_path / "file").touch()
    async with helpers.running(["sh", "-c", "echo ready; sleep 600"], "ready", logs=tmp_path / "file") as nowhere:
        assert nowhere.place == ""  # a folder that cannot be made keeps no program from running


@needs_xvfb
async def test_an_x_server_that_cannot_start_says_where_its_reason_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/Xvfb"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no fonts >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(Fault, match=r"did not start; .*xvfb\.log"):
        async with asyncio.timeout(WITHIN), display.screen(tmp_path / "logs"):
            raise AssertionError("there is no screen")
    assert (tmp_path / "logs/xvfb.log").read_text() == "no fonts\n"


def test_the_leash_hands_signals_and_output_on(tmp_path: Path) -> None:
    words = [*LEASH, str(os.getpid()), "sh", "-c", "echo $$; read x"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and int(child.stdout.readline()) == child.pid
        child.send_signal(signal.SIGTERM)
        assert child.wait(WITHIN) == -signal.SIGTERM


async def test_a_program_whose_own_child_holds_its_output_leaves_no_descriptor(tmp_path: Path) -> None:
    before = descriptors()
    command = ["sh", "-c", "sleep 600 & echo child $!; wait"]
    async with helpers.running(command, r"child \d+", logs=tmp_path, name="parent"):
        assert descriptors() > before
    child = int((tmp_path / "parent.log").read_text().split()[1])
    try:
        await asyncio.sleep(0)
        assert descriptors() == before
    finally:
        os.kill(child, signal.SIGKILL)
