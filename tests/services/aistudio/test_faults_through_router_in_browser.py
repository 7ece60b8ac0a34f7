"""What goes wrong in the browser, as callers of every dialect hear of it through the router."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.aistudio.service import AIStudio
from tests.router.api.harness import DIALECTS, Answer, ask, error_text
from tests.router.api.relaying import Relayed as RouterSide
from tests.router.api.relaying import relayed
from tests.services.aistudio.conftest import Start, browsers, needs_browser
from tests.services.aistudio.test_whole_way_in_browser import MODEL, connected
from tests.simulators import Upstream
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser
ENDS = {"chat": b"[DONE]", "responses": b"response.completed", "messages": b"message_stop", "gemini": b"finishReason"}
"""What an answer of a dialect holds only when it is whole."""


@asynccontextmanager
async def whole(start: Start, folder: Path, **changes: Any) -> AsyncIterator[tuple[RouterSide, AIStudio]]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())
        side = await stack.enter_async_context(relayed(upstream, folder, {"retry": {"max_attempts": 1}}))
        service = await stack.enter_async_context(start(**changes))
        await stack.enter_async_context(connected(side, service))
        yield side, service


async def streamed(side: RouterSide, dialect: str, text: str, begun: asyncio.Event | None = None) -> Answer:
    path, body = ask(dialect, MODEL, text, stream=True)
    async with side.router.open(path, body) as response:
        first = await response.content.readany()
        if begun is not None:
            begun.set()
        return Answer(response.status, response.headers.copy(), first + await response.content.read())


def broken_off(dialect: str, answer: Answer) -> str:
    """The error at the end of a stream that had begun."""
    assert answer.status == 200
    assert answer.text, "nothing of the answer came before the error"
    last = answer.frames[-1][1]
    last = last.get("response", last)
    assert ENDS[dialect] not in answer.body
    error = last["error"]
    return str(error["message"])


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_spent_quota_is_429_with_a_time(start: Start, studio: Studio, tmp_path: Path, dialect: str) -> None:
    async with whole(start, tmp_path) as (side, _):
        answers = [await side.router.ask(dialect, MODEL, "QUOTA", stream=stream) for stream in (True, False)]
        for answer in answers:
            assert answer.status == 429, answer.body
            assert int(answer.headers["retry-after"]) > 60
            assert "exceeded quota" in error_text(dialect, answer.json)
        assert len(studio.received) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_page_that_stalls_is_a_timeout_and_no_short_answer(start: Start, tmp_path: Path, dialect: str) -> None:
    async with whole(start, tmp_path, timeouts={"idle": 0.5, "first": 0.5}) as (side, _):
        assert "stopped in the middle" in broken_off(dialect, await streamed(side, dialect, "STALL LONG 50"))
        await cooled(side)
        assert (await side.router.ask(dialect, MODEL, "next")).text == "You said: next"


@pytest.mark.parametrize("words", ["STALL LONG 50", "FIRST 5000"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_page_that_is_silent_before_anything_was_given_out_is_504(
    start: Start, tmp_path: Path, dialect: str, words: str
) -> None:
    async with whole(start, tmp_path, timeouts={"idle": 0.5, "first": 0.5}) as (side, _):
        answer = await side.router.ask(dialect, MODEL, words)
        assert answer.status == 504, answer.body
        assert "AI Studio" in error_text(dialect, answer.json)


async def cooled(side: RouterSide) -> None:
    """Wait until the account may be asked again."""
    health = side.router.router._health
    await side.router.until(lambda: not any(_rests(entry, health) for entry in health._entries.values()))


def _rests(entry: Any, health: Any) -> bool:
    return entry.until is not None and entry.until > health._clock.monotonic()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_signed_out_account_says_what_a_person_must_do(
    start: Start, studio: Studio, tmp_path: Path, dialect: str
) -> None:
    async with whole(start, tmp_path) as (side, service):
        studio.gone = {"ann"}
        for _ in range(2):  # found out by the page, and remembered
            answer = await side.router.ask(dialect, MODEL, "hello", stream=True)
            assert answer.status in (502, 503, 529), answer.body
            assert "signed out" in error_text(dialect, answer.json)
        assert service.status()["profiles"][0]["state"] == "needs_login"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_killed_browser_ends_the_answer_with_an_error_and_the_next_one_comes(
    start: Start, tmp_path: Path, dialect: str
) -> None:
    async with whole(start, tmp_path) as (side, service):
        begun = asyncio.Event()
        running = asyncio.get_running_loop().create_task(streamed(side, dialect, "LONG 1000 GAP 20", begun))
        async with asyncio.timeout(40):
            await begun.wait()
        for pid in browsers():
            os.kill(pid, signal.SIGKILL)
        assert "lost the AI Studio page" in broken_off(dialect, await running)
        await cooled(side)
        assert (await side.router.ask(dialect, MODEL, "next")).text == "You said: next"
        assert service.pool.recycled["crash"] == 1


async def test_three_pages_serve_twelve_callers_of_every_dialect_at_once(
    start: Start, studio: Studio, tmp_path: Path
) -> None:
    async with whole(start, tmp_path, browser={"max_instances": 3}) as (side, _):
        asked = [(dialect, f"GAP 50 FIRST 200 {dialect} {number}") for number in range(3) for dialect in DIALECTS]
        answers = await asyncio.gather(*(side.router.ask(*each[:1], MODEL, each[1], stream=True) for each in asked))
        assert [answer.text for answer in answers] == [f"You said: {text}" for _, text in asked]
        assert studio.most_running == 3


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_full_line_is_429_with_a_time_and_those_in_it_are_served(
    start: Start, studio: Studio, tmp_path: Path, dialect: str
) -> None:
    async with whole(start, tmp_path, queue={"limit": 1, "deadline": 20}) as (side, service):
        loop = asyncio.get_running_loop()
        served = [loop.create_task(side.router.ask(dialect, MODEL, "FIRST 1500 slow"))]
        await studio.until(lambda: studio.running == 1)
        served.append(loop.create_task(side.router.ask(dialect, MODEL, "waits")))
        await side.router.until(lambda: service.pool.slots.waiting == 1)
        refused = await side.router.ask(dialect, MODEL, "too many")
        assert refused.status == 429, refused.body
        assert int(refused.headers["retry-after"]) >= 1
        assert "busy" in error_text(dialect, refused.json)
        assert [answer.status for answer in await asyncio.gather(*served)] == [200, 200]


async def test_another_service_takes_over_before_anything_was_given_out(
    start: Start, studio: Studio, tmp_path: Path
) -> None:
    studio.spent = {"ann"}
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())
        side = await stack.enter_async_context(relayed(upstream, tmp_path))
        service = await stack.enter_async_context(start(browser={"max_instances": 2}))
        await stack.enter_async_context(connected(side, service))
        other = await side.connect("other", capacity=1)
        other.service.hold.clear()
        loop = asyncio.get_running_loop()
        first = loop.create_task(side.router.ask("chat", MODEL, "one", stream=True))
        await side.router.until(lambda: other.service.asked or studio.received)
        second = loop.create_task(side.router.ask("chat", MODEL, "two", stream=True))
        await side.router.until(lambda: len(other.service.asked) == 2)  # its own, and the one that the page refused
        other.service.hold.set()
        answers = await asyncio.gather(first, second)
        assert [answer.status for answer in answers] == [200, 200]
        assert sorted(answer.headers["x-switchyard-attempts"] for answer in answers) == ["1", "2"]
        assert [each["account"] for each in studio.received] == ["ann"]
