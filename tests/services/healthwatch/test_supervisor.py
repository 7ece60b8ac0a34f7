"""Who is killed for a router that hangs, and what a supervisord that says nothing does: nothing for long."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from socketserver import UnixStreamServer
from threading import Thread
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

import pytest

from services.healthwatch.judge import Action
from services.healthwatch.supervisor import Supervisor


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two that wait, each in a group of its own."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with ExitStack() as stack:
        made = [stack.enter_context(subprocess.Popen(command, start_new_session=True)) for _ in range(2)]
        yield made
        for each in made:
            each.kill()


@pytest.mark.parametrize("ours", [True, False])
def test_only_a_child_of_this_router_is_killed(
    ours: bool, tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    parent, other = processes
    file = tmp_path / "router.json"
    file.write_text(json.dumps({"pid": other.pid, "parent": parent.pid if ours else parent.pid + 100_000}))
    Supervisor("nowhere", file).act(Action("kill", "router", "it hangs"), parent.pid)
    killed, left = (other, parent) if ours else (parent, other)
    assert killed.wait(10) == -9
    assert left.poll() is None


LEAVES_ONE = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", ""])
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_parent_that_does_not_take_leave_of_its_ended_child_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES_ONE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as parent:
        try:
            assert parent.stdout is not None
            ended = int(parent.stdout.readline())
            file = tmp_path / "router.json"
            file.write_text(json.dumps({"pid": ended, "parent": parent.pid}))
            Supervisor("nowhere", file).act(Action("kill", "router", "it hangs"), parent.pid)
            assert parent.wait(10) == -9
        finally:
            parent.kill()


def test_a_parent_that_is_stopped_is_killed_since_it_replaces_nobody(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    parent, child = processes
    os.kill(parent.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, parent.pid, os.WSTOPPED)
    file = tmp_path / "router.json"
    file.write_text(json.dumps({"pid": child.pid, "parent": parent.pid}))
    Supervisor("nowhere", file).act(Action("kill", "router", "it hangs"), parent.pid)
    assert parent.wait(10) == -9


@pytest.mark.timeout(20)
def test_a_supervisord_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's whole path may be too long
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind("silent.sock")
        silent.listen()
        with pytest.raises(TimeoutError):
            Supervisor("silent.sock", tmp_path / "none", limit=0.2).running()


class Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)
    disable_nagle_algorithm = False  # a unix socket has none

    def address_string(self) -> str:
        return "here"

    def do_POST(self) -> None:
        assert isinstance(self.server, Answering)
        self.server.calls += 1
        if self.server.calls in self.server.break_off:
            self.server.told.append("nothing")
        else:
            super().do_POST()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Answering(UnixStreamServer, SimpleXMLRPCDispatcher):
    """A supervisord whose program takes a while to stop, and who fails meanwhile. break_off: the
    calls, from 1 on, that get no answer."""

    def __init__(self, path: str, *break_off: int) -> None:
        SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        UnixStreamServer.__init__(self, path, Handler)
        self.told: list[str] = []
        self.calls, self.break_off = 0, break_off
        self.states = ["STOPPING", "STOPPING", "STOPPED"]
        self.register_function(self.stop, "supervisor.stopProcess")
        self.register_function(self.start, "supervisor.startProcess")
        self.register_function(self.info, "supervisor.getProcessInfo")

    def stop(self, name: str, wait: bool) -> bool:
        self.told.append(f"stop {name} {wait}")
        return True

    def start(self, name: str, wait: bool) -> bool:
        self.told.append(f"start {name} {wait}")
        return True

    def info(self, name: str) -> dict[str, str]:
        state = self.states.pop(0)
        self.told.append(state)
        return {"name": name, "statename": state}


@pytest.mark.parametrize(
    ("break_off", "told"),
    [
        (3, ["stop p False", "STOPPING", "nothing", "STOPPING", "STOPPED", "start p False"]),
        (1, ["nothing", "STOPPING", "STOPPING", "STOPPED", "start p False"]),
    ],
)
def test_what_is_restarted_is_started_when_it_has_stopped_and_not_before(
    break_off: int, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pauses: list[float] = []
    with Answering("rpc.sock", break_off) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            watched = Supervisor("rpc.sock", tmp_path / "none", pause=pauses.append)
            watched.act(Action("restart", "p", "it helps"), 1)
        finally:
            server.shutdown()
            thread.join()
    assert server.told == told
    assert len(pauses) == len(told) - 3  # none after the stop, the last look and the start
