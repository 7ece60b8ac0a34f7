"""The process of gpt4free from the service's side, with a stand-in of the process."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.faults import Fault
from services.webai import free
from services.webai.asking import Ask, Turn
from services.webai.chains import Link
from services.webai.patience import Patience
from services.webai.settings import read

ASK = Ask(model="m", turns=(Turn("user", "Hello there"),))


@pytest.fixture
async def worker() -> AsyncIterator[free.Worker]:
    script = str(Path(__file__).with_name("fake_free.py"))
    found = free.Worker(read({"fallback": {"enabled": True}}).fallback, lambda: [sys.executable, script])
    yield found
    await found.close()


def patience() -> Patience:
    now = time.monotonic()
    return Patience(first=now + 10, total=now + 60, idle=10)


async def answered(worker: free.Worker, model: str) -> str:
    return "".join([each.text async for each in worker.answer(Link("One", model), ASK, patience())])


async def test_answers_at_the_same_time_do_not_mix(worker: free.Worker) -> None:
    found = await asyncio.gather(*(answered(worker, f"m{n}") for n in range(20)))
    assert set(found) == {"Hello there One"}
    assert worker.busy == 0


async def test_a_death_fails_what_was_open_and_the_next_call_starts_it_anew(worker: free.Worker) -> None:
    with pytest.raises(Fault, match="ended in the middle"):
        await answered(worker, "die")
    assert await answered(worker, "fine") == "Hello there One"


async def test_a_reader_that_does_not_read_gets_an_error_and_no_half_answer(worker: free.Worker) -> None:
    pieces = worker.answer(Link("One", "flood"), ASK, patience())
    await anext(pieces)
    while worker._answers:
        await asyncio.sleep(0.01)
    with pytest.raises(Fault, match="too slowly"):
        async for _ in pieces:
            pass


async def test_a_process_that_cannot_start_is_a_fault() -> None:
    worker = free.Worker(read({}).fallback, lambda: ["/nowhere/python"])
    with pytest.raises(Fault, match="did not start"):
        await answered(worker, "m")
    await worker.close()


def test_the_process_gets_no_secrets_and_a_home_of_its_own(tmp_path: Path) -> None:
    given = {
        "PATH": "/bin", "HOME": "/home/me", "SWITCHYARD_SERVICE_KEY": "secret", "OPENAI_API_KEY": "secret",
        "HTTPS_PROXY": "http://proxy", "DBUS_SESSION_BUS_ADDRESS": "unix:x",
    }  # fmt: skip
    found = free._environment(given, tmp_path)
    assert "secret" not in found.values() and "DBUS_SESSION_BUS_ADDRESS" not in found
    assert found["HOME"] == found["G4F_CONFIG_DIR"] == str(tmp_path)
    assert found["PATH"] == "/bin" and found["HTTPS_PROXY"] == "http://proxy"
