"""Other browsers than a Chromium of our own: Firefox through WebDriver BiDi, and a person's browser to attach to."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from router.faults import Fault
from services.aistudio import memory, sandbox
from services.aistudio import settings as settings_module
from services.aistudio.service import AIStudio
from tests.ports import free_port
from tests.services.aistudio.conftest import CHROMIUM, FAST, Start, ask, body, calls, needs_browser, text, told
from tests.services.aistudio.test_answers_in_browser import BRACKETS, CALL, THOUGHTS
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox on this machine")
async def test_a_stock_firefox_answers_and_its_network_is_read_in_the_page(start: Start) -> None:
    async with start(browser={"engine": "firefox"}) as service:
        objects, about = await told(service, body("THINK BRACKETS", **THOUGHTS))
        assert (about.tier, text(objects)) == ("network", BRACKETS)
        assert calls(await ask(service, CALL)) == [("find", {"a": [1, True, None, {"x": "y"}]})]
        assert service.status()["engine"] == "firefox"


def with_flag(flag: str) -> int:
    """How many of our own descendants have it on their command line."""
    found = 0
    for pid in memory.descendants(os.getpid()):
        with suppress(OSError):
            found += flag.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="root, whom Chromium refuses its sandbox, is not here")
async def test_a_sandbox_that_is_insisted_on_is_not_left_out(start: Start) -> None:
    async with start(browser={"sandbox": "on"}) as service:
        with pytest.raises(Fault, match=r"browser\.sandbox: off"):
            await ask(service, body("hello"))
        assert not with_flag("--no-sandbox")
    async with start() as service:  # auto
        assert text(await ask(service, body("hello"))) == "You said: hello"
        assert with_flag("--no-sandbox")


@pytest.mark.skipif(os.geteuid() == 0 or sandbox.refusal(CHROMIUM) != "", reason="no sandbox can be made here")
async def test_a_user_gets_the_sandbox(start: Start) -> None:
    async with start() as service:
        assert text(await ask(service, body("hello"))) == "You said: hello"
        assert with_flag("--type=renderer") and not with_flag("--no-sandbox")


@asynccontextmanager
async def own_browser(folder: Path) -> AsyncIterator[str]:
    """A Chromium that somebody has started by hand, and its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={folder}"),
        *(f"--remote-debugging-port={port}", "about:blank"),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(40):
            while process.stderr is not None and b"DevTools listening" not in await process.stderr.readline():
                pass
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def test_a_persons_own_browser_is_used_and_left_as_it_was(studio: Studio, tmp_path: Path) -> None:
    from playwright.async_api import async_playwright  # skipped above where it is missing

    async with own_browser(tmp_path / "theirs") as address, async_playwright() as playwright:
        person = await playwright.chromium.connect_over_cdp(address)
        theirs = person.contexts[0]
        await theirs.add_cookies(studio.storage_state("ann")["cookies"])
        before = len(theirs.pages)
        block = {
            "url": studio.page_url,
            "profiles": str(tmp_path / "none"),
            "timeouts": FAST,
            "browser": {"engine": "attach", "attach_url": address, "max_instances": 1},
        }
        service = AIStudio(settings_module.read(block), wall=time.time, chance=random.Random(1))
        objects, about = await told(service, "hello")
        assert (text(objects), about.profile) == ("You said: hello", "default")
        await service.close()
        assert len(theirs.pages) == before
        assert not (tmp_path / "none").exists()
