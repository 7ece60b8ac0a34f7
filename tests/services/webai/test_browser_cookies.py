from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path

import pytest

from router.faults import Fault
from services.webai import browser_cookies

HERE = importlib.util.find_spec("browser_cookie3") is not None


async def test_a_browser_that_nobody_knows_is_the_callers_mistake() -> None:
    with pytest.raises(Fault, match="must be one of") as caught:
        await browser_cookies.read("netscape")
    assert caught.value.param == "browser"


@pytest.mark.skipif(HERE, reason="the package is installed here")
async def test_without_the_package_it_says_how_to_get_it() -> None:
    with pytest.raises(Fault, match="make webai EXTRAS=browser"):
        await browser_cookies.read("firefox")


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
        found = await browser_cookies.read("firefox", cookie_file=firefox(tmp_path / "cookies.sqlite", both))
        assert (found.secure_1psid.reveal(), found.secure_1psidts.reveal()) == ("one", "two")

    async def test_a_browser_that_is_not_signed_in_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(Fault, match="sign in to gemini"):
            await browser_cookies.read("firefox", cookie_file=firefox(tmp_path / "cookies.sqlite", {"NID": "x"}))

    @pytest.mark.parametrize("browser", ["firefox", "chrome", "librewolf"])
    async def test_every_failure_of_the_package_becomes_a_fault(
        self, browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(Fault, match="cannot be read here") as caught:
            await browser_cookies.read(browser)
        assert caught.value.http_status == 422
