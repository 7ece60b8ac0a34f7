"""Who answers, and who when that one cannot: tries, places, chains, readiness; with stand-ins of the packages."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from router.tasks import Tasks
from tests.services.webai.running import FREE, HERE, KEY, FakePackage, Service, broken, running, worker


async def test_a_break_before_the_first_word_is_tried_again_on_a_new_client(
    service: Service, package: FakePackage
) -> None:
    before = len(package.clients)
    package.answers = [[broken()], ["Fine"]]
    assert (await service.chat("x")).text == "Fine"
    assert len(package.clients) == before + 1
    assert package.clients[before - 1].closed


async def test_a_client_that_breaks_is_closed_after_the_last_call_on_it(
    service: Service, package: FakePackage, tasks: Tasks
) -> None:
    go = asyncio.Event()
    package.answers = [["Slow", go, "Slow but whole"]]
    slow = tasks.spawn(service.chat("slow"), "slow")
    while not package.asked:
        await asyncio.sleep(0)
    package.answers = [[broken()], ["Fine"]]
    assert (await service.chat("x")).text == "Fine"
    assert not package.clients[0].closed
    go.set()
    assert (await slow).text == "Slow but whole"
    assert package.clients[0].closed and not package.clients[1].closed


async def test_a_break_after_the_first_word_is_an_error_and_no_success(service: Service, package: FakePackage) -> None:
    package.answers = [["Once upon a time", broken()]]
    found = await service.chat("x", stream=True)
    assert found.status == 200 and not found.done
    assert found.chunks[-1]["error"]["type"] == "server_error"
    package.answers = [["Once upon a time", broken()]]
    assert (await service.chat("x")).status == 502


async def test_models_are_those_of_the_accounts_and_the_chains(both: Service) -> None:
    await both.put("a", "good")
    listed = (await both.ask("GET", "/v1/models")).json["data"]
    assert [each["id"] for each in listed] == [
        "gemini-web", "gemini-flash", "gemini-pro", "gpt4free:One/good", "gpt4free:Two/good",
    ]  # fmt: skip
    assert (await both.chat("x", model="gemini-web")).headers["x-webai-served-by"] == "gemini-web/a"


async def test_the_chain_answers_where_no_account_can(both: Service, package: FakePackage) -> None:
    found = await both.chat("Hello there")
    assert found.text == "Hello there One"
    assert found.headers["x-webai-served-by"] == "gpt4free/One"
    assert found.json["choices"][0]["message"]["reasoning_content"] == "Hm. "
    await both.put("a", "good")
    assert (await both.chat("x")).headers["x-webai-served-by"] == "gemini-web/a"
    package.answers = [[broken()], [broken()]]
    assert (await both.chat("x")).headers["x-webai-served-by"] == "gpt4free/One"
    assert (await both.chat("x", model="gpt4free:Two/good")).headers["x-webai-served-by"] == "gpt4free/Two"


async def test_a_provider_that_fails_is_left_out_and_the_next_one_serves(tmp_path: Path, package: FakePackage) -> None:
    block = {
        "gemini": {"enabled": False},
        "fallback": {
            **FREE,
            "failures": 1,
            "first": 1,
            "chains": {"m": ["Bad/die", "Bad/fail-rate_limited", "Good/x"]},
        },
    }
    async with running(tmp_path, block, worker=worker(block), installed=HERE) as service:
        found = await service.chat("Hi", model="m")
        assert found.text == "Hi Good"
        state = (await service.ask("GET", "/readyz")).json["fallback"]
        assert list(state["left_out"]) == ["Bad"]
        assert (await service.chat("Hi", model="other")).status == 404
        failed = await service.chat("Hi", model="gpt4free:Bad/fail-upstream_auth")
        assert failed.status == 502
        silent = await service.chat("Hi", model="gpt4free:Slow/silent")
        assert silent.status == 504
        cut = await service.chat("Hi", model="gpt4free:Cut/cut", stream=True)
        assert not cut.done and "error" in cut.chunks[-1]
        assert service.webai.busy == 0


async def test_a_process_that_hangs_is_no_provider_s_fault_and_the_next_one_serves(tmp_path: Path) -> None:
    block = {"gemini": {"enabled": False}, "fallback": {**FREE, "failures": 1, "first": 2}}
    hanging = worker(block, ping=0.3)
    async with running(tmp_path, block, worker=hanging, installed=HERE) as service:
        assert (await service.chat("Hi")).headers["x-webai-served-by"] == "gpt4free/One"
        assert hanging._process is not None
        os.kill(hanging._process.pid, signal.SIGSTOP)
        assert (await service.chat("Hi")).headers["x-webai-served-by"] == "gpt4free/Two"
        assert (await service.ask("GET", "/readyz")).json["fallback"]["left_out"] == {}


async def test_a_caller_that_leaves_ends_its_answer(both: Service, package: FakePackage) -> None:
    await both.put("a", "good")
    never = asyncio.Event()
    package.answers = [["One two three four", never]]
    body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    async with both.session.post(f"{both.url}/v1/chat/completions", json=body, headers=headers) as response:
        await response.content.readany()
        assert both.webai.busy == 1
    await asyncio.wait_for(both.app.calls.over(), 10)
    assert both.webai.busy == 0


async def test_an_account_has_so_many_places_and_then_says_so(
    tmp_path: Path, package: FakePackage, tasks: Tasks
) -> None:
    go = asyncio.Event()
    package.answers = [["One", go, "One two"]]
    async with running(tmp_path, {"gemini": {"concurrency": 1}}, package=package, installed=HERE) as service:
        await service.put("a", "good")
        slow = tasks.spawn(service.chat("slow"), "slow")
        while not package.asked:
            await asyncio.sleep(0)
        busy = await service.chat("x")
        assert (busy.status, busy.headers["retry-after"]) == (503, "2")
        go.set()
        assert (await slow).text == "One two"


async def test_silence_ends_with_a_status(tmp_path: Path, package: FakePackage) -> None:
    package.answers = [[asyncio.Event()]]
    async with running(tmp_path, {"timeouts": {"first": 0.2}}, package=package, installed=HERE) as service:
        await service.put("a", "good")
        assert (await service.chat("x")).status == 504
        package.answers = [["One two three", asyncio.Event()]]
    block = {"timeouts": {"idle": 0.2}}
    async with running(tmp_path, block, package=package, installed=HERE) as service:
        cut = await service.chat("x", stream=True)
        assert not cut.done and "silent" in cut.chunks[-1]["error"]["message"]


async def test_while_it_ends_nothing_new_is_taken_in(service: Service) -> None:
    service.app.draining = True
    found = await service.chat("x")
    assert found.status == 503 and "retry-after" in found.headers
    assert (await service.ask("GET", "/readyz")).status == 503
    assert (await service.ask("GET", "/healthz")).status == 200


async def test_without_its_packages_it_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    nothing = dict.fromkeys(HERE)
    async with running(tmp_path, {"fallback": FREE}, installed=nothing) as service:
        ready = await service.ask("GET", "/readyz")
        assert ready.status == 503 and ready.json["installed"] == nothing
        assert {each["cause"] for each in ready.json["causes"]} == {"gemini_missing", "g4f_missing"}
        found = await service.chat("x")
        assert found.status == 503 and "make webai EXTRAS=gemini" in found.json["error"]["message"]
        assert (await service.chat("x", model="gpt4free:One/x")).status == 503
        assert (await service.ask("GET", "/v1/models")).json["data"] == []


async def test_what_is_missing_and_not_needed_now_blocks_nothing(tmp_path: Path, package: FakePackage) -> None:
    here = {**HERE, "g4f": None}
    async with running(tmp_path, {"fallback": FREE}, package=package, installed=here) as service:
        await service.put("a", "good")
        ready = await service.ask("GET", "/readyz")
        assert ready.status == 200 and ready.json["ready"] is True
        assert [(each["cause"], each["blocking"]) for each in ready.json["causes"]] == [("g4f_missing", False)]


async def test_what_is_off_is_off(tmp_path: Path, package: FakePackage) -> None:
    async with running(tmp_path, {"gemini": {"enabled": False}}, package=package, installed=HERE) as service:
        assert (await service.ask("GET", "/readyz")).json["causes"][0]["cause"] == "nothing_enabled"
        assert (await service.put("a", "good")).status == 422
        assert (await service.chat("x")).status == 404
        assert package.clients == []


async def test_readiness_is_told_at_once_where_it_changes(tmp_path: Path) -> None:
    block = {
        "gemini": {"enabled": False},
        "fallback": {**FREE, "failures": 1, "chains": {"m": ["Bad/fail-unavailable"]}},
    }
    told: list[bool] = []
    async with running(
        tmp_path, block, worker=worker(block), installed=HERE, changed=lambda: told.append(True)
    ) as service:
        await service.webai.look()
        assert len(told) == 1 and service.webai.ready()
        assert (await service.chat("x", model="m")).status == 503
        assert len(told) == 2 and not service.webai.ready()
