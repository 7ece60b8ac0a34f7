"""The pool under load: one request per page, fair and bounded, recycled in time."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest

from router.faults import Fault
from services.aistudio.pool import Wish
from tests.services.aistudio.conftest import Later, Start, ask, needs_browser, text, until
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser


async def test_three_pages_serve_twelve_requests_and_each_gets_its_own_answer(start: Start, studio: Studio) -> None:
    async with start(browser={"max_instances": 3}) as service:
        asked = [f"GAP 50 FIRST 200 number {number}" for number in range(12)]
        answers = await asyncio.gather(*(ask(service, each) for each in asked))
        assert [text(each) for each in answers] == [f"You said: {each}" for each in asked]
        assert studio.most_running == 3
        assert {len(each["turns"]) for each in studio.received} == {1}
        assert service.status()["pages"] <= 3


async def test_a_full_line_and_a_long_wait_are_refused_with_a_time(start: Start, studio: Studio) -> None:
    async with start(queue={"limit": 1, "deadline": 0.5}) as service:
        await ask(service, "warm")
        busy = asyncio.get_running_loop().create_task(ask(service, "FIRST 3000 slow"))
        await studio.until(lambda: studio.running == 1)
        waits = asyncio.get_running_loop().create_task(ask(service, "waits"))
        await until(lambda: service.pool.slots.waiting)
        for refused in (ask(service, "too many"), waits):
            with pytest.raises(Fault) as caught:
                await refused
            assert caught.value.http_status == 429
            assert caught.value.retry_after is not None
        assert text(await busy).endswith("slow")


async def test_worn_pages_contexts_and_browsers_are_replaced(start: Start) -> None:
    async with start(browser={"page_uses": 1}) as service:
        await ask(service, "one")
        await ask(service, "two")
        assert service.pool.recycled["page"] >= 1
    async with start(browser={"context_uses": 1}) as service:
        await ask(service, "one")
        await ask(service, "two")
        assert service.pool.recycled["context"] >= 1
    async with start(browser={"memory_limit": 1}) as service:
        await ask(service, "one")
        await service.pool.measure()
        assert service.pool.bytes > 100 << 20
        assert text(await ask(service, "two")) == "You said: two"
        assert (service.pool.recycled["browser"], service.status()["browser_starts"]) == (1, 2)


async def test_idle_ends_the_browser_and_keeps_the_session(start: Start, studio: Studio, tmp_path: Path) -> None:
    now = Later()
    async with start(browser={"idle_shutdown": 900}, now=now) as service:
        await ask(service, "one")
        await until(lambda: not service.pool.slots.busy)
        await service.pool.idle()
        assert service.pool.browsers.running
        now.ahead += 901
        await service.pool.idle()
        assert not service.pool.browsers.running
        file = tmp_path / "auth_profiles" / "ann.json"
        held = json.loads(file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "SIDCC" in {cookie["name"] for cookie in held["cookies"]}
        assert held["sessionStorage"][studio.address] == {"studio": "open"}
        origin = next(each for each in held["origins"] if each["origin"] == studio.address)
        assert {each["name"] for each in origin["localStorage"]} == {"aiStudioUserPreference"}
        assert origin["indexedDB"][0]["name"] == "studio"
        assert text(await ask(service, "two")) == "You said: two"


async def test_a_session_is_renewed_and_its_new_cookies_are_saved(start: Start, studio: Studio) -> None:
    now = Later()
    async with start(keep_fresh=1800, now=now) as service:
        assert await service.keep_fresh() == []
        now.ahead += 1000
        assert await service.keep_fresh() == []
        now.ahead += 1000
        assert await service.keep_fresh() == ["ann"]
        cookies = {each["name"]: each["value"] for each in service.profiles.load("ann")["cookies"]}
        assert cookies["SIDCC"] == f"ann-{len(studio.visits)}"
        studio.gone = {"ann"}
        now.ahead += 2000
        assert await service.keep_fresh() == []
        assert service.status()["profiles"][0]["state"] == "needs_login"


async def test_pages_are_warm_after_the_start(start: Start, studio: Studio) -> None:
    async with start(browser={"max_instances": 2}) as service:
        await service.start()
        await studio.until(lambda: len(studio.visits) == 2)
        async with service.pool.lease(Wish()) as lease:
            assert lease.page.uses == 0
        assert len(studio.visits) == 2


async def test_without_a_browser_the_service_says_why(start: Start) -> None:
    async with start(browser={"engine": "chromium", "executable_path": "/nowhere/chromium"}) as service:
        await service.start()
        assert "apt-get install chromium" in service.ready()[0]
        with pytest.raises(Fault) as caught:
            await ask(service, "hello")
        assert (caught.value.kind, caught.value.code) == ("unavailable", "no_browser")
