"""What goes wrong on the page, and what a caller hears of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from router.faults import Fault
from services.aistudio.service import AIStudio, Told
from tests.services.aistudio.conftest import Start, ask, body, browsers, needs_browser, text, told
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser


async def refused(service: AIStudio, words: str) -> Fault:
    with pytest.raises(Fault) as caught:
        await ask(service, words)
    return caught.value


@pytest.mark.parametrize("tier", ["network", "dom", "final"])
@pytest.mark.parametrize(
    ("words", "kind", "status", "rests"),
    [
        ("QUOTA", "quota_spent", 429, True),
        ("FREE", "quota_spent", 429, True),
        ("RATE", "rate_limited", 429, True),
        ("MODELERROR", "upstream_broken", 502, False),
        ("TOAST", "upstream_broken", 502, False),
    ],
)
async def test_what_the_page_says_becomes_a_typed_error(
    start: Start, tier: str, words: str, kind: str, status: int, rests: bool
) -> None:
    async with start(tiers=[tier]) as service:
        fault = await refused(service, words)
        assert (fault.kind, fault.http_status) == (kind, status)
        assert (fault.retry_after is not None) is rests
        assert "AI Studio" in fault.message
        assert (service.status()["profiles"][0]["state"] == "limited") is rests
        if not rests:
            assert text(await ask(service, "next")) == "You said: next"


async def test_a_spent_account_gives_way_to_the_next_and_the_reason_is_shown(start: Start, studio: Studio) -> None:
    studio.spent = {"ann"}
    async with start("ann", "bob") as service:
        objects, about = await told(service, "hello")
        assert (text(objects), about.profile) == ("You said: hello", "bob")
        ann, bob = service.status()["profiles"]
        assert (ann["state"], bob["state"]) == ("limited", "ready")
        assert "quota" in ann["reason"]
        assert [each["account"] for each in studio.received] == ["ann", "bob"]
        studio.spent = {"ann", "bob"}
        fault = await refused(service, "hello")
        assert fault.http_status == 429
        assert fault.retry_after is not None


async def test_a_signed_out_account_is_shown_and_comes_back_with_a_new_session(start: Start, studio: Studio) -> None:
    studio.gone = {"ann"}
    async with start() as service:
        fault = await refused(service, "hello")
        assert (fault.code, fault.http_status) == ("needs_login", 502)
        assert service.status()["profiles"][0]["state"] == "needs_login"
        assert service.ready()
        studio.gone = set()
        service.profiles.save("ann", studio.storage_state("ann"))
        service.profiles.good("ann")
        assert text(await ask(service, "hello")) == "You said: hello"
        assert not service.ready()


async def test_a_session_that_ends_while_a_page_is_open_is_found_out(start: Start, studio: Studio) -> None:
    async with start() as service:
        await ask(service, "hello")
        studio.gone = {"ann"}
        assert (await refused(service, "again")).code == "needs_login"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("no-run", "Run button did not wake up"),
        ("silent-run", "did nothing when Run was pressed"),
        ("backdrop", "lies over"),
        ("model-stuck", "does not offer the model"),
    ],
)
async def test_a_broken_page_says_what_is_broken(start: Start, studio: Studio, fault: str, says: str) -> None:
    studio.faults = {fault}
    async with start(timeouts={"control": 0.7}) as service:
        with pytest.raises(Fault, match=says):
            await ask(service, "hello", "gemini-2.5-pro" if fault == "model-stuck" else "gemini-2.5-flash")


async def test_a_page_without_settings_answers_and_tells_what_was_not_set(start: Start, studio: Studio) -> None:
    studio.faults = {"no-settings"}
    async with start(timeouts={"control": 0.3}) as service:
        objects, about = await told(service, body("hello", generationConfig={"temperature": 0.1}))
        assert text(objects) == "You said: hello"
        assert "generationConfig.temperature (missing)" in about.notes


async def test_a_stalled_answer_ends_and_its_page_is_replaced(start: Start) -> None:
    async with start(timeouts={"idle": 0.5}) as service:
        about, seen = Told(), []
        with pytest.raises(Fault) as caught:
            async for each in service.stream("gemini-2.5-flash", body("STALL LONG 50"), about):
                seen += each["candidates"]
        assert seen
        assert (caught.value.kind, caught.value.http_status) == ("timeout", 504)
        assert text(await ask(service, "next")) == "You said: next"
        assert service.pool.recycled["page"] == 1


async def test_silence_before_the_answer_ends_too(start: Start) -> None:
    async with start(timeouts={"first": 0.5}) as service:
        assert (await refused(service, "FIRST 5000")).kind == "timeout"


async def test_a_page_that_crashes_fails_its_answer_at_once(start: Start) -> None:
    async with start() as service:
        answer = service.stream("gemini-2.5-flash", body("LONG 1000 GAP 20"), Told())
        await anext(answer)
        account = service.pool.accounts.open[0]
        crash = asyncio.get_running_loop().create_task(_crash(account.pages[0].page))
        started = time.monotonic()
        with pytest.raises(Fault, match="lost the AI Studio page"):
            async for _ in answer:
                pass
        assert time.monotonic() - started < 1.0
        crash.cancel()
        assert text(await ask(service, "next")) == "You said: next"


async def _crash(page: object) -> None:
    await page.goto("chrome://crash")  # type: ignore[attr-defined]


async def test_a_killed_browser_fails_its_answer_at_once_and_is_replaced(start: Start) -> None:
    async with start() as service:
        answer = service.stream("gemini-2.5-flash", body("LONG 1000 GAP 20"), Told())
        await anext(answer)
        started = time.monotonic()
        for pid in browsers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(Fault, match="lost the AI Studio page"):
            async for _ in answer:
                pass
        assert time.monotonic() - started < 1.0
        assert text(await ask(service, "next")) == "You said: next"
        assert service.status()["browser_starts"] == 2
        assert service.pool.recycled["crash"] == 1


async def test_a_browser_that_dies_before_the_answer_is_not_noticed_by_the_caller(start: Start, studio: Studio) -> None:
    async with start() as service:
        await ask(service, "warm")
        asking = asyncio.get_running_loop().create_task(ask(service, "FIRST 700 hello"))
        await studio.until(lambda: len(studio.received) == 2)
        for pid in browsers():
            os.kill(pid, signal.SIGKILL)
        assert text(await asking) == "You said: FIRST 700 hello"
