"""Accounts and secrets with the real gemini-webapi, before a stand-in of Gemini's web page: `make test-webai`."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from services.webai.gemini_package import CACHE
from tests.services.webai.running import Service, before, running
from tests.services.webai.test_main import config, process
from tests.simulators.webai.gemini_page import GeminiPage

pytest.importorskip("gemini_webapi")
pytestmark = pytest.mark.webai


async def test_wrong_cookies_are_refused_and_not_kept(real: Service, page: GeminiPage) -> None:
    page.account("psid-abroad", status=1060)
    assert (await real.put("b", "nobody")).json["error"]["code"] == "needs_login"
    assert (await real.put("b", "psid-a", "stale")).status == 401
    abroad = await real.put("b", "psid-abroad")
    assert abroad.status == 422 and "not offered" in abroad.json["error"]["message"]
    assert [each["name"] for each in (await real.ask("GET", "/v1/accounts")).json["accounts"]] == ["a"]


async def test_a_page_that_fails_at_the_start_is_said_at_once(tmp_path: Path, page: GeminiPage) -> None:
    page.rpc_status = 500
    async with running(tmp_path, before(page)) as service:
        found = await asyncio.wait_for(service.put("a", "psid-a"), 10)
        assert found.status == 502


async def test_the_page_is_asked_through_the_proxy_that_is_set(tmp_path: Path, page: GeminiPage) -> None:
    async with GeminiPage() as other:
        other.account("psid-a")
        for proxy, behind, beside in ((page, page, other), (other, other, page)):
            opened = beside.opened
            async with running(tmp_path, before(proxy)) as service:
                assert (await service.put("a", "psid-a")).status == 200
                await service.chat("x")
            assert behind.asked and beside.opened == opened


async def test_the_page_must_show_a_certificate_of_the_ca_that_is_set(tmp_path: Path, page: GeminiPage) -> None:
    async with GeminiPage() as other:
        for ca, status in ((other.ca, 502), (None, 502), (page.ca, 200)):
            async with running(tmp_path, before(page, ca=ca)) as service:
                found = await service.put("a", "psid-a")
                assert found.status == status
                assert (page.opened > 0) == (status == 200), "nothing is sent to whom it does not trust"


async def test_rotated_cookies_are_kept_and_used(tmp_path: Path, page: GeminiPage) -> None:
    now = [1_000_000.0]
    async with running(tmp_path, before(page), wall=lambda: now[0]) as service:
        await service.put("a", "psid-a")
        now[0] += 18 * 3600
        await service.webai.pages.look()
        assert page.accounts["psid-a"].psidts == "ts-rotated-1"
        assert (await service.chat("x")).status == 200
    async with running(tmp_path, before(page), wall=lambda: now[0]) as service:
        await service.webai.pages.look()
        assert (await service.chat("x")).status == 200
        page.rotate_status = 401
        now[0] += 18 * 3600
        await service.webai.pages.look()
        assert service.webai.accounts.health("a").state == "needs_login"


async def test_a_session_that_ends_is_said_with_what_to_do(real: Service, page: GeminiPage) -> None:
    page.accounts["psid-a"].psidts = "changed elsewhere"
    found = await real.chat("x")
    assert (found.status, found.json["error"]["code"]) == (401, "needs_login")
    assert "sign in to gemini.google.com" in found.json["error"]["message"]


async def test_an_account_that_is_signed_out_beside_a_good_one_is_told(real: Service, page: GeminiPage) -> None:
    page.account("psid-b")
    await real.put("b", "psid-b")
    assert real.webai.causes() == []
    page.accounts["psid-a"].psidts = "changed elsewhere"
    for _ in range(3):
        await real.chat("x")
    (cause,) = real.webai.causes()
    assert (cause.cause, cause.blocking) == ("needs_login", False)
    assert cause.text.startswith("a: ") and "switchyard login webai" in cause.text
    assert {each["name"]: each["state"] for each in real.webai.accounts.told()} == {"a": "needs_login", "b": "ready"}


async def test_two_accounts_do_not_mix(real: Service, page: GeminiPage) -> None:
    page.account("psid-b")
    await real.put("b", "psid-b")
    for _ in range(4):
        await real.chat("x")
    assert {each.account for each in page.asked} == {"psid-a", "psid-b"}
    pages = {each["name"]: each["state"] for each in (await real.ask("GET", "/v1/accounts")).json["accounts"]}
    assert pages == {"a": "ready", "b": "ready"}


async def test_the_package_leaves_no_cookie_on_the_disk(
    real: Service, page: GeminiPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await real.chat("x")
    folder = Path(os.environ[CACHE])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []
    assert not any(b"psid-a" in path.read_bytes() for path in tmp_path.rglob("*.json"))


async def test_a_browser_without_a_session_is_said(
    real: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("browser_cookie3")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = await real.ask("POST", "/v1/accounts/b/from-browser", {"browser": "firefox"})
    assert found.status == 422 and "firefox" in found.json["error"]["message"]


async def test_no_browser_is_read_unasked(tmp_path: Path, page: GeminiPage, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = pytest.importorskip("browser_cookie3")
    read = []
    for name in ("firefox", "chrome", "chromium"):
        monkeypatch.setattr(cookies, name, lambda **given: read.append(given))
    async with running(tmp_path, before(page)) as service:
        await service.put("a", "psid-a")
        await service.put("b", "wrong")
    assert read == []


async def test_the_process_finishes_an_open_answer_before_it_ends(tmp_path: Path, page: GeminiPage) -> None:
    path = config(tmp_path, more=f", gemini: {{proxy: '{page.proxy}', ca: '{page.ca}'}}")
    async with process(path) as (service, port, _), aiohttp.ClientSession() as session:
        url, headers = f"http://127.0.0.1:{port}", {"authorization": "Bearer sk-service"}
        cookies = {"secure_1psid": "psid-a", "secure_1psidts": "ts-1"}
        async with session.put(f"{url}/v1/accounts/a", json=cookies, headers=headers) as response:
            assert response.status == 200
        body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "LONG 60 GAP 20"}]}
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as response:
            first = await response.content.readany()
            service.send_signal(signal.SIGTERM)
            whole = first + await response.read()
        assert whole.endswith(b"data: [DONE]\n\n")
        assert await asyncio.wait_for(service.wait(), 20) == 0


async def test_no_cookie_is_said_or_written_anywhere(
    tmp_path: Path, page: GeminiPage, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level of the log, through answers, errors, a rotation and refusals."""
    caplog.set_level("DEBUG")
    planted = ("g.a000planted-first-cookie", "sidts-planted-second-cookie", "planted-wrong-cookie")
    page.account(planted[0], planted[1])
    now = [1_000_000.0]
    said: list[bytes] = []
    quick = {**before(page), "timeouts": {"first": 20, "idle": 1}}
    async with running(tmp_path, quick, wall=lambda: now[0]) as service:
        said.append((await service.put("a", planted[0], planted[1])).body)
        said.append((await service.put("b", planted[2])).body)
        for prompt in ("Hello IMAGE", "STATUS 500", "EMPTY", "ERROR 1052", "CUT", "STATUS 401"):
            found = await service.chat(prompt, stream=True, conversation_id="new")
            said += [found.body, repr(found.headers).encode()]
        now[0] += 18 * 3600
        await service.put("a", planted[0], planted[1])
        now[0] += 18 * 3600
        await service.webai.look()
        for path in ("/readyz", "/v1/accounts", "/v1/models"):
            said.append((await service.ask("GET", path)).body)
        said.append(repr([service.webai.settings, service.webai.accounts.load("a")]).encode())
        said += [path.read_bytes() for path in Path(os.environ[CACHE]).rglob("*") if path.is_file()]
    assert page.accounts[planted[0]].rotations == 1
    said += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key"]
    said.append(caplog.text.encode())
    assert len(caplog.records) > 20, "the log was listened to"
    for secret in (*planted, "ts-rotated-1"):
        assert not any(secret.encode() in each for each in said), secret
