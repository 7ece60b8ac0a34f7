"""The process of gpt4free from the service's side, with a stand-in of the process."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.faults import Fault
from services.webai import free, free_worker
from services.webai.asking import Ask, Turn
from services.webai.chains import Link
from services.webai.patience import Patience
from services.webai.settings import read
from tests.services.webai import running

ASK = Ask(model="m", turns=(Turn("user", "Hello there"),))


@pytest.fixture
async def worker() -> AsyncIterator[free.Worker]:
    found = running.worker({})
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


def impatience() -> Patience:
    now = time.monotonic()
    return Patience(first=now + 0.3, total=now + 60, idle=10)


async def test_a_process_that_hangs_is_replaced_and_no_provider_is_to_blame(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = running.worker({}, ping=0.3)
    assert await answered(worker, "fine") == "Hello there One"
    hung = worker._process
    assert hung is not None
    held = worker.answer(Link("One", "hold"), ASK, patience())
    assert (await anext(held)).text == "Held"
    os.kill(hung.pid, signal.SIGSTOP)
    calls = [worker.answer(Link(name, "fine"), ASK, impatience()) for name in ("One", "Two")]
    faults = await asyncio.gather(*(anext(each) for each in calls), return_exceptions=True)
    assert all(isinstance(each, free.Ours) and "hung" in each.message for each in faults)
    with pytest.raises(free.Ours, match="ended in the middle"):
        await anext(held)
    assert await answered(worker, "fine") == "Hello there One"
    assert worker._process is not hung and await hung.wait() != 0
    assert caplog.text.count("no sign of life") == 1
    await worker.close()


async def test_a_provider_that_is_silent_costs_no_process(worker: free.Worker) -> None:
    assert await answered(worker, "fine") == "Hello there One"
    before = worker._process
    with pytest.raises(Fault, match="One of gpt4free was silent") as caught:
        await anext(worker.answer(Link("One", "silent"), ASK, impatience()))
    assert not isinstance(caught.value, free.Ours)
    assert worker._process is before


async def test_a_process_that_still_loads_is_left_alone() -> None:
    loading = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    worker = free.Worker(read({}).fallback, lambda: loading, ping=0.1)
    with pytest.raises(free.Ours, match="still being loaded"):
        await anext(worker.answer(Link("One", "fine"), ASK, impatience()))
    assert worker._process is not None and worker._process.returncode is None
    await worker.close()


async def test_the_worker_answers_a_ping() -> None:
    reader, out = asyncio.StreamReader(), io.StringIO()
    reader.feed_data(b'{"op": "ping", "id": 7}\n')
    reader.feed_eof()
    await free_worker.Worker(out).run(reader)
    assert json.loads(out.getvalue()) == {"id": 7, "pong": True}


def test_the_process_gets_no_secrets_and_a_home_of_its_own(tmp_path: Path) -> None:
    given = {
        "PATH": "/bin", "HOME": "/home/me", "SWITCHYARD_SERVICE_KEY": "secret", "OPENAI_API_KEY": "secret",
        "HTTPS_PROXY": "http://proxy", "DBUS_SESSION_BUS_ADDRESS": "unix:x",
    }  # fmt: skip
    found = free._environment(given, tmp_path)
    assert "secret" not in found.values() and "DBUS_SESSION_BUS_ADDRESS" not in found
    assert found["HOME"] == found["G4F_CONFIG_DIR"] == str(tmp_path)
    assert found["PATH"] == "/bin" and found["HTTPS_PROXY"] == "http://proxy"
