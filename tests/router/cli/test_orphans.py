"""A supervisord that was killed: what it has left is seen, told, and ended in order by whoever starts anew."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from router import places
from router.cli import orphans, processes, supervision, up
from router.cli.orphans import Orphan
from router.cli.program_findings import programs
from router.cli.talk import Place, find_place
from router.places import ROOT
from tests.ports import free_port
from tests.router.cli.test_own_programs_run import CONFIG
from tests.router.cli.test_verbs import READY, Answers, gateway, place

__all__ = ["gateway", "place"]
pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")]
PROGRAM = """
import os, signal, socket, sys
name, port = sys.argv[1:]
def stop(*_):
    open(name + ".ended", "w").close()
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "deaf" else stop)
if os.fork():
    listening = socket.create_server(("127.0.0.1", int(port)))
    with open(name + ".up", "w") as up:
        up.write("x")
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a child that stays is ended too
while True:
    signal.pause()
"""
"""Listens, and says in the pipe NAME.up that it does."""
NAMES = ("router", "own")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, int]]]:
    """Starts a supervisord in a checkout of the test's own, the current folder; the ports of its programs."""
    for folder in ("logs", "state/run", "config/conf.d"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "ROOT", tmp_path)

    def start(*names: str) -> dict[str, int]:
        ports = {name: free_port() for name in names}
        programs = "".join(
            f"[program:{name}]\ncommand={sys.executable} program.py {name} {port}\nstartsecs=0\n"
            f"stdout_logfile=logs/{name}.log\nredirect_stderr=true\n"
            for name, port in ports.items()
        )
        Path("supervisor.conf").write_text(CONFIG + programs)
        for name in names:
            os.mkfifo(f"{name}.up")
        assert supervision.start(os.environ) is None
        wait_up(*names)
        return ports

    yield start
    kill_supervisord()
    assert orphans.end(orphans.left(), 0.0) == []


def wait_up(*names: str) -> None:
    for name in names:
        assert Path(f"{name}.up").read_text() == "x"


def kill_supervisord() -> None:
    """As `kill -9` does; comes back when it has ended."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(int(supervision.PID_FILE.read_text()))
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            assert select.select([handle], [], [], 20)[0]
        finally:
            os.close(handle)


def test_only_what_its_supervisord_has_left_is_an_orphan(
    checkout: Callable[..., dict[str, int]], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout(*NAMES)
    assert orphans.left() == []
    Path("state/run/supervisor.sock").unlink()  # it lives, and cannot be asked
    assert orphans.left() == []
    kill_supervisord()
    assert {each.name for each in orphans.left()} == set(NAMES)  # and not their children
    here = Path.cwd()
    monkeypatch.chdir(tmp_path_factory.mktemp("another checkout"))
    assert orphans.left() == []
    monkeypatch.chdir(here)


def test_what_this_process_runs_under_is_no_orphan(checkout: Callable[..., dict[str, int]], tmp_path: Path) -> None:
    checkout()
    kill_supervisord()
    url = f"unix://{tmp_path / supervision.SOCKET}"
    code = "from router.cli import orphans; print([each.name for each in orphans.left()])"
    environ = {**os.environ, "SUPERVISOR_SERVER_URL": url, orphans.NAME: "shell", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_does_not_end_is_killed_with_its_children(checkout: Callable[..., dict[str, int]]) -> None:
    checkout("deaf", "own")
    kill_supervisord()
    found = orphans.left()
    assert orphans.end(found, 0.5) == []
    assert orphans.left() == [] and Path("own.ended").exists()
    assert not any(supervision.alive(each.pid) for each in found)


def test_who_cannot_be_ended_is_named() -> None:
    stays = Orphan("router", 2**22 + 1, 1, 2**22 + 1, 1)  # a pid that no process can have
    times = iter(range(0, 1000, 5))
    assert orphans.end([stays], look=lambda: [stays], pause=lambda _: None, now=lambda: float(next(times))) == [stays]
    assert orphans.in_words([stays]) == f"router ({2**22 + 1})"


def test_status_says_that_nobody_watches(
    place: Callable[..., Place],
    gateway: Callable[[Answers], int],
    checkout: Callable[..., dict[str, int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place(gateway(READY), "supervision: {enabled: false}\n")
    checkout(*NAMES)
    assert processes.status(as_json=True) == 0
    capsys.readouterr()
    kill_supervisord()
    assert processes.status(as_json=True) == 1
    rows = {each["name"]: each for each in json.loads(capsys.readouterr().out)["processes"]}
    assert set(rows) == {"router", "supervisord", "own"}
    assert (rows["router"]["state"], rows["router"]["health"]) == ("running", "ready")
    assert 0 <= rows["router"]["uptime"] < 60
    assert "nobody watches" in rows["supervisord"]["wrong"] and "make up" in rows["supervisord"]["wrong"]
    found = list(programs(find_place(None), os.environ))
    (wrong,) = [each for each in found if each.level == "error"]
    assert (wrong.about, wrong.fix) == ("programs", "make up") and wrong.what.startswith("supervisord: was killed")


def test_up_takes_over_from_a_supervisord_that_was_killed(
    place: Callable[..., Place], checkout: Callable[..., dict[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    here = place(checkout(*NAMES)["router"])
    kill_supervisord()
    left = orphans.left()
    assert up._start(here) is False
    wait_up(*NAMES)
    assert all(Path(f"{name}.ended").exists() for name in NAMES)
    assert not any(supervision.alive(each.pid) for each in left)
    assert "supervisord is gone; ending what it has left" in capsys.readouterr().err
    with supervision.supervisor() as rpc:
        assert {each["name"]: each["statename"] for each in supervision.processes(rpc)} == dict.fromkeys(
            NAMES, "RUNNING"
        )


def test_down_ends_what_was_left(checkout: Callable[..., dict[str, int]], capsys: pytest.CaptureFixture[str]) -> None:
    checkout(*NAMES)
    kill_supervisord()
    assert processes.down() == 0
    assert orphans.left() == [] and all(Path(f"{name}.ended").exists() for name in NAMES)
    assert "Stopped." in capsys.readouterr().err
    assert processes.down() == 0
    assert "Nothing runs." in capsys.readouterr().err
