from __future__ import annotations

import asyncio
import importlib.util
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from router.faults import Fault
from services.webai.browser_cookies import Browsers

HERE = importlib.util.find_spec("browser_cookie3") is not None


async def test_a_browser_that_nobody_knows_is_the_callers_mistake() -> None:
    with pytest.raises(Fault, match="must be one of") as caught:
        await Browsers().read("netscape")
    assert caught.value.param == "browser"


@pytest.mark.skipif(HERE, reason="the package is installed here")
async def test_without_the_package_it_says_how_to_get_it() -> None:
    with pytest.raises(Fault, match="make webai EXTRAS=browser"):
        await Browsers().read("firefox")


async def test_a_browser_that_hangs_is_asked_once_and_keeps_nothing_else_waiting() -> None:
    unlocked, asked = threading.Event(), []

    def work(browser: str, _: str | None) -> dict[str, str]:
        asked.append(browser)
        unlocked.wait(30)
        return {"__Secure-1PSID": "one"}

    browsers = Browsers(work, limit=0.05)
    with pytest.raises(Fault, match="did not give its cookies"):
        await browsers.read("chrome")
    for browser in ("chrome", "firefox"):
        with pytest.raises(Fault, match=r"chrome is being asked .* key ring"):
            await browsers.read(browser)
    assert asked == ["chrome"]
    unlocked.set()
    while browsers.asking:
        await asyncio.sleep(0.01)
    assert (await browsers.read("firefox")).secure_1psid.reveal() == "one"


def test_a_browser_that_hangs_does_not_keep_the_process() -> None:
    program = (
        "import asyncio, threading\n"
        "from services.webai.browser_cookies import Browsers, Fault\n"
        "async def main():\n"
        "    try:\n"
        "        await Browsers(lambda *_: threading.Event().wait(), limit=0.05).read('chrome')\n"
        "    except Fault as fault:\n"
        "        print(fault.kind)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "timeout\n"


async def test_a_failure_is_told_and_the_next_reading_is_not_refused() -> None:
    def work(browser: str, _: str | None) -> dict[str, str]:
        raise Fault("bad_request", "no")

    browsers = Browsers(work)
    for _ in range(2):
        with pytest.raises(Fault, match="no"):
            await browsers.read("chrome")


def firefox(path: Path, cookies: dict[str, str]) -> str:
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE moz_cookies (host TEXT, path TEXT, isSecure INT, expiry INT, name TEXT, value TEXT,"
            " isHttpOnly INT, originAttributes TEXT DEFAULT '')"
        )
        rows = [(".google.com", "/", 1, 4102444800, name, value, 1, "") for name, value in cookies.items()]
        database.executemany("INSERT INTO moz_cookies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.close()
    return str(path)


@pytest.mark.webai
@pytest.mark.skipif(not HERE, reason="needs browser-cookie3")
class TestWithThePackage:
    async def test_the_two_cookies_are_read_and_no_others(self, tmp_path: Path) -> None:
        both = {"__Secure-1PSID": "one", "__Secure-1PSIDTS": "two", "NID": "other"}
        found = await Browsers().read("firefox", cookie_file=firefox(tmp_path / "cookies.sqlite", both))
        assert (found.secure_1psid.reveal(), found.secure_1psidts.reveal()) == ("one", "two")

    async def test_a_browser_that_is_not_signed_in_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(Fault, match="sign in to gemini"):
            await Browsers().read("firefox", cookie_file=firefox(tmp_path / "cookies.sqlite", {"NID": "x"}))

    @pytest.mark.parametrize("browser", ["firefox", "chrome", "librewolf"])
    async def test_every_failure_of_the_package_becomes_a_fault(
        self, browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(Fault, match="cannot be read here") as caught:
            await Browsers().read(browser)
        assert caught.value.http_status == 422
