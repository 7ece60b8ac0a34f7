"""The service with the real gemini-webapi, before a stand-in of Gemini's web page: `make test-webai`."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from services.webai import gemini_package
from tests.services.webai.running import KEY, Service, before, running
from tests.simulators.webai.gemini_page import PICTURE, WORD, GeminiPage

pytest.importorskip("gemini_webapi")
pytestmark = pytest.mark.webai


async def test_the_page_answers_and_offers_its_models(real: Service, page: GeminiPage) -> None:
    found = await real.chat("Hello 😀 there", model="gemini-2-flash")
    assert found.text == "Hello 😀 there"
    assert found.headers["x-webai-served-by"] == "gemini-web/a"
    assert "the page calls it gemini-flash" in found.headers["x-webai-notes"]
    asked = page.asked[-1]
    assert (asked.account, asked.model, asked.temporary) == ("psid-a", "fbb127bbb056c959", True)
    listed = (await real.ask("GET", "/v1/models")).json["data"]
    assert [each["id"] for each in listed] == ["gemini-web", "gemini-flash", "gemini-pro"]
    await real.chat("x", model="gemini-web")
    assert page.asked[-1].model is None
    assert (await real.chat("x", model="gemini-ultra-nope")).status == 404


async def test_it_says_who_asks_and_imitates_no_browser(real: Service, page: GeminiPage) -> None:
    await real.chat("x")
    assert page.asked[-1].agent == "switchyard-webai"


async def test_snapshots_are_streamed_as_what_is_new(real: Service) -> None:
    found = await real.chat("LONG 40 GAP 1 THINK", stream=True)
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
async def test_odd_texts_come_whole_however_they_come(real: Service, steps: list[str]) -> None:
    for stream in (True, False):
        found = await real.chat(f"SAY {json.dumps(steps)}", stream=stream)
        assert found.text == steps[-1]


async def test_a_rewritten_text_is_exact_unstreamed_and_told_streamed(real: Service) -> None:
    prompt = f"SAY {json.dumps(['The first draft of it', 'Another draft of it, longer than before'])}"
    assert (await real.chat(prompt)).text == "Another draft of it, longer than before"
    streamed = await real.chat(prompt, stream=True)
    assert streamed.done and streamed.chunks[-1]["webai_notes"]


async def test_a_chat_goes_on_where_it_was(real: Service, page: GeminiPage) -> None:
    first = (await real.chat("One", conversation_id="new")).json
    assert page.asked[-1].temporary is False
    going = await real.chat("Two", conversation_id=first["conversation_id"])
    assert going.text == "Two"
    assert page.asked[-1].chat[:2] == ["c_1", "r_1"] and page.asked[-1].chat[9] == "context-r_1"


async def test_files_are_uploaded_with_their_names_and_types(real: Service, page: GeminiPage) -> None:
    parts = [{"type": "text", "text": "What?"}]
    for data, mime in ((PICTURE, "image/png"), (b"%PDF-1.7 x", "application/pdf")):
        url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
        parts.append({"type": "file", "file": {"file_data": url}})  # type: ignore[dict-item]
    assert (await real.chat(parts)).text == "What?"
    assert sorted((each.name, each.mime, each.data) for each in page.uploaded) == [
        ("file-1.png", "image/png", PICTURE),
        ("file-2.pdf", "application/pdf", b"%PDF-1.7 x"),
    ]
    assert [name for _, name in page.asked[-1].files] == ["file-1.png", "file-2.pdf"]


async def test_pictures_come_with_the_answer(real: Service) -> None:
    message = (await real.chat("IMAGE FOUND please")).json["choices"][0]["message"]
    found, made = (each["image_url"]["url"] for each in message["images"])
    assert found == "https://example.org/found.png"
    assert base64.b64decode(made.partition(",")[2]) == PICTURE
    streamed = await real.chat("IMAGE please", stream=True)
    assert any("images" in each["choices"][0]["delta"] for each in streamed.chunks if each["choices"])


@pytest.mark.parametrize(
    ("prompt", "status", "state"),
    [
        ("ERROR 1037", 429, "ready"),
        ("ERROR 1060", 429, "limited"),
        ("ERROR 1052", 404, "ready"),
        ("STATUS 429", 429, "limited"),
        ("STATUS 401", 401, "needs_login"),
        ("STATUS 500", 502, "ready"),
        ("EMPTY", 502, "ready"),
    ],
)
async def test_errors_of_the_page_keep_their_meaning(real: Service, prompt: str, status: int, state: str) -> None:
    found = await real.chat(prompt, stream=True)
    assert found.status == status
    assert real.webai.accounts.health("a").state == state
    assert ("retry-after" in found.headers) == (status == 429)
    assert ("gemini-flash" in real.webai.accounts.listed()[0]["resting"]) == (prompt == "ERROR 1037")


async def test_one_bad_status_is_repaired_with_a_new_session(real: Service, page: GeminiPage) -> None:
    opened = page.opened
    page.statuses = [500]
    assert (await real.chat("Fine")).text == "Fine"
    assert page.opened == opened + 1


async def test_a_call_that_fails_does_not_cut_another_one(real: Service, page: GeminiPage) -> None:
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(real.chat("LONG 60 GAP 20", stream=True))
        await page.until(lambda: page.running == 1)
        failed = group.create_task(real.chat("STATUS 500"))
    assert failed.result().status == 502
    assert slow.result().done and slow.result().text == WORD * 60


async def test_side_calls_that_fail_cost_no_answer(
    real: Service, page: GeminiPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemini_package, "_SIDE_CALLS", 0.0)
    before = len(page.calls)
    assert (await real.chat("x")).status == 200
    assert len(page.calls) > before
    page.rpc_status = 500
    assert (await real.chat("One")).text == "One"
    page.rpc_status = 200
    assert (await real.chat("Two")).text == "Two"


async def test_an_answer_makes_few_side_calls(real: Service, page: GeminiPage) -> None:
    before = len(page.calls)
    for _ in range(5):
        await real.chat("x")
    assert len(page.calls) - before <= 1


async def test_a_caller_that_leaves_ends_the_page_s_answer(real: Service, page: GeminiPage) -> None:
    body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "LONG 5000 GAP 20"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    async with real.session.post(f"{real.url}/v1/chat/completions", json=body, headers=headers) as response:
        await response.content.readany()
    await page.until(lambda: page.stopped == 1)
    assert (await real.chat("Fine")).text == "Fine"


async def test_silence_is_cut_and_leaves_nothing_running(tmp_path: Path, page: GeminiPage) -> None:
    page.account("psid-a")
    async with running(tmp_path, {**before(page), "timeouts": {"first": 1, "idle": 1}}) as service:
        await service.put("a", "psid-a")
        found = await asyncio.wait_for(service.chat("SILENT"), 10)
        assert found.status == 504
        await page.until(lambda: page.stopped == 1)
        cut = await asyncio.wait_for(service.chat('SAY ["One two three four five", ""] GAP 60000', stream=True), 10)
        assert not cut.done and cut.text == "One two three four "
        await page.until(lambda: page.stopped == 2)
        assert page.running == 0


async def test_an_answer_that_is_cut_is_an_error_and_no_success(tmp_path: Path, page: GeminiPage) -> None:
    async with running(tmp_path, {**before(page), "timeouts": {"first": 20, "idle": 1}}) as service:
        await service.put("a", "psid-a")
        cut = await asyncio.wait_for(service.chat("LONG 20 CUT", stream=True), 15)
        assert cut.text and not cut.done and "error" in cut.chunks[-1]
        assert (await asyncio.wait_for(service.chat("LONG 20 CUT"), 15)).status == 504
        assert (await service.chat("Fine")).text == "Fine"
