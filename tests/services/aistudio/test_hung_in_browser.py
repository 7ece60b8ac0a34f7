"""A browser or a page that no longer answers: who notices, how soon, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from services.aistudio import memory
from services.aistudio.service import AIStudio
from tests.services.aistudio.conftest import Start, ask, browsers, needs_browser, text, told_of
from tests.services.aistudio.processes import programs, until
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser


def signalled(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def free(service: AIStudio) -> bool:
    return not service.pool.slots.busy


async def answers(service: AIStudio) -> bool:
    """Whether the browser answers, asked once."""
    await service.pool.watch.ask()
    return service.hung() == {}


async def test_a_page_that_hangs_in_its_answer_is_given_up_and_one_that_thinks_is_not(
    start: Start, studio: Studio
) -> None:
    async with start(timeouts={"stalled": 0.7}) as service:
        assert text(await ask(service, "FIRST 2500 slow")).endswith("slow")
        asked = asyncio.get_running_loop().create_task(ask(service, "FIRST 60000 never"))
        await studio.until(lambda: studio.running == 1)
        page = service.pool.accounts.open[0].pages[0]
        hangs = asyncio.get_running_loop().create_task(page.page.evaluate("() => { while (true); }"))
        with pytest.raises(Fault, match=r"did not answer within 0\.7 s"):
            await asked
        await asyncio.gather(hangs, return_exceptions=True)
        assert text(await ask(service, "hello")) == "You said: hello"
        assert service.hung() == {}


async def test_a_browser_that_answers_again_is_not_hung_any_more(start: Start) -> None:
    async with start(timeouts={"stalled": 0.5}) as service:
        await ask(service, "one")
        await until(lambda: free(service))
        found = browsers()
        signalled(found, signal.SIGSTOP)
        await service.pool.watch.ask()
        assert "has not answered for" in service.hung()["browser_hung"]
        signalled(found, signal.SIGCONT)
        await until(lambda: answers(service))
        assert service.hung() == {}
        assert text(await ask(service, "two")) == "You said: two"


async def test_a_hung_browser_is_told_and_ends_with_its_service(studio: Studio, tmp_path: Path) -> None:
    async with programs(studio, tmp_path, timeouts={"stalled": 1.0}) as made:
        async with made.open("chat", "hello", stream=False) as response:
            assert response.status == 200
        pid = made.service.pid
        ours = memory.descendants(pid)
        words = {each: told_of(each, "cmdline") for each in ours}
        signalled(
            [each for each in ours if b"chromium" in words[each] and b"--type=" not in words[each]], signal.SIGSTOP
        )

        async def told() -> bool:
            async with made.http.get(f"{made.health}/readyz") as answer:
                causes: list[dict[str, Any]] = (await answer.json())["causes"]
            return [each["cause"] for each in causes if each["restart_helps"]] == ["browser_hung"]

        await until(told)
        made.service.send_signal(signal.SIGTERM)
        async with asyncio.timeout(12):
            assert await made.service.wait() == 0

        async def gone() -> bool:
            return not any(told_of(each, "cmdline") for each in ours)

        await until(gone)
