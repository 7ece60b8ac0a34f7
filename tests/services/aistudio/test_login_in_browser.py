"""A person signs in by typing into a headed window on a virtual display, seen through x11vnc and noVNC."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.client import connect

from services.aistudio import memory
from services.aistudio.login import Logins, Progress
from services.aistudio.on_demand import NAMES, OnDemand
from services.aistudio.service import AIStudio
from tests.ports import free_port
from tests.services.aistudio.conftest import Start, ask, needs_browser, text, told_of
from tests.services.aistudio.windows import windows
from tests.simulators.aistudio_page import Studio

PROGRAMS = ("Xvfb", "x11vnc", "websockify", "xdotool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [*needs_browser, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]


class Person:
    """Hears how a sign-in goes, and types."""

    def __init__(self) -> None:
        self.heard: list[Progress] = []
        self.waiting = asyncio.Event()

    async def tell(self, progress: Progress) -> None:
        self.heard.append(progress)
        if progress.state == "waiting":
            self.waiting.set()

    @staticmethod
    async def type(display: str, *words: str) -> None:
        environment = {**os.environ, "DISPLAY": display}
        for command in words:
            process = await asyncio.create_subprocess_exec("xdotool", *command.split("|"), env=environment)
            assert await process.wait() == 0


def display_of() -> str:
    """The display of the Xvfb that this process has started."""
    for pid in memory.descendants(os.getpid()):
        words = told_of(pid, "environ").split(b"\0")
        found = [word for word in words if word.startswith(b"DISPLAY=")]
        if found and b"chromium" in told_of(pid, "cmdline"):
            return found[0].decode().partition("=")[2]
    raise AssertionError("no headed browser was started")


def programs() -> set[str]:
    names = {told_of(pid, "comm").decode().strip() for pid in memory.descendants(os.getpid())}
    return names & {"Xvfb", "x11vnc", "websockify"}


def logins(service: AIStudio, programs: OnDemand | None = None) -> Logins:
    parts = service.settings, service.selectors, service.profiles, service.pool.browsers
    return Logins(*parts, random.Random(7), environ={}, programs=programs)


async def test_a_sign_in_by_typing_into_the_window_makes_a_profile_that_answers(
    start: Start, studio: Studio, tmp_path: Path
) -> None:
    ports = {"vnc_port": free_port(), "novnc_port": free_port()}
    studio.gone = {"ann"}
    async with start(login=ports) as service:
        with pytest.raises(Exception, match="signed out"):
            await ask(service, "hello")
        person = Person()
        signing = asyncio.get_running_loop().create_task(logins(service).sign_in("ann", None, person.tell))
        async with asyncio.timeout(30):
            await person.waiting.wait()
        await _sees(str(person.heard[0].vnc_url), ports)
        display = display_of()
        await studio.until(lambda: studio.forms > 0)
        await _through_novnc(service, str(person.heard[0].vnc_url))
        typed = ["type|--delay|5|ann", "key|Tab", "type|--delay|5|correct horse", "key|Return"]
        await person.type(display, *typed)
        async with asyncio.timeout(30):
            assert await signing
        assert [each.state for each in person.heard] == ["waiting", "done"]
        assert programs() == set()
        _logged(tmp_path / "logs", str(person.heard[0].vnc_url))
        assert text(await ask(service, "hello")) == "You said: hello"
        assert service.status()["profiles"][0]["state"] == "ready"


def _logged(folder: Path, vnc_url: str) -> None:
    """Each program has written a log, and none of them the password."""
    said = {path.name: path.read_text(errors="replace") for path in folder.iterdir()}
    assert said.keys() == {"xvfb.log", "x11vnc.log", "novnc.log"}
    assert "PORT=" in said["x11vnc.log"] and "roxying from" in said["novnc.log"]
    assert not any(vnc_url.rpartition("=")[2] in text for text in said.values())


async def _sees(vnc_url: str, ports: dict[str, int]) -> None:
    """The link leads to noVNC on loopback, and its socket to a VNC server that wants the password."""
    parts = urlsplit(vnc_url)
    assert (parts.hostname, parts.port) == ("127.0.0.1", ports["novnc_port"])
    assert len(parse_qs(parts.fragment)["password"][0]) == 8
    assert "password" not in parts.query
    async with connect(f"ws://127.0.0.1:{parts.port}/websockify", subprotocols=None) as socket_:
        hello = await socket_.recv()
        assert bytes(hello if isinstance(hello, bytes) else hello.encode()).startswith(b"RFB 003.008")
        await socket_.send(b"RFB 003.008\n")
        kinds = await socket_.recv()
        assert bytes(kinds if isinstance(kinds, bytes) else kinds.encode())[1:] == b"\x02"  # VNC authentication only


async def _through_novnc(service: AIStudio, vnc_url: str) -> None:
    """A person opens the link in a browser of their own, and is connected without typing a password."""
    browser = await service.pool.browsers.get()
    context = await browser.new_context(viewport={"width": 1200, "height": 780})
    page = await context.new_page()
    await page.goto(vnc_url)
    await page.wait_for_selector("html.noVNC_connected", state="attached", timeout=15_000)
    if picture := os.environ.get("SWITCHYARD_PICTURES"):
        await page.wait_for_selector("#noVNC_status:not(.noVNC_open)", state="attached")
        await page.screenshot(path=str(Path(picture) / "novnc.png"))
    await context.close()


async def test_under_supervisord_a_person_signs_in_to_a_window_of_its_programs(
    start: Start, studio: Studio, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ports = {"vnc_port": free_port(), "novnc_port": free_port()}
    studio.gone = {"ann"}
    with windows(tmp_path_factory.mktemp("up") / "c") as here:  # the path of a unix socket must be short
        async with start(login=ports) as service:
            person = Person()
            signs_in = logins(service, OnDemand(here.socket, here.folder)).sign_in("ann", None, person.tell)
            signing = asyncio.get_running_loop().create_task(signs_in)
            async with asyncio.timeout(30):
                await person.waiting.wait()
            assert all(here.info(name)["pid"] for name in NAMES)
            await _sees(str(person.heard[0].vnc_url), ports)
            await studio.until(lambda: studio.forms > 0)
            await person.type(
                display_of(), "type|--delay|5|ann", "key|Tab", "type|--delay|5|correct horse", "key|Return"
            )
            async with asyncio.timeout(30):
                assert await signing
            assert here.states() == {"STOPPED"} and here.told() == set()
            assert not (tmp_path / "logs").exists()  # they are supervisord's


async def test_a_sign_in_that_nobody_makes_ends_and_leaves_nothing_behind(start: Start, studio: Studio) -> None:
    studio.gone = {"ann"}
    block: dict[str, Any] = {"vnc_port": free_port(), "novnc_port": free_port(), "deadline": 1.0}
    async with start(login=block) as service:
        person = Person()
        assert not await logins(service).sign_in("ann", None, person.tell)
        assert "Nobody signed in" in person.heard[-1].message
        assert programs() == set()


async def test_only_one_sign_in_is_open_at_a_time_and_names_are_checked(start: Start, studio: Studio) -> None:
    studio.gone = {"ann"}
    block: dict[str, Any] = {"vnc_port": free_port(), "novnc_port": free_port(), "deadline": 3.0}
    async with start(login=block) as service:
        one, two, three = Person(), Person(), Person()
        several = logins(service)
        first = asyncio.get_running_loop().create_task(several.sign_in("ann", None, one.tell))
        async with asyncio.timeout(30):
            await one.waiting.wait()
        assert not await several.sign_in("bob", None, two.tell)
        assert "under way" in two.heard[-1].message
        assert not await several.sign_in("../../etc", None, three.tell)
        assert not await first


async def test_a_window_is_refused_where_there_is_no_display(start: Start) -> None:
    async with start() as service:
        person = Person()
        assert not await logins(service).sign_in("ann", True, person.tell)
        assert "no display" in person.heard[-1].message
