"""The service with the real gemini-webapi, before a stand-in of Gemini's web page: `make test-webai`."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from services.webai.gemini_package import CACHE
from tests.services.webai.running import Service, running
from tests.services.webai.test_main import config, process
from tests.simulators.webai.gemini_page import PICTURE, WORD, GeminiPage

pytest.importorskip("gemini_webapi")
pytestmark = pytest.mark.webai


@pytest.fixture
async def page() -> AsyncIterator[GeminiPage]:
    async with GeminiPage() as found:
        found.account("psid-a")
        yield found


def block(page: GeminiPage, **gemini: object) -> dict[str, object]:
    return {"gemini": {"proxy": page.proxy, "ca": page.ca, **gemini}, "timeouts": {"first": 20, "idle": 20}}


@pytest.fixture
async def service(tmp_path: Path, page: GeminiPage) -> AsyncIterator[Service]:
    async with running(tmp_path, block(page)) as found:
        assert (await found.put("a", "psid-a")).json == {"name": "a", "state": "ready"}
        yield found


async def test_the_page_answers_and_offers_its_models(service: Service, page: GeminiPage) -> None:
    found = await service.chat("Hello 😀 there", model="gemini-2-flash")
    assert found.text == "Hello 😀 there"
    assert found.headers["x-webai-served-by"] == "gemini-web/a"
    assert "the page calls it gemini-flash" in found.headers["x-webai-notes"]
    asked = page.asked[-1]
    assert (asked.account, asked.model, asked.temporary) == ("psid-a", "fbb127bbb056c959", True)
    listed = (await service.ask("GET", "/v1/models")).json["data"]
    assert [each["id"] for each in listed] == ["gemini-web", "gemini-flash", "gemini-pro"]
    await service.chat("x", model="gemini-web")
    assert page.asked[-1].model is None
    assert (await service.chat("x", model="gemini-ultra-nope")).status == 404


async def test_it_says_who_asks_and_imitates_no_browser(service: Service, page: GeminiPage) -> None:
    await service.chat("x")
    assert page.asked[-1].agent == "switchyard-webai"


async def test_snapshots_are_streamed_as_what_is_new(service: Service) -> None:
    found = await service.chat("LONG 40 GAP 1 THINK", stream=True)
    assert found.done and found.text == WORD * 40
    deltas = [each["choices"][0]["delta"] for each in found.chunks if each["choices"]]
    assert sum("content" in delta for delta in deltas) > 10
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "I think about it."


@pytest.mark.parametrize(
    "steps",
    [
        ["```py\nprint(1)\n```", "```py\nprint(1)\nprint(2)\n```", "```py\nprint(1)\nprint(2)\n```\nDone."],
        ["😀", "😀😀 emoji", '😀😀 emoji and ]],"model"] in it', '😀😀 emoji and ]],"model"] in it, done'],
        ["It is \\*ve", "It is *very* good"],
    ],
)
async def test_odd_texts_come_whole_however_they_come(service: Service, steps: list[str]) -> None:
    for stream in (True, False):
        found = await service.chat(f"SAY {json.dumps(steps)}", stream=stream)
        assert found.text == steps[-1]


async def test_a_rewritten_text_is_exact_unstreamed_and_told_streamed(service: Service) -> None:
    prompt = f"SAY {json.dumps(['The first draft of it', 'Another draft of it, longer than before'])}"
    assert (await service.chat(prompt)).text == "Another draft of it, longer than before"
    streamed = await service.chat(prompt, stream=True)
    assert streamed.done and streamed.chunks[-1]["webai_notes"]


async def test_a_chat_goes_on_where_it_was(service: Service, page: GeminiPage) -> None:
    first = (await service.chat("One", conversation_id="new")).json
    assert page.asked[-1].temporary is False
    going = await service.chat("Two", conversation_id=first["conversation_id"])
    assert going.text == "Two"
    assert page.asked[-1].chat[:2] == ["c_1", "r_1"] and page.asked[-1].chat[9] == "context-r_1"


async def test_files_are_uploaded_with_their_names_and_types(service: Service, page: GeminiPage) -> None:
    parts = [{"type": "text", "text": "What?"}]
    for data, mime in ((PICTURE, "image/png"), (b"%PDF-1.7 x", "application/pdf")):
        url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
        parts.append({"type": "file", "file": {"file_data": url}})  # type: ignore[dict-item]
    assert (await service.chat(parts)).text == "What?"
    assert sorted((each.name, each.mime, each.data) for each in page.uploaded) == [
        ("file-1.png", "image/png", PICTURE),
        ("file-2.pdf", "application/pdf", b"%PDF-1.7 x"),
    ]
    assert [name for _, name in page.asked[-1].files] == ["file-1.png", "file-2.pdf"]


async def test_pictures_come_with_the_answer(service: Service) -> None:
    message = (await service.chat("IMAGE FOUND please")).json["choices"][0]["message"]
    found, made = (each["image_url"]["url"] for each in message["images"])
    assert found == "https://example.org/found.png"
    assert base64.b64decode(made.partition(",")[2]) == PICTURE
    streamed = await service.chat("IMAGE please", stream=True)
    assert any("images" in each["choices"][0]["delta"] for each in streamed.chunks if each["choices"])


@pytest.mark.parametrize(
    ("prompt", "status", "state"),
    [
        ("ERROR 1037", 429, "limited"),
        ("ERROR 1060", 429, "limited"),
        ("ERROR 1052", 404, "ready"),
        ("STATUS 429", 429, "limited"),
        ("STATUS 401", 401, "needs_login"),
        ("STATUS 500", 502, "ready"),
        ("EMPTY", 502, "ready"),
    ],
)
async def test_errors_of_the_page_keep_their_meaning(service: Service, prompt: str, status: int, state: str) -> None:
    found = await service.chat(prompt, stream=True)
    assert found.status == status
    assert service.webai.accounts.health("a").state == state
    assert ("retry-after" in found.headers) == (status == 429)


async def test_one_bad_status_is_repaired_with_a_new_session(service: Service, page: GeminiPage) -> None:
    opened = page.opened
    page.statuses = [500]
    assert (await service.chat("Fine")).text == "Fine"
    assert page.opened == opened + 1


async def test_a_call_that_fails_does_not_cut_another_one(service: Service, page: GeminiPage) -> None:
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(service.chat("LONG 60 GAP 20", stream=True))
        await page.until(lambda: page.running == 1)
        failed = group.create_task(service.chat("STATUS 500"))
    assert failed.result().status == 502
    assert slow.result().done and slow.result().text == WORD * 60


async def test_side_calls_that_fail_cost_no_answer(service: Service, page: GeminiPage) -> None:
    page.rpc_status = 500
    for text in ("One", "Two"):
        assert (await service.chat(text)).status in (200, 502, 503)
    page.rpc_status = 200
    await service.webai.pages.look()


async def test_an_answer_makes_few_side_calls(service: Service, page: GeminiPage) -> None:
    before = len(page.calls)
    for _ in range(5):
        await service.chat("x")
    assert len(page.calls) - before <= 1


async def test_a_caller_that_leaves_ends_the_page_s_answer(service: Service, page: GeminiPage) -> None:
    body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "LONG 5000 GAP 20"}]}
    headers = {"authorization": "Bearer sk-service-of-the-tests"}
    async with service.session.post(f"{service.url}/v1/chat/completions", json=body, headers=headers) as response:
        await response.content.readany()
    await page.until(lambda: page.stopped == 1)
    assert (await service.chat("Fine")).text == "Fine"


async def test_silence_is_cut_and_leaves_nothing_running(tmp_path: Path, page: GeminiPage) -> None:
    page.account("psid-a")
    async with running(tmp_path, {**block(page), "timeouts": {"first": 1, "idle": 1}}) as service:
        await service.put("a", "psid-a")
        found = await asyncio.wait_for(service.chat("SILENT"), 10)
        assert found.status == 504
        await page.until(lambda: page.stopped == 1)
        cut = await asyncio.wait_for(service.chat('SAY ["One two three four five", ""] GAP 60000', stream=True), 10)
        assert not cut.done and cut.text == "One two three four "
        await page.until(lambda: page.stopped == 2)
        assert page.running == 0


async def test_an_answer_that_is_cut_is_an_error_and_no_success(tmp_path: Path, page: GeminiPage) -> None:
    async with running(tmp_path, {**block(page), "timeouts": {"first": 20, "idle": 1}}) as service:
        await service.put("a", "psid-a")
        cut = await asyncio.wait_for(service.chat("LONG 20 CUT", stream=True), 15)
        assert cut.text and not cut.done and "error" in cut.chunks[-1]
        assert (await asyncio.wait_for(service.chat("LONG 20 CUT"), 15)).status == 504
        assert (await service.chat("Fine")).text == "Fine"


async def test_wrong_cookies_are_refused_and_not_kept(service: Service, page: GeminiPage) -> None:
    page.account("psid-abroad", status=1060)
    assert (await service.put("b", "nobody")).json["error"]["code"] == "needs_login"
    assert (await service.put("b", "psid-a", "stale")).status == 401
    abroad = await service.put("b", "psid-abroad")
    assert abroad.status == 422 and "not offered" in abroad.json["error"]["message"]
    assert [each["name"] for each in (await service.ask("GET", "/v1/accounts")).json["accounts"]] == ["a"]


async def test_a_page_that_fails_at_the_start_is_said_at_once(tmp_path: Path, page: GeminiPage) -> None:
    page.rpc_status = 500
    async with running(tmp_path, block(page)) as service:
        found = await asyncio.wait_for(service.put("a", "psid-a"), 10)
        assert found.status == 502


async def test_rotated_cookies_are_kept_and_used(tmp_path: Path, page: GeminiPage) -> None:
    now = [1_000_000.0]
    async with running(tmp_path, block(page), wall=lambda: now[0]) as service:
        await service.put("a", "psid-a")
        now[0] += 18 * 3600
        await service.webai.pages.look()
        assert page.accounts["psid-a"].psidts == "ts-rotated-1"
        assert (await service.chat("x")).status == 200
    async with running(tmp_path, block(page), wall=lambda: now[0]) as service:
        await service.webai.pages.look()
        assert (await service.chat("x")).status == 200
        page.rotate_status = 401
        now[0] += 18 * 3600
        await service.webai.pages.look()
        assert service.webai.accounts.health("a").state == "needs_login"


async def test_a_session_that_ends_is_said_with_what_to_do(service: Service, page: GeminiPage) -> None:
    page.accounts["psid-a"].psidts = "changed elsewhere"
    found = await service.chat("x")
    assert (found.status, found.json["error"]["code"]) == (401, "needs_login")
    assert "sign in to gemini.google.com" in found.json["error"]["message"]


async def test_two_accounts_do_not_mix(service: Service, page: GeminiPage) -> None:
    page.account("psid-b")
    await service.put("b", "psid-b")
    for _ in range(4):
        await service.chat("x")
    assert {each.account for each in page.asked} == {"psid-a", "psid-b"}
    pages = {each["name"]: each["state"] for each in (await service.ask("GET", "/v1/accounts")).json["accounts"]}
    assert pages == {"a": "ready", "b": "ready"}


async def test_the_package_leaves_no_cookie_on_the_disk(
    service: Service, page: GeminiPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.chat("x")
    folder = Path(os.environ[CACHE])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []
    assert not any(b"psid-a" in path.read_bytes() for path in tmp_path.rglob("*.json"))


async def test_a_browser_without_a_session_is_said(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("browser_cookie3")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = await service.ask("POST", "/v1/accounts/b/from-browser", {"browser": "firefox"})
    assert found.status == 422 and "firefox" in found.json["error"]["message"]


async def test_no_browser_is_read_unasked(tmp_path: Path, page: GeminiPage, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = pytest.importorskip("browser_cookie3")
    read = []
    for name in ("firefox", "chrome", "chromium"):
        monkeypatch.setattr(cookies, name, lambda **given: read.append(given))
    async with running(tmp_path, block(page)) as service:
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
    quick = {**block(page), "timeouts": {"first": 20, "idle": 1}}
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
