"""The window of a sign-in out of programs of a real supervisord, as supervisor.conf has them: they run while it
lasts, and are stopped after it, however it ends."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from router.cli import processes
from router.cli.talk import Place
from router.faults import Fault
from router.settings.schema import Settings
from router.supervisord import Supervisord
from services.aistudio import display
from services.aistudio import on_demand as module
from services.aistudio.on_demand import NAMES, OnDemand
from services.aistudio.window import DISPLAY, TOLD
from tests.e2e.test_supervision import until
from tests.services.aistudio.conftest import told_of
from tests.services.aistudio.conftest import until as soon
from tests.services.aistudio.windows import MISSING, ROOT, Windows, login, windows

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
STOPPED = {"STOPPED"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    with windows(tmp_path_factory.mktemp("w")) as made:
        yield made


def shown(here: Windows, monkeypatch: pytest.MonkeyPatch, *, on: bool = True) -> dict[str, tuple[str, bool, str]]:
    """What `make status` says of the three: state, whether there is a process, and what is wrong."""
    settings = Settings.model_validate({"providers": {"aistudio": {"enabled": on}}})
    monkeypatch.chdir(here.folder)
    rows = processes.rows(Place(settings, Path("config.yaml"), Path("nowhere")))
    return {row.name: (row.state, row.pid is not None, row.wrong) for row in rows if row.name in NAMES}


@pytest.fixture
def here(folder: Windows) -> Windows:
    """With the three never started, or stopped."""
    OnDemand(folder.socket, folder.folder).end()
    assert not {"RUNNING", "STARTING"} & folder.states()
    return folder


async def test_the_programs_run_while_a_window_is_shown_and_no_longer(
    here: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = login()
    shows = display.somewhere(
        settings, headed=False, chance=random.Random(1), environ={}, programs=OnDemand(here.socket, here.folder)
    )
    async with shows as window:
        await soon(lambda: here.states() == {"RUNNING"})
        assert shown(here, monkeypatch) == dict.fromkeys(NAMES, ("running", True, ""))
        assert window.vnc_url is not None
        page, _, password = window.vnc_url.partition("#password=")
        answer = await asyncio.to_thread(urllib.request.urlopen, page)
        with answer:
            assert answer.status == 200 and b"noVNC" in answer.read()
        xvfb, x11vnc = (here.info(name)["pid"] for name in ("xvfb", "x11vnc"))
        assert told_of(xvfb, "comm").strip() == b"Xvfb" and window.display is not None
        assert Path(f"/tmp/.X11-unix/X{window.display[1:]}").exists()
        assert password.encode() not in told_of(x11vnc, "cmdline") + told_of(x11vnc, "environ")
        assert b"A_SECRET" not in told_of(x11vnc, "environ") and b"SUPERVISOR_PROCESS_NAME" in told_of(
            x11vnc, "environ"
        )
        assert here.told() == {TOLD, DISPLAY}  # x11vnc has removed the password
        assert {path.stat().st_mode & 0o777 for path in here.socket.parent.glob("sign-in.*")} == {0o600}
    assert here.states() == STOPPED and here.told() == set()
    logs = [here.folder / f"logs/{name}.log" for name in NAMES]
    assert not any(password in log.read_text(errors="replace") for log in logs)
    assert shown(here, monkeypatch) == dict.fromkeys(NAMES, ("on demand", False, ""))
    assert shown(here, monkeypatch, on=False) == {}


@pytest.mark.parametrize("reached", ["xvfb", "novnc"])
async def test_a_caller_that_leaves_has_them_stopped(here: Windows, reached: str) -> None:
    async def show() -> None:
        async with OnDemand(here.socket, here.folder).window(login(), "password"):
            await asyncio.get_running_loop().create_future()

    task = asyncio.get_running_loop().create_task(show())
    await soon(lambda: here.info(reached)["pid"])
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # also by an impatient one
    with suppress(asyncio.CancelledError):
        await task
    await soon(lambda: not {"RUNNING", "STARTING", "STOPPING"} & here.states())
    await soon(lambda: here.told() == set())


SHOWS = """
import asyncio, sys
from pathlib import Path
from services.aistudio.on_demand import OnDemand
from services.aistudio.settings import Login
async def main():
    login = Login(vnc_port=int(sys.argv[2]), novnc_port=int(sys.argv[3]))
    async with OnDemand(Path(sys.argv[1]), Path.cwd()).window(login, "x"):
        print("shown", flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


def test_what_a_killed_service_has_left_is_stopped_by_the_next(here: Windows) -> None:
    settings = login()
    words = [str(here.socket), str(settings.vnc_port), str(settings.novnc_port)]
    with subprocess.Popen([sys.executable, "-c", SHOWS, *words], cwd=ROOT, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None and service.stdout.readline() == b"shown\n"
        os.kill(service.pid, signal.SIGKILL)
    assert all(here.info(name)["pid"] for name in NAMES) and TOLD in here.told()
    OnDemand(here.socket, here.folder).end()
    assert here.states() == STOPPED and here.told() == set()


async def test_which_program_did_not_start_and_where_its_log_is(here: Windows) -> None:
    (here.folder / "fails").touch()
    try:
        with pytest.raises(Fault, match=r"x11vnc did not start: no screen; .*logs/x11vnc\.log has all"):
            async with OnDemand(here.socket, here.folder).window(login(), "password"):
                raise AssertionError("there is nothing to see")
    finally:
        (here.folder / "fails").unlink()
    assert not any(here.info(name)["pid"] for name in NAMES) and here.told() == set()


async def test_a_port_that_another_has_is_named_with_its_setting(here: Windows) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        settings = display.Login(vnc_port=other.getsockname()[1], novnc_port=login().novnc_port)
        with pytest.raises(Fault, match=r"taken by another program; set login\.vnc_port"):
            async with OnDemand(here.socket, here.folder).window(settings, "password"):
                raise AssertionError("it would be the other's")
    assert not any(here.info(name)["pid"] for name in NAMES)


def test_who_starts_one_by_hand_is_told_in_its_log_and_it_is_not_tried_again(here: Windows) -> None:
    log = here.folder / "logs/novnc.log"
    size = log.stat().st_size if log.exists() else 0
    here.start("novnc")
    until(lambda: here.info("novnc")["statename"] == "FATAL")
    said = log.read_text()[size:]
    assert said.count("starts this for a sign-in") == 1 and TOLD in said
    (found,) = [each for each in Supervisord(here.socket).processes() if each.name == "novnc"]
    assert (found.state, found.wrong) == ("on demand", "")


async def test_a_file_that_others_may_read_is_not_taken(here: Windows) -> None:
    path = here.socket.parent / TOLD
    path.write_text("{}")
    path.chmod(0o644)
    here.start("x11vnc")
    await soon(lambda: here.info("x11vnc")["statename"] == "FATAL")
    assert "its mode must be 0600" in (here.folder / "logs/x11vnc.log").read_text()
    path.unlink()


async def test_where_supervisord_has_no_such_programs_children_make_the_window(tmp_path: Path) -> None:
    gone = OnDemand(tmp_path / "supervisor.sock", tmp_path)
    async with display.somewhere(
        login(), headed=False, chance=random.Random(1), environ={}, logs=tmp_path / "logs", programs=gone
    ) as window:
        assert window.vnc_url is not None
        assert {path.name for path in (tmp_path / "logs").iterdir()} == {"xvfb.log", "x11vnc.log", "novnc.log"}


def test_only_the_service_itself_takes_the_programs_of_its_supervisord(tmp_path: Path) -> None:
    told = {"SUPERVISOR_SERVER_URL": "unix:///run/s.sock", "SUPERVISOR_PROCESS_NAME": "aistudio"}
    assert module.programs(told, tmp_path) is not None
    assert module.programs({**told, "SUPERVISOR_PROCESS_NAME": "another"}, tmp_path) is None  # of `services`
    assert module.programs({}, tmp_path) is None
