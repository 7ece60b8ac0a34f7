"""`up` for a supervisord that somebody else has started, and what it makes of a router that does not come up."""

from __future__ import annotations

import json
import os
import signal
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from router import places
from router.cli import supervision, up
from router.cli.talk import Place
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
"""
NOT_READY = (503, {"ready": False, "causes": []})


class Supervisord:
    """Its router is in one state, and answers after so many looks at it; notes what it starts."""

    def __init__(self, state: str, answers: Answers, looks: int) -> None:
        self.states = {"router": state, "healthwatch": "STOPPED"}
        self.answers, self.looks = answers, looks
        self.started: list[str] = []

    def getAllProcessInfo(self) -> list[dict[str, Any]]:
        return [{"name": name, "group": name, "statename": state} for name, state in self.states.items()]

    def getProcessInfo(self, name: str) -> dict[str, Any]:
        if name not in self.states:
            return {"statename": "STOPPED"}
        if name == "router":
            self.looks -= 1
            if not self.looks:
                self.answers["/readyz"] = READY["/readyz"]
        return {"statename": self.states[name]}

    def startProcess(self, name: str, _: bool = True) -> None:
        if self.states[name.partition(":")[0]] == "BACKOFF":
            raise xmlrpc.client.Fault(60, "ALREADY_STARTED")
        self.started.append(name)


@pytest.fixture
def supervisord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[..., Place], gateway: Callable[[Answers], int]
) -> Callable[..., Supervisord]:
    """Makes one, in an installation of our own where the router that runs is not ready yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "ROOT", tmp_path)

    def make(state: str, looks: int = 0) -> Supervisord:
        answers = {**READY, "/readyz": NOT_READY}
        port = gateway(answers)
        place(port)
        (tmp_path / "state/run").mkdir()
        facts = {"pid": os.getpid(), "addresses": [["127.0.0.1", port]]}
        (tmp_path / "state/run/router.json").write_text(json.dumps(facts))
        made = Supervisord(state, answers, looks)

        @contextmanager
        def supervisor() -> Iterator[Any]:
            yield made

        monkeypatch.setattr(supervision, "supervisor", supervisor)
        return made

    return make


def test_a_router_that_supervisord_still_tries_to_start_is_waited_for_where_up_joins(
    supervisord: Callable[..., Supervisord], capsys: pytest.CaptureFixture[str]
) -> None:
    rpc = supervisord("BACKOFF", looks=3)
    assert up.up(join=True) == 0
    assert rpc.looks <= 0 and rpc.started == ["healthwatch"]
    assert "Base URL" in capsys.readouterr().out


def test_it_fails_at_once_for_who_starts_by_hand(
    supervisord: Callable[..., Supervisord], capsys: pytest.CaptureFixture[str]
) -> None:
    rpc = supervisord("BACKOFF")
    assert up.up() == 1
    assert rpc.started == [] and "the router is BACKOFF" in capsys.readouterr().err


@pytest.mark.parametrize(("state", "tried"), [("FATAL", ["router:router"]), ("RUNNING", [])])
def test_without_a_ready_router_the_rest_is_started_all_the_same_and_it_is_told(
    supervisord: Callable[..., Supervisord],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: str,
    tried: list[str],
) -> None:
    monkeypatch.setattr(up, "READY_WITHIN", 0.2)
    rpc = supervisord(state)
    assert up.up(join=True) == 1
    assert rpc.started == [*tried, "healthwatch"]
    assert "Switchyard did not start: the router" in capsys.readouterr().err


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout of the test's own, whose supervisord does not run yet."""
    (tmp_path / "supervisor.conf").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "ROOT", tmp_path)
    yield tmp_path
    with suppress(OSError, ValueError):
        os.kill(int(supervision.PID_FILE.read_text()), signal.SIGKILL)


def test_where_up_joins_it_starts_no_supervisord(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[..., Place], capsys: pytest.CaptureFixture[str]
) -> None:
    place(9)
    monkeypatch.setattr(up, "SUPERVISED_WITHIN", 0.2)
    assert up.up(join=True) == 1
    assert "no supervisord answers within 0.2 s" in capsys.readouterr().err
    assert not supervision.SOCKET.exists() and not supervision.PID_FILE.exists()


def test_a_supervisord_that_comes_late_is_waited_for(checkout: Path) -> None:
    started: list[str | None] = []

    def pause(_: float) -> None:
        if not started:
            started.append(supervision.start(os.environ))

    assert supervision.await_answer(30, pause) and started == [None]
