"""The router's process is replaced, or killed, while answers of the page stream through it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.router.api.harness import DIALECTS, Answer
from tests.services.aistudio.conftest import needs_browser
from tests.services.aistudio.processes import Programs, programs, until
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser
LONG = "LONG 60 GAP 30"
EXPECTED = " ".join(f"word{number}" for number in range(60))


async def _text(both: Programs, dialect: str, begun: asyncio.Event) -> str:
    async with both.open(dialect, LONG) as response:
        assert response.status == 200, await response.read()
        first = await response.content.readany()
        begun.set()
        return Answer(response.status, response.headers, first + await response.content.read()).text


async def _ask(both: Programs, text: str) -> Answer:
    async with both.open("chat", text, stream=False) as response:
        return Answer(response.status, response.headers.copy(), await response.read())


async def test_running_answers_are_finished_by_the_old_process_while_the_new_one_serves(
    studio: Studio, tmp_path: Path
) -> None:
    async with programs(studio, tmp_path, browser={"engine": "chromium", "max_instances": 3}) as both:
        begun = [asyncio.Event() for _ in range(3)]
        loop = asyncio.get_running_loop()
        running = [loop.create_task(_text(both, *each)) for each in zip(DIALECTS, begun, strict=False)]
        async with asyncio.timeout(40):
            await asyncio.gather(*(each.wait() for each in begun))
        await both.signalled(both.router.pid, signal.SIGHUP)
        assert [await each for each in running] == [EXPECTED] * 3
        assert not studio.stopped
        assert (await _ask(both, "hello")).text == "You said: hello"
        assert list(await both.relay()) == ["desk"]


async def test_what_is_known_of_an_account_is_still_known_to_the_next_process(studio: Studio, tmp_path: Path) -> None:
    async with programs(studio, tmp_path) as both:
        assert (await _ask(both, "QUOTA")).status == 429
        await both.remembers("aistudio/desk")
        for number in (signal.SIGHUP, signal.SIGKILL):
            await both.signalled(both.router.pid if number == signal.SIGHUP else await both.serving(), number)
            answer = await _ask(both, "hello")
            assert answer.status == 429, answer.body
            assert "exceeded quota" in answer.json["error"]["message"]
            assert float(answer.headers["retry-after"]) > 600
            assert (await both.relay())["desk"]["calls"] == {}  # the service was not even asked
        assert len(studio.received) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_killed_process_ends_no_answer_as_if_it_were_whole(
    studio: Studio, tmp_path: Path, dialect: str
) -> None:
    async with programs(studio, tmp_path) as both:
        async with both.open(dialect, "LONG 2000 GAP 20") as response:
            await response.content.readany()
            await both.signalled(await both.serving(), signal.SIGKILL)
            with pytest.raises(aiohttp.ClientError):  # the connection breaks off: no end of the body comes
                await response.content.read()
        await studio.until(lambda: bool(studio.stopped))
        assert (await _ask(both, "hello")).text == "You said: hello"
        async with both.http.get(f"{both.health}/readyz") as ready:
            assert await ready.json() == {"ready": True, "causes": []}


async def test_a_killed_service_is_a_typed_error_at_once_and_one_that_comes_back_has_its_name(
    studio: Studio, tmp_path: Path
) -> None:
    async with programs(studio, tmp_path) as both:
        async with both.open("messages", "LONG 2000 GAP 20") as response:
            await response.content.readany()
            both.service.kill()
            rest = (await response.content.read()).decode()
        last = json.loads(rest.strip().rpartition("data: ")[2])
        assert last["type"] == "error"
        assert "has gone in the middle" in last["error"]["message"]

        async def gone() -> bool:
            return not await both.relay()

        await until(gone)
        assert (await _ask(both, "hello")).status == 503
