"""Which services run: as the settings say, with a stand-in for supervisord. The real one: tests/e2e."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from router import on_demand
from router.cli import service_environment, services, supervision
from router.cli.services import AISTUDIO as NAME
from router.cli.services import Wanted, health
from router.cli.talk import Place
from router.settings.schema import Settings
from tests.ports import free_port

AISTUDIO = services.PROGRAMS[0]


def wanted(place: Place, root: Path) -> Wanted:
    return services.wanted(place, AISTUDIO, root)


def follow(rpc: Any, place: Place, *, anew: bool = False, root: Path) -> list[str]:
    return services.follow(rpc, place, AISTUDIO, anew=anew, root=root)


MISSING = f"{NAME} is on and cannot run: {service_environment.MISSING}"


class Supervisord:
    """What of supervisord's interface is used. known: whether it has read the program from its file. fails: how a start
    ends."""

    def __init__(self, state: str = "STOPPED", *, known: bool = True, fails: str = "") -> None:
        self.state = state
        self.known = known
        self.fails = fails
        self.asked: list[str] = []

    def getProcessInfo(self, name: str) -> dict[str, Any]:
        if not self.known:
            raise xmlrpc.client.Fault(10, "BAD_NAME")
        return {"name": name, "statename": self.state}

    def reloadConfig(self) -> None:
        self.asked.append("reload")

    def addProcessGroup(self, name: str) -> None:
        self.known = True

    def startProcess(self, name: str) -> None:
        self.asked.append("start")
        if self.fails:
            raise xmlrpc.client.Fault(50, self.fails)
        self.state = "RUNNING"

    def stopProcess(self, name: str) -> None:
        self.asked.append("stop")
        self.state = "STOPPED"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the environment of the service."""
    python = tmp_path / service_environment.PLACE
    python.parent.mkdir(parents=True)
    python.touch(mode=0o700)
    return tmp_path


def test_a_supervisord_that_cannot_read_its_files_is_told_and_no_traceback(root: Path) -> None:
    class Spoilt(Supervisord):
        def reloadConfig(self) -> None:
            raise xmlrpc.client.Fault(92, "CANT_REREAD: line 3")

    (told,) = follow(Spoilt(known=False), place({"enabled": True}), root=root)
    assert told.startswith(f"{NAME} is not known to supervisord") and "line 3" in told


def place(block: dict[str, Any] | None, problem: str | None = None) -> Place:
    providers = {"aistudio": block} if block is not None else {}
    settings = Settings.model_validate({"providers": providers})
    return Place(settings, Path("config.yaml"), Path("nowhere"), problem)


ON, OFF = place({}), place(None)


def test_a_service_is_wanted_where_it_is_on_and_can_run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert wanted(ON, root) == Wanted(True)
    for block in (None, {"enabled": False}, {"service": {"start": False}}):
        assert wanted(place(block), root) == Wanted(False)
    assert wanted(ON, tmp_path_factory.mktemp("bare")) == Wanted(True, MISSING)
    web = services.PROGRAMS[1]
    for block, on in (({}, False), ({"enabled": True}, True), ({"enabled": True, "service": {"start": False}}, False)):
        made = Place(Settings.model_validate({"providers": {"webai": block}}), Path("config.yaml"), Path("nowhere"))
        assert services.wanted(made, web, root).on is on
    missing = Place(Settings.model_validate({"providers": {"webai": {"enabled": True}}}), Path("x"), Path("nowhere"))
    assert "make webai" in services.wanted(missing, web, root).problem


@pytest.mark.parametrize(
    ("state", "where", "anew", "asked"),
    [
        ("STOPPED", ON, False, ["start"]),
        ("FATAL", ON, False, ["start"]),
        ("RUNNING", ON, False, []),
        ("RUNNING", ON, True, ["stop", "start"]),
        ("STOPPED", OFF, True, []),
        ("RUNNING", OFF, False, ["stop"]),
        ("BACKOFF", OFF, False, ["stop"]),
        ("RUNNING", place(None, "broken settings"), False, []),
    ],
)
def test_what_runs_follows_the_settings(root: Path, state: str, where: Place, anew: bool, asked: list[str]) -> None:
    rpc = Supervisord(state)
    told = follow(rpc, where, anew=anew, root=root)
    assert rpc.asked == asked
    assert len(told) == (1 if asked else 0)


