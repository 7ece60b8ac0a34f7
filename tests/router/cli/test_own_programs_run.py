"""Programs of the operator's own under a supervisord: how long they get to stop, and what `status` says of them."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from router import places
from router.cli import own_programs, processes, supervision
from router.cli.talk import Place
from router.settings.schema import Settings
from tests.router.cli.test_verbs import READY, Answers, gateway, place

__all__ = ["gateway", "place"]
CONFIG = """
[unix_http_server]
file=state/run/supervisor.sock
[supervisord]
logfile=logs/supervisord.log
pidfile=state/run/supervisord.pid
silent=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[include]
files=config/conf.d/*.conf
"""
PROGRAM = """
import os, signal, sys
def stop(*_):
    open("go").read()
    os._exit(7)
os.chdir(sys.argv[1])
signal.signal(signal.SIGTERM, stop)
with open("up", "w") as up:
    up.write("x")
while True:
    signal.pause()
"""
"""Says in the pipe `up` that it runs. Told to stop, it does so when somebody has opened the pipe `go`."""
LIMIT = 20
"""Seconds after which a test gives up."""


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A program of the operator's own as it stands in the settings, where a supervisord runs. The current folder is a
    checkout of the test's own."""
    for folder in ("logs", "state/run", "config/conf.d"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "supervisor.conf").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "ROOT", tmp_path)
    for name in ("up", "go"):
        os.mkfifo(name)
    assert supervision.start(os.environ) is None
    try:
        yield {"name": "own", "command": [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]}
    finally:
        with supervision.supervisor() as rpc:
            pids = [each["pid"] for each in supervision.processes(rpc) if each["pid"]]
        for pid in (int(supervision.PID_FILE.read_text()), *pids):  # who would start them anew goes first
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def runs(rpc: Any, settings: Settings) -> None:
    """Start the program, and wait until it runs."""
    assert own_programs.follow(rpc, settings) == []
    reading = os.open("up", os.O_RDONLY | os.O_NONBLOCK)
    try:
        rpc.startProcess("own", False)
        assert select.select([reading], [], [], LIMIT)[0], Path("logs/own.log").read_text()
    finally:
        os.close(reading)


@pytest.mark.parametrize(("seconds", "killed"), [(1, True), (60, False)])
def test_a_program_is_killed_when_it_has_not_stopped_in_its_time(
    entry: dict[str, Any], seconds: float, killed: bool
) -> None:
    settings = Settings.model_validate({"services": [{**entry, "stop_seconds": seconds}]})
    with supervision.supervisor() as rpc, ThreadPoolExecutor(1) as beside:
        runs(rpc, settings)
        stopping = beside.submit(rpc.stopProcess, "own")
        if not killed:
            Path("go").write_text("")  # opens when the program has been told, and waits for it
        assert stopping.result(LIMIT)
        found = rpc.getProcessInfo("own")
    assert (found["statename"], found["exitstatus"]) == ("STOPPED", -1 if killed else 7)


@pytest.mark.parametrize(
    ("relay", "session", "wrong"),
    [(True, "other", "has no session at the relay"), (True, "own", ""), (False, "other", "")],
)
def test_status_tells_of_a_program_that_should_be_connected_and_is_not(
    place: Callable[..., Place],
    gateway: Callable[[Answers], int],
    entry: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    relay: bool,
    session: str,
    wrong: str,
) -> None:
    sessions = [{"name": session, "service": "mine", "ready": True, "cause": None}]
    port = gateway({**READY, "/v0/management/relay": (200, {"sessions": sessions})})
    here = place(port, f"services: [{json.dumps({**entry, 'relay': relay})}]\n")
    with supervision.supervisor() as rpc:
        runs(rpc, here.settings)
    processes.status(as_json=True)
    rows = {each["name"]: each for each in json.loads(capsys.readouterr().out)["processes"]}
    assert rows["own"]["pid"] is not None and rows["own"]["wrong"] == wrong
