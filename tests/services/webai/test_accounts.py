"""The accounts of Gemini's page over HTTP, with a stand-in of the package: proof, keeping, rotation, rest."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from router.relay.announced import within
from router.secret import Secret
from router.tasks import Tasks
from router.vault.profiles import ProfileFiles
from services.webai.settings import Cookies
from tests.services.webai.running import HERE, FakePackage, Service, running


async def test_accounts_take_turns_and_one_that_rests_is_left_out(service: Service, package: FakePackage) -> None:
    await service.put("second", "better")
    for _ in range(4):
        await service.chat("x")
    assert {psid for psid, _ in package.asked} == {"good", "better"}
    limited = type("APIError", (Exception,), {})("Failed to generate contents. Status: 429")
    package.answers = [[limited], ["Fine"]]
    assert (await service.chat("x")).text == "Fine"
    rested = [each for each in (await service.ask("GET", "/v1/accounts")).json["accounts"] if each["until"]]
    assert [each["state"] for each in rested] == ["limited"]
    package.answers = [[limited]]
    found = await service.chat("x")
    assert found.status == 429 and 800 < int(found.headers["retry-after"]) <= 900
    assert (await service.ask("GET", "/readyz")).status == 503


async def test_a_limit_of_one_model_rests_that_model_of_that_account_alone(
    tmp_path: Path, package: FakePackage
) -> None:
    now, limited = [1_000_000.0], type("UsageLimitExceededError", (Exception,), {})()
    async with running(tmp_path, {}, package=package, installed=HERE, wall=lambda: now[0]) as service:
        await service.put("work", "good")
        package.answers = [[limited]]
        assert (await service.chat("x", model="gemini-pro")).status == 429
        now[0] += 100
        again = await service.chat("x", model="gemini-pro")
        assert (again.status, again.headers["retry-after"]) == (429, "800") and len(package.asked) == 1
        assert "work rests for gemini-pro" in again.json["error"]["message"]
        assert (await service.chat("x", model="gemini-flash")).text == "x"
        ready = await service.ask("GET", "/readyz")
        assert (
            ready.status == 200
            and ready.json["accounts"] == (await service.ask("GET", "/v1/accounts")).json["accounts"]
        )
        cause = "gemini-pro: The limit of this account for this model is reached."
        resting = {"gemini-pro": {"until": 1_000_900.0, "reason": cause.partition(": ")[2]}}
        assert ready.json["accounts"] == [
            {"name": "work", "state": "ready", "until": None, "reason": cause, "resting": resting}
        ]
        assert within(ready.json["accounts"]) == within(service.webai.accounts.told())
        assert within(ready.json["accounts"])[0].cause == cause
        package.answers = [[limited]]
        assert (await service.chat("x", model="gemini-flash")).status == 429
        spent = await service.ask("GET", "/readyz")
        assert spent.status == 200 and spent.json["causes"][0]["cause"] == "limited"
        assert "gemini-flash: The limit" in spent.json["causes"][0]["text"]
        assert not spent.json["causes"][0]["restart_helps"]
        await service.put("second", "better")
        assert (await service.chat("x", model="gemini-pro")).headers["x-webai-served-by"] == "gemini-web/second"
        now[0] += 900
        assert service.webai.accounts.listed()[1]["resting"] == {}
        assert service.webai.accounts.told()[1] == {"name": "work", "state": "ready", "cause": ""}


async def test_new_cookies_end_the_rest_of_a_model(service: Service, package: FakePackage) -> None:
    package.answers = [[type("UsageLimitExceededError", (Exception,), {})()]]
    assert (await service.chat("x")).status == 429
    await service.put("work", "better")
    assert (await service.chat("x")).status == 200


async def test_a_session_that_ends_needs_a_new_login(service: Service, package: FakePackage) -> None:
    package.answers = [[type("AuthError", (Exception,), {})()]]
    found = await service.chat("x")
    assert (found.status, found.json["error"]["code"]) == (401, "needs_login")
    ready = await service.ask("GET", "/readyz")
    assert ready.status == 503
    assert ready.json["accounts"][0]["state"] == "needs_login"
    assert ready.json["causes"][0]["cause"] == "no_account" and not ready.json["causes"][0]["restart_helps"]
    assert (await service.put("work", "better")).json == {"name": "work", "state": "ready"}
    assert (await service.ask("GET", "/readyz")).status == 200
    assert (await service.chat("x")).status == 200


async def test_cookies_are_proved_before_they_are_kept_and_kept_encrypted(
    service: Service, package: FakePackage, tmp_path: Path
) -> None:
    bad = await service.put("other", "wrong")
    assert (bad.status, bad.json["error"]["code"]) == (401, "needs_login")
    package.opening = TimeoutError()
    assert (await service.put("other", "good")).status == 504
    assert [each["name"] for each in (await service.ask("GET", "/v1/accounts")).json["accounts"]] == ["work"]
    for body in ({}, {"secure_1psid": 5}, {"secure_1psid": "a; b"}, {"secure_1psid": "a", "extra": 1}):
        assert (await service.ask("PUT", "/v1/accounts/other", body)).status == 400
    assert (await service.put("Odd%20Name", "good")).status == 400
    held = (tmp_path / "auth_profiles" / "webai-work.json").read_bytes()
    assert b"sealed" in held and b"good" not in held
    assert (tmp_path / "auth_profiles" / "webai-work.json").stat().st_mode & 0o777 == 0o600


async def test_an_account_can_be_forgotten(service: Service, tmp_path: Path) -> None:
    assert (await service.ask("DELETE", "/v1/accounts/work")).json == {"name": "work", "removed": True}
    assert not (tmp_path / "auth_profiles" / "webai-work.json").exists()
    assert (await service.ask("DELETE", "/v1/accounts/work")).status == 404
    assert (await service.chat("x")).status == 401


async def test_accounts_come_from_settings_and_from_files_and_wrong_ones_are_not_tried_again(
    tmp_path: Path, package: FakePackage
) -> None:
    state = {"cookies": {"__Secure-1PSID": "better", "__Secure-1PSIDTS": "x"}, "provider": "webai"}
    (tmp_path / "auth_profiles").mkdir()
    (tmp_path / "auth_profiles" / "webai-default.json").write_text(json.dumps(state))
    accounts = {"a": {"secure_1psid": "good"}, "b": {"secure_1psid": "wrong"}}
    async with running(tmp_path, {"gemini": {"accounts": accounts}}, package=package, installed=HERE) as service:
        await service.webai.pages.look()
        listed = (await service.ask("GET", "/v1/accounts")).json["accounts"]
        assert {each["name"]: each["state"] for each in listed} == {"a": "ready", "default": "ready"}
        clients = len(package.clients)
        await service.webai.pages.look()
        assert len(package.clients) == clients


async def test_a_file_that_somebody_else_writes_is_taken_in(
    service: Service, package: FakePackage, tmp_path: Path
) -> None:
    package.valid = {"newer"}
    ProfileFiles(tmp_path / "auth_profiles", None).write(
        "webai-work", json.dumps([{"name": "__Secure-1PSID", "value": "newer", "domain": ".google.com"}]).encode()
    )
    await service.webai.pages.look()
    await service.chat("x")
    assert package.asked[-1][0] == "newer"


async def test_cookies_are_rotated_six_hours_before_their_end_and_kept(tmp_path: Path, package: FakePackage) -> None:
    now = [1_000_000.0]
    async with running(tmp_path, {}, package=package, installed=HERE, wall=lambda: now[0]) as service:
        await service.put("a", "good")
        now[0] += 18 * 3600 - 1
        await service.webai.pages.look()
        assert package.rotations == 0
        now[0] += 1
        package.rotating = TimeoutError()
        await service.webai.pages.look()
        package.rotating = None
        await service.webai.pages.look()
        assert package.rotations == 0, "after a failure it waits"
        now[0] += 1800
        await service.webai.pages.look()
        assert package.rotations == 1
        assert service.webai.accounts.load("a").cookies.secure_1psidts.reveal() == "ts-rotated-1"
        await service.webai.pages.look()
        assert package.rotations == 1
        now[0] += 18 * 3600
        package.rotating = type("AuthError", (Exception,), {})()
        await service.webai.pages.look()
        assert service.webai.accounts.health("a").state == "needs_login"


async def test_newer_cookies_in_the_settings_replace_those_that_are_kept(tmp_path: Path, package: FakePackage) -> None:
    def block(psid: str, psidts: str) -> dict[str, Any]:
        return {"gemini": {"accounts": {"a": {"secure_1psid": psid, "secure_1psidts": psidts}}}}

    def kept(service: Service) -> tuple[str, str]:
        cookies = service.webai.accounts.load("a").cookies
        return cookies.secure_1psid.reveal(), cookies.secure_1psidts.reveal()

    package.renewed = "renewed"
    async with running(tmp_path, block("good", "old"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("good", "renewed")
    async with running(tmp_path, block("good", "old"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("good", "renewed"), "of the same sign-in, what was renewed is newer"
    package.renewed = ""
    async with running(tmp_path, block("better", "new"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("better", "new")


async def test_renewed_cookies_that_cannot_be_written_cost_no_answer(
    service: Service, package: FakePackage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(name: str, cookies: object) -> None:
        raise OSError(28, "No space left on device")

    package.renewed = "renewed on the way"
    monkeypatch.setattr(service.webai.accounts, "save", full)
    assert (await service.chat("x")).status == 200
    assert "cannot be written" in caplog.text and "renewed on the way" not in caplog.text
    assert (await service.put("other", "better")).status == 500


async def test_a_browser_is_named_by_those_who_ask(service: Service) -> None:
    for body in ({}, {"browser": 5}, {"browser": "netscape"}):
        assert (await service.ask("POST", "/v1/accounts/b/from-browser", body)).status == 400


async def test_an_answer_that_outlives_its_account_does_not_bring_it_back(
    service: Service, package: FakePackage, tasks: Tasks
) -> None:
    go = asyncio.Event()
    package.answers = [["One", go, "One two"]]
    slow = tasks.spawn(service.chat("slow"), "slow")
    while not package.asked:
        await asyncio.sleep(0)
    package.renewed = "renewed on the way"
    await service.webai.pages.remove("work")
    go.set()
    assert (await slow).text == "One two"
    assert service.webai.accounts.names() == []


async def test_who_leaves_while_new_cookies_are_kept_leaves_the_old_ones_renewed(
    service: Service, package: FakePackage, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.chat("x")
    saving, go, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def slow(name: str, cookies: object) -> None:
        loop.call_soon_threadsafe(saving.set)
        go.wait(30)

    with monkeypatch.context() as patch:
        patch.setattr(service.webai.accounts, "save", slow)
        put = tasks.spawn(service.webai.pages.put("work", Cookies(secure_1psid=Secret("better"))), "put")
        async with asyncio.timeout(30):
            await saving.wait()
        put.cancel()
        await asyncio.wait([put])
        go.set()
    package.renewed = "renewed"
    await service.chat("x")
    cookies = service.webai.accounts.load("work").cookies
    assert (cookies.secure_1psid.reveal(), cookies.secure_1psidts.reveal()) == ("good", "renewed")


async def test_an_answer_goes_on_while_its_account_gets_new_cookies(
    service: Service, package: FakePackage, tasks: Tasks
) -> None:
    go = asyncio.Event()
    package.answers = [["One", go, "One two"]]
    slow = tasks.spawn(service.chat("slow"), "slow")
    while not package.asked:
        await asyncio.sleep(0)
    assert (await service.put("work", "better")).status == 200
    assert not package.clients[0].closed
    package.renewed = "of the old ones"
    go.set()
    assert (await slow).text == "One two"
    assert package.clients[0].closed
    assert service.webai.accounts.load("work").cookies.secure_1psid.reveal() == "better"
    package.renewed = ""
    await service.chat("x")
    assert package.asked[-1][0] == "better"