def test_a_supervisord_of_an_older_version_learns_of_the_program(root: Path) -> None:
    rpc = Supervisord(known=False)
    assert follow(rpc, ON, root=root) == [f"{NAME} has been started."]
    assert rpc.asked == ["reload", "start"]


def test_what_cannot_run_or_does_not_start_says_why(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    rpc = Supervisord()
    assert follow(rpc, ON, root=tmp_path_factory.mktemp("bare")) == [f"{MISSING}."]
    assert rpc.asked == []
    (told,) = follow(Supervisord(fails="ABNORMAL_TERMINATION"), ON, root=root)
    assert "did not start (ABNORMAL_TERMINATION)" in told and "logs/aistudio.log" in told


def test_a_service_that_does_not_answer_is_told_from_one_that_is_not_ready() -> None:
    where = place({"health_port": free_port()}).settings
    word, why = health(AISTUDIO.readyz(where), NAME)
    assert word == "no answer" and "logs/aistudio.log" in why


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("10.0.0.5", "10.0.0.5"), ("::", "[::1]")])
def test_a_service_is_asked_where_it_listens(host: str, asked: str) -> None:
    assert AISTUDIO.readyz(place({"health_host": host}).settings) == f"http://{asked}:8318/readyz"


@contextmanager
def telling(status: int, body: Any) -> Iterator[str]:
    """A program that says this of itself; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/readyz"
        finally:
            server.shutdown()
            thread.join()


DISK = {"cause": "disk", "text": "the disk of logs has 5 MiB left", "blocking": False}
LOOP = {"cause": "crash_loop", "text": "own: crash loop: 4 starts in 31 s", "blocking": False}
OTHER = {"cause": "program", "text": "own: fatal", "blocking": False}


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, {"causes": []}, ("ready", "")),
        (
            200,
            {"causes": [OTHER, DISK, LOOP]},
            ("ready", f"{DISK['text']}; {LOOP['text']}"),
        ),  # a full disk is for people; programs have rows of their own
        (503, {"causes": [{"text": "no profile"}, {"text": "no browser"}]}, ("not ready", "no profile; no browser")),
        (503, "nothing", ("not ready", "its /readyz answered 503")),
    ],
)
def test_what_a_program_says_of_itself_is_shown(status: int, body: Any, told: tuple[str, str]) -> None:
    with telling(status, body) as address:
        assert health(address, "p") == told


class Older(Supervisord):
    """One that was started before the programs of a sign-in came."""

    def __init__(self) -> None:
        super().__init__("RUNNING")
        self.new: set[str] = set()

    def getProcessInfo(self, name: str) -> dict[str, Any]:
        if name in on_demand.NAMES and name not in self.new:
            raise xmlrpc.client.Fault(10, "BAD_NAME")
        return super().getProcessInfo(name)

    def addProcessGroup(self, name: str) -> None:
        self.new.add(name)

    def startProcess(self, name: str) -> None:
        assert name not in on_demand.NAMES
        super().startProcess(name)


@pytest.mark.parametrize(("where", "learns"), [(ON, set(on_demand.NAMES)), (OFF, set())])
def test_the_programs_of_a_sign_in_are_made_known_and_never_started(
    where: Place, learns: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rpc = Older()
    services.follow_all(rpc, where)
    assert rpc.new == learns and "start" in rpc.asked  # of the others


def test_two_commands_do_not_start_and_stop_programs_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(Settings.model_validate({"supervision": {"enabled": False}}), tmp_path / "config.yaml", tmp_path)
    rpc = Supervisord("RUNNING")
    with supervision.one_at_a_time(0):
        (told,) = services.follow_all(rpc, place, within=0)
        assert "another command" in told and rpc.asked == []
    assert f"{NAME} has been stopped: the settings turn it off." in services.follow_all(rpc, place, within=0)
