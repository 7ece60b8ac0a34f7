"""The parent process with real children: replacement, death, drain, and starts that cannot succeed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[3]
PARENT = "import sys; from router.server.parent import Parent; sys.exit(Parent(sys.argv[1:]).run())"
WITHIN = 40.0


class Running:
    def __init__(self, folder: Path, **values: Any) -> None:
        self.port = values.get("port") or free_port()
        settings = {"port": self.port, "run_dir": str(folder), "drain_seconds": 5.0, "quiet_seconds": 0.1} | values
        self.settings = folder / "settings.json"
        self.settings.write_text(json.dumps(settings))
        self.facts = folder / "router.json"
        self.log = folder / "log"
        command = [sys.executable, "-m", "tests.router.server.standin", "--config", str(self.settings)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PARENT, *command], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def ready(self) -> int:
        """Wait for the first answer; the serving process."""
        wait_for(lambda: self.facts.exists() or self.process.poll() is not None)
        return self.pid()

    def pid(self) -> int:
        return int(self.get("/"))

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def new_pid(self, before: int) -> int:
        wait_for(lambda: self.pid() != before)
        return self.pid()

    def text(self) -> str:
        return self.log.read_text()

    def exit_code(self) -> int:
        return self.process.wait(WITHIN)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    made: list[Running] = []

    def make(**values: Any) -> Running:
        made.append(Running(tmp_path, **values))
        return made[-1]

    yield make
    for running in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait(WITHIN)


def test_replacements_lose_no_call(start: Any) -> None:
    running = start()
    pid = running.ready()
    lost: list[Exception] = []
    answered = [0]
    enough = threading.Event()

    def call() -> None:
        while not enough.is_set():
            try:
                running.get("/")
                answered[0] += 1
            except OSError as error:
                lost.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    for _ in range(5):
        running.signal(signal.SIGHUP)
        pid = running.new_pid(pid)
    enough.set()
    caller.join()
    assert not lost
    assert answered[0] > 20


def test_the_serving_process_can_have_itself_replaced(start: Any) -> None:
    running = start()
    before = running.ready()
    assert running.get("/replace") == b"True"
    assert running.new_pid(before) != before


def test_a_killed_child_is_replaced_and_callers_wait(start: Any) -> None:
    running = start()
    pid = running.ready()
    os.kill(pid, signal.SIGKILL)
    assert running.new_pid(pid) != pid  # the socket never closed: no call on the way there was refused
    assert "was killed by signal 9" in running.text()
    assert json.loads(running.facts.read_text())["after"] == f"the serving process {pid} was killed by signal 9"
    before = running.pid()
    running.signal(signal.SIGHUP)  # asked for, and nothing to be told of
    running.new_pid(before)
    assert json.loads(running.facts.read_text())["after"] == ""


def test_sigterm_lets_a_call_finish_and_ends_with_0(start: Any) -> None:
    running = start()
    running.ready()
    answers: list[bytes] = []
    caller = threading.Thread(target=lambda: answers.append(running.get("/slow?1.0")))
    caller.start()
    wait_for(lambda: established(running.port))
    os.killpg(running.process.pid, signal.SIGTERM)  # as supervisord's stopasgroup does: parent and child both get it
    caller.join()
    assert answers[0].startswith(b"slow ")
    assert running.exit_code() == 0


def test_a_killed_parent_leaves_no_orphan_on_the_port(start: Any) -> None:
    running = start()
    pid = running.ready()
    running.process.kill()
    wait_for(lambda: not lives(pid))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", running.port))


def test_a_taken_port_ends_the_start_and_names_the_holder(start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = start(port=taken.getsockname()[1])
        assert running.exit_code() == 1
    text = running.text()
    assert f"port {running.port} on 127.0.0.1 is taken" in text
    assert f"(process {os.getpid()})" in text
    assert "make up PORT=" in text
    assert text.count("cannot start") == 1


def test_a_start_that_the_application_refuses_ends_with_1_and_the_reason(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_FAILS", "1")
    running = start()
    assert running.exit_code() == 1
    assert "the database is on fire" in running.text()


def test_a_replacement_that_cannot_start_leaves_the_old_process_serving(start: Any) -> None:
    running = start()
    pid = running.ready()
    good = running.settings.read_text()
    running.settings.write_text(json.dumps({"port": running.port, "tls_cert": "/nowhere", "tls_key": "/nowhere"}))
    running.signal(signal.SIGHUP)
    wait_for(lambda: "goes on serving" in running.text())
    assert "there is no file /nowhere" in running.text()
    assert running.pid() == pid
    running.settings.write_text(good)
    running.signal(signal.SIGHUP)
    assert running.new_pid(pid) != pid


def test_a_changed_port_is_taken_over_by_the_replacement(start: Any) -> None:
    running = start()
    pid = running.ready()
    old, running.port = running.port, free_port()
    running.settings.write_text(json.dumps(json.loads(running.settings.read_text()) | {"port": running.port}))
    running.signal(signal.SIGHUP)
    wait_for(lambda: str(running.port) in running.facts.read_text())
    assert running.pid() != pid
    wait_for(lambda: refused(old))


@pytest.mark.parametrize("the_first_fails", [False, True])
def test_a_second_wish_for_a_replacement_is_kept_while_the_first_is_starting(
    start: Any, tmp_path: Path, the_first_fails: bool
) -> None:
    running = start()
    running.ready()
    held = tmp_path / "held"
    held.touch()
    good = json.loads(running.settings.read_text())
    wrong = {"tls_cert": "/nowhere", "tls_key": "/nowhere"} if the_first_fails else {}
    running.settings.write_text(json.dumps(good | wrong | {"held_by": str(held)}))
    running.signal(signal.SIGHUP)
    wait_for(lambda: "held" in running.text())  # it has read the settings
    running.port = free_port()
    running.settings.write_text(json.dumps(good | {"port": running.port}))
    for _ in range(3):
        running.signal(signal.SIGHUP)
    wait_for(lambda: "another one follows" in running.text())
    held.unlink()
    wait_for(lambda: str(running.port) in running.facts.read_text())
    assert running.pid()


def test_the_parent_stays_small(start: Any) -> None:
    running = start()
    running.ready()
    status = Path(f"/proc/{running.process.pid}/status")
    if not status.exists():
        pytest.skip("needs Linux's /proc")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    assert int(lines["VmRSS"].split()[0]) < 25_000  # kB


def established(port: int) -> bool:
    """Whether a client is connected to `port` and its request was read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "01" and int(fields[1].rpartition(":")[2], 16) == port:
            return fields[4].endswith(":00000000")
    return False


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=WITHIN).close()
    except ConnectionRefusedError:
        return True
    return False


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(true: Any) -> None:
    """Wait for something in another process."""
    end = time.monotonic() + WITHIN
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if true():
                return
        assert time.monotonic() < end
        time.sleep(0.02)
