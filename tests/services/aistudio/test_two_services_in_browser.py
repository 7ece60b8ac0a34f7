"""Two services, each a process with a browser of its own, behind one router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import Answer
from tests.services.aistudio.conftest import needs_browser
from tests.services.aistudio.processes import Programs, programs, serving, until
from tests.simulators.aistudio_page import Studio

pytestmark = needs_browser
ACCOUNTS = {"desk": "ann", "shelf": "bea"}
"""Service -> who is signed in to its page."""


@asynccontextmanager
async def both_serving(studio: Studio, folder: Path) -> AsyncIterator[tuple[Programs, dict[str, Any]]]:
    """The programs, and the process of each service by its name."""
    async with programs(studio, folder) as made:
        url = made.router.address.replace("http", "ws", 1) + "/v1/ws"
        async with serving(studio, folder / "other", url, name="shelf", account=ACCOUNTS["shelf"]) as (process, _):

            async def ready() -> bool:
                return sorted(await made.relay()) == ["desk", "shelf"]

            await until(ready)
            yield made, {"desk": made.service, "shelf": process}


async def answered(made: Programs, dialect: str, text: str) -> Answer:
    async with made.open(dialect, text, stream=False) as response:
        return Answer(response.status, response.headers.copy(), await response.read())


async def test_two_requests_at_once_go_to_two_services(studio: Studio, tmp_path: Path) -> None:
    async with both_serving(studio, tmp_path) as (made, _):
        answers = await asyncio.gather(*(answered(made, "chat", f"LONG 30 GAP 30 {at}") for at in range(2)))
        assert [answer.status for answer in answers] == [200, 200]
        assert sorted(each["account"] for each in studio.received) == sorted(ACCOUNTS.values())
        calls = {name: each["calls"] for name, each in (await made.relay()).items()}
        assert calls == {"desk": {"ok": 1}, "shelf": {"ok": 1}}


@pytest.mark.parametrize("dialect", ["chat", "gemini"])
async def test_a_service_that_is_killed_before_its_answer_is_replaced_by_the_other(
    studio: Studio, tmp_path: Path, dialect: str
) -> None:
    async with both_serving(studio, tmp_path) as (made, processes):
        asked = asyncio.get_running_loop().create_task(answered(made, dialect, "FIRST 3000 hello"))
        await studio.until(lambda: len(studio.received) == 1)
        first = studio.received[0]["account"]
        victim = next(name for name, account in ACCOUNTS.items() if account == first)
        processes[victim].kill()
        answer = await asked
        assert (answer.status, answer.text) == (200, "You said: FIRST 3000 hello")
        assert answer.headers["x-switchyard-attempts"] == "2"
        assert [each["account"] for each in studio.received] == [first, next(iter({*ACCOUNTS.values()} - {first}))]
        # and what comes now does not meet the one that has gone
        again = await answered(made, dialect, "hello")
        assert (again.status, again.headers["x-switchyard-attempts"]) == (200, "1")
