"""Settings that only a real browser can show to work: each is set two ways, and the page behaves two ways."""

from __future__ import annotations

import asyncio
import random
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.faults import Fault
from services.aistudio import display
from services.aistudio.login import Logins
from services.aistudio.settings import read
from tests.ports import free_port
from tests.services.aistudio.conftest import Later, Start, ask, body, needs_browser, text, told, until
from tests.services.aistudio.test_login_in_browser import MISSING, Person, display_of, programs
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser


@pytest.mark.parametrize(("setting", "what"), [("page_age", "page"), ("browser_age", "browser")])
async def test_what_has_served_for_long_is_replaced(start: Start, setting: str, what: str) -> None:
    now = Later()
    async with start(browser={setting: 1000}, now=now) as service:
        await ask(service, "one")
        await ask(service, "two")
        assert service.pool.recycled[what] == 0
        await service.pool.measure()  # which the service does now and then
        assert service.status()["browser_starts"] == 1
        now.ahead += 1001
        await service.pool.measure()
        assert text(await ask(service, "three")) == "You said: three"
        assert text(await ask(service, "four")) == "You said: four"
        await until(lambda: service.pool.recycled[what] == 1)


@pytest.mark.parametrize("temporary", [True, False])
async def test_a_chat_is_temporary_where_that_is_wanted(start: Start, studio: Studio, temporary: bool) -> None:
    async with start(temporary_chat=temporary) as service:
        await ask(service, "one")
        await ask(service, "two")
    assert [each["incognito"] for each in studio.received] == [temporary] * 2


@pytest.mark.parametrize("level", ["Low", "High"])
async def test_the_level_of_thinking_that_nobody_asks_for_is_the_one_that_is_set(
    start: Start, studio: Studio, level: str
) -> None:
    model = "gemini-3-flash-preview"
    async with start(defaults={"level": level}) as service:
        await ask(service, body("one", generationConfig={"thinkingConfig": {"thinkingLevel": "medium"}}), model)
        await ask(service, "two", model)
    assert studio.received[1]["level"] == level


async def test_an_answer_that_takes_too_long_as_a_whole_is_ended(start: Start, studio: Studio) -> None:
    async with start(timeouts={"total": 1.0}) as service:
        with pytest.raises(Fault) as caught:
            await ask(service, "LONG 2000 GAP 20")
        assert caught.value.kind == "timeout"
        assert text(await ask(service, "hello")) == "You said: hello"
    assert len(studio.stopped) == 1


@pytest.mark.parametrize(("wire", "sooner"), [(0.1, True), (3.0, False)])
async def test_a_page_whose_network_is_silent_is_watched_after_the_time_that_is_set(
    start: Start, studio: Studio, wire: float, sooner: bool
) -> None:
    studio.faults = {"hidden-wire"}
    async with start(timeouts={"wire": wire}) as service:
        objects, about = await told(service, "LONG 60 GAP 20")
    assert text(objects) == " ".join(f"word{at}" for at in range(60))
    assert about.tier == ("dom" if sooner else "final")  # as it comes, or once at its end
    assert (len(objects) > 10) is sooner


@pytest.mark.parametrize(("ready", "answers"), [(0.5, False), (10.0, True)])
async def test_a_page_that_comes_late_is_waited_for_as_long_as_is_set(
    start: Start, studio: Studio, ready: float, answers: bool
) -> None:
    studio.faults = {"late"}
    async with start(timeouts={"ready": ready}) as service:
        if answers:
            assert text(await ask(service, "hello")) == "You said: hello"
        else:
            with pytest.raises(Fault) as caught:
                await ask(service, "hello")
            assert "could not be loaded" in caught.value.message
            assert studio.received == []


@pytest.mark.parametrize(("stop", "replaced"), [(0.1, 1), (5.0, 0)])
async def test_a_page_that_stops_slowly_is_kept_within_the_time_that_is_set(
    start: Start, studio: Studio, stop: float, replaced: int
) -> None:
    studio.faults = {"slow-stop"}
    async with start(timeouts={"stop": stop}) as service:
        answer = service.stream("gemini-2.5-flash", body("LONG 2000 GAP 20"), (await told(service, "warm"))[1])
        async with asyncio.timeout(30):
            await anext(answer)
            await answer.aclose()
            await until(lambda: not service.pool.slots.busy)
        assert text(await ask(service, "hello")) == "You said: hello"
        assert service.pool.recycled["page"] == replaced


async def test_a_browser_that_does_not_start_in_the_time_that_is_set_is_given_up(start: Start, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 600\n")
    hangs.chmod(0o755)
    async with start(timeouts={"launch": 0.5}, browser={"executable_path": str(hangs)}) as service:
        with pytest.raises(Fault) as caught:
            await ask(service, "hello")
        assert caught.value.kind == "unavailable"


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
async def test_a_sign_in_opens_on_the_display_that_is_set(start: Start, studio: Studio) -> None:
    async with display.screen() as screen, start(login={"display": screen}) as service:
        person = Person()
        made = Logins(
            service.settings, service.selectors, service.profiles, service.pool.browsers, random.Random(7), environ={}
        )
        signing = asyncio.get_running_loop().create_task(made.sign_in("ann", None, person.tell))
        async with asyncio.timeout(30):
            await person.waiting.wait()
        assert person.heard[0].vnc_url is None
        assert display_of() == screen
        assert programs() == {"Xvfb"}  # the test's own, and nothing that shows it elsewhere
        signing.cancel()
        await asyncio.gather(signing, return_exceptions=True)


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
async def test_the_window_of_a_sign_in_is_seen_where_it_is_set() -> None:
    block: dict[str, Any] = {"vnc_port": free_port(), "novnc_port": free_port(), "novnc_host": "127.0.0.2"}
    shows = display.somewhere(read({"login": block}).login, headed=False, chance=random.Random(1), environ={})
    async with shows as shown, aiohttp.ClientSession() as http:
        assert shown.vnc_url is not None and shown.vnc_url.startswith(f"http://127.0.0.2:{block['novnc_port']}/")
        async with http.get(shown.vnc_url) as answer:
            assert answer.status == 200
        for host, port in (("127.0.0.1", block["novnc_port"]), ("127.0.0.2", block["vnc_port"])):
            with socket.socket() as elsewhere:
                assert elsewhere.connect_ex((host, port)) != 0


def test_the_pages_of_novnc_are_looked_for_where_it_is_set(tmp_path: Path) -> None:
    settings = read({"login": {"novnc_path": str(tmp_path)}}).login
    assert "novnc" in display.missing_programs(settings)
    (tmp_path / "vnc.html").write_text("")
    assert "novnc" not in display.missing_programs(settings)
