"""`switchyard restart`: the serving process is replaced where its parent lives; all else stops and starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from router import places
from router.cli import processes, supervision
from router.cli.talk import Place
from tests.router.cli.test_verbs import READY, Answers, gateway, place

__all__ = ["gateway", "place"]
PARENT = """
import json, os, signal, sys
serving = 0
def replace(*_):
    global serving
    before = serving
    serving = os.fork()
    if not serving:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        while True:
            signal.pause()
    with open("router.new", "w") as file:
        json.dump({"parent": os.getpid(), "pid": serving, "addresses": []}, file)
    os.replace("router.new", "router.json")
    if before:
        os.kill(before, signal.SIGKILL)
        os.waitpid(before, 0)
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
else:
    signal.signal(signal.SIGHUP, replace)
replace()
print("ready", flush=True)
while True:
    signal.pause()
"""
"""Does as the router's parent: SIGHUP, and another process serves. `deaf`: none does."""


class Supervisord:
    """Knows the parent as its program `router`, and notes what it is told."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.told: list[str] = []

    def getAllProcessInfo(self) -> list[dict[str, Any]]:
        return [self.getProcessInfo("router")]

    def getProcessInfo(self, name: str) -> dict[str, Any]:
        return {"name": name, "pid": self.pid, "statename": "RUNNING" if self.pid else "STOPPED"}

    def stopProcess(self, name: str) -> None:
        self.told.append(f"stop {name}")

    def startProcess(self, name: str, _: bool) -> None:
        self.told.append(f"start {name}")


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts the stand-in of the router's parent; its pid."""
    started: list[subprocess.Popen[bytes]] = []

    def start(how: str = "hears") -> int:
        run = tmp_path / "state/run"
        run.mkdir(parents=True)
        process = subprocess.Popen(
            [sys.executable, "-c", PARENT, how], cwd=run, stdout=subprocess.PIPE, start_new_session=True
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process.pid

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def supervisord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[..., Place], gateway: Callable[[Answers], int]
) -> Callable[[int], Supervisord]:
    """A supervisord whose router has this pid, in an installation that answers."""

    def make(pid: int) -> Supervisord:
        made = Supervisord(pid)

        @contextmanager
        def supervisor() -> Iterator[Any]:
            yield made

        place(gateway(READY))
        monkeypatch.setattr(places, "ROOT", tmp_path)
        monkeypatch.setattr(supervision, "supervisor", supervisor)
        return made

    monkeypatch.chdir(tmp_path)
    return make


def serving(folder: Path) -> str:
    return (folder / "state/run/router.json").read_text()


def test_the_router_is_replaced_without_a_stop(
    parent: Callable[..., int], supervisord: Callable[[int], Supervisord], tmp_path: Path, capsys: Any
) -> None:
    pid = parent()
    before, rpc = serving(tmp_path), supervisord(pid)
    assert processes.restart() == 0
    assert rpc.told == [] and serving(tmp_path) != before
    assert "router has been restarted" in capsys.readouterr().err


def test_one_that_is_not_replaced_goes_on_serving_and_that_is_a_failure(
    parent: Callable[..., int],
    supervisord: Callable[[int], Supervisord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    rpc = supervisord(parent("deaf"))
    before = serving(tmp_path)
    monkeypatch.setattr(processes, "REPLACED_WITHIN", 0.2)
    assert processes.restart() == 1
    assert rpc.told == [] and serving(tmp_path) == before
    told = capsys.readouterr().err
    assert "goes on serving" in told and "has been restarted" not in told


def test_what_a_sign_in_needs_is_not_started_from_here(
    parent: Callable[..., int], supervisord: Callable[[int], Supervisord], capsys: Any
) -> None:
    rpc = supervisord(parent())
    assert processes.restart("x11vnc") == 1
    assert rpc.told == [] and "the AI Studio service starts it for a sign-in" in capsys.readouterr().err


@pytest.mark.parametrize(("runs", "told"), [(True, ["stop router", "start router"]), (False, ["start router"])])
def test_one_whose_parent_is_another_stops_and_starts(
    parent: Callable[..., int], supervisord: Callable[[int], Supervisord], runs: bool, told: list[str]
) -> None:
    pid = parent()
    rpc = supervisord(pid + 1 if runs else 0)
    assert processes.restart() == 0
    assert rpc.told == told
