"""A page that hangs while it opens: who waits for it, and for how long; with a stand-in of the package."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from router.secret import Secret
from router.tasks import Tasks
from router.vault.keys import AccountVault
from services.webai.accounts import Accounts
from services.webai.settings import Cookies
from tests.services.webai.running import HERE, FakeClient, FakePackage, running


class Hanging(FakePackage):
    """The page of one account does not open before `go`."""

    def __init__(self) -> None:
        super().__init__(valid={"good", "slow"})
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def start(self, client: FakeClient, timeouts: Any) -> None:
        if client.cookies_given.secure_1psid.reveal() == "slow":
            self.begun.set()
            await self.go.wait()
        await super().start(client, timeouts)


def keep(folder: Path, **psids: str) -> None:
    accounts = Accounts(folder / "auth_profiles", AccountVault(folder), lambda: 0.0, lambda: None)
    for name, psid in psids.items():
        accounts.save(name, Cookies(secure_1psid=Secret(psid)))


async def test_a_page_that_hangs_keeps_no_other_account_waiting(tmp_path: Path, tasks: Tasks) -> None:
    package = Hanging()
    keep(tmp_path, a="good", b="slow", c="good")
    async with running(tmp_path, {}, package=package, installed=HERE) as service, asyncio.timeout(10):
        pages = service.webai.pages
        open_already = await pages.opened("a")
        waiting = [tasks.spawn(pages.opened("b"), "b") for _ in range(2)]
        await package.begun.wait()
        assert await pages.opened("a") is open_already
        assert (await pages.opened("c")).name == "c"
        for _ in range(4):
            assert (await service.chat("x")).headers["x-webai-served-by"] in ("gemini-web/a", "gemini-web/c")
        package.go.set()
        first, second = await asyncio.gather(*waiting)
        assert first is second and len(package.clients) == 3, "both waited for one opening"


async def test_the_opening_counts_within_the_time_of_the_call_and_goes_on_behind_it(tmp_path: Path) -> None:
    package = Hanging()
    keep(tmp_path, b="slow")
    block = {"timeouts": {"start": 60, "first": 0.2}}
    async with running(tmp_path, block, package=package, installed=HERE) as service, asyncio.timeout(10):
        found = await service.chat("x")
        assert found.status == 504 and "did not open in time" in found.json["error"]["message"]
        package.go.set()
        assert (await service.webai.pages.opened("b")).name == "b"
        assert len(package.clients) == 1
        assert (await service.chat("x")).status == 200


async def test_an_account_that_is_removed_while_it_opens_is_gone_at_once(tmp_path: Path, tasks: Tasks) -> None:
    package = Hanging()
    keep(tmp_path, b="slow")
    async with running(tmp_path, {}, package=package, installed=HERE) as service, asyncio.timeout(10):
        waiting = tasks.spawn(service.webai.pages.opened("b"), "b")
        await package.begun.wait()
        await service.webai.pages.remove("b")
        with pytest.raises(Fault, match="called off"):
            await waiting
        assert package.clients[0].closed and service.webai.pages.models() == []


async def test_new_cookies_do_not_wait_for_an_opening_with_the_old_ones(tmp_path: Path, tasks: Tasks) -> None:
    package = Hanging()
    keep(tmp_path, b="slow")
    async with running(tmp_path, {}, package=package, installed=HERE) as service, asyncio.timeout(10):
        waiting = tasks.spawn(service.webai.pages.opened("b"), "b")
        await package.begun.wait()
        keep(tmp_path, b="good")  # somebody else writes its file
        os.utime(tmp_path / "auth_profiles" / "webai-b.json", (1, 1))
        await service.webai.pages.look()
        assert (await service.chat("x")).status == 200 and package.asked[-1][0] == "good"
        with pytest.raises(Fault, match="called off"):
            await waiting


async def test_no_page_opens_with_the_old_cookies_while_new_ones_are_written(
    tmp_path: Path, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, writes, go = FakePackage(), threading.Event(), threading.Event()
    keep(tmp_path, b="good")
    async with running(tmp_path, {}, package=package, installed=HERE) as service, asyncio.timeout(10):
        pages = service.webai.pages
        save = pages.accounts.save

        def slow(name: str, cookies: Cookies) -> None:
            writes.set()
            go.wait(10)
            save(name, cookies)

        monkeypatch.setattr(pages.accounts, "save", slow)
        putting = tasks.spawn(pages.put("b", Cookies(secure_1psid=Secret("better"))), "put")
        await asyncio.to_thread(writes.wait, 10)
        opening = tasks.spawn(pages.opened("b"), "open")
        for _ in range(10):
            await asyncio.sleep(0)
        go.set()
        await putting
        assert (await opening).cookies.secure_1psid.reveal() == "better"
        assert [client.cookies_given.secure_1psid.reveal() for client in package.clients] == ["better"]
