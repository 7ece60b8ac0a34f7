"""The service over HTTP, with stand-ins of the packages: accounts, moving on, the fallback chain, errors, streams."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.tasks import Tasks
from router.vault.profiles import ProfileFiles
from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.dialect import events_of
from router.wire.events import Failed, Finished, TextDelta, UsageReported
from router.wire.sse import Splitter
from services.webai import free
from services.webai.settings import read
from tests.services.webai.running import HERE, FakePackage, Service, broken, running

FREE = {"enabled": True, "first": 5, "chains": {"*": ["One/good", "Two/good"]}}


def worker(block: dict[str, Any]) -> free.Worker:
    script = Path(__file__).with_name("fake_free.py")
    return free.Worker(read(block).fallback, lambda: [sys.executable, str(script)])


@pytest.fixture
def package() -> FakePackage:
    return FakePackage()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    found = Tasks("test")
    yield found
    await found.close()


@pytest.fixture
async def service(tmp_path: Path, package: FakePackage) -> AsyncIterator[Service]:
    async with running(tmp_path, {}, package=package, installed=HERE) as found:
        assert (await found.put("work", "good")).status == 200
        yield found


@pytest.fixture
async def both(tmp_path: Path, package: FakePackage) -> AsyncIterator[Service]:
    """Gemini's page and gpt4free."""
    block = {"fallback": FREE}
    async with running(tmp_path, block, package=package, worker=worker(block), installed=HERE) as found:
        yield found


async def test_every_call_but_the_health_needs_the_key(service: Service) -> None:
    for path in ("/", "/healthz", "/readyz"):
        assert (await service.ask("GET", path, key=None)).status == 200
    for key in (None, "", "wrong"):
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/v1/accounts")):
            found = await service.ask(method, path, {}, key=key)
            assert found.status == 401 and found.json["error"]["code"] == "invalid_api_key"


async def test_an_answer_says_who_gave_it_and_what_was_dropped(service: Service) -> None:
    found = await service.chat("Hello", temperature=0.1)
    assert found.text == "Hello"
    assert found.headers["x-webai-served-by"] == "gemini-web/work"
    assert found.headers["x-webai-notes"] == (
        "temperature was ignored: a web page has no control for it; usage is an estimate: a web page counts no tokens"
    )
    assert found.json["model"] == "gemini-flash" and found.json["usage"]["estimated"] is True
    assert "conversation_id" not in found.json


async def test_a_stream_gives_what_is_new_and_ends_with_done(service: Service, package: FakePackage) -> None:
    package.answers = [["One", "One two", "One two three"]]
    found = await service.chat("x", stream=True, stream_options={"include_usage": True})
    assert found.text == "One two three" and found.done
    assert found.headers["x-webai-served-by"] == "gemini-web/work"
    assert found.chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert found.chunks[-1]["usage"]["estimated"] is True
    assert len({each["id"] for each in found.chunks}) == 1


async def test_a_rewrite_is_exact_where_nothing_was_sent_and_told_where_it_was(
    service: Service, package: FakePackage
) -> None:
    package.answers = [["Hello my world", "Goodbye my world, it ends"]] * 2
    assert (await service.chat("x")).text == "Goodbye my world, it ends"
    streamed = await service.chat("x", stream=True)
    assert streamed.done
    assert streamed.chunks[-1]["webai_notes"] == ["earlier words were rewritten after they had been sent"]


async def test_a_chat_goes_on_by_its_id_in_its_account(service: Service, package: FakePackage) -> None:
    await service.put("second", "better")
    first = (await service.chat("One", conversation_id="new")).json
    account = package.asked[-1][0]
    for _ in range(3):
        going = await service.chat("Two", conversation_id=first["conversation_id"])
        assert going.status == 200 and going.json["conversation_id"].startswith("conv_")
        assert package.asked[-1][0] == account
        assert package.asked[-1][1]["chat"].metadata == ["c_1", "r_1", "rc_1"]
        assert package.asked[-1][1]["temporary"] is False
    await service.chat("Three")
    assert package.asked[-1][1]["temporary"] is True
    wrong = await service.chat("x", conversation_id="conv_wrong")
    assert (wrong.status, wrong.json["error"]["code"]) == (400, "conversation_not_found")


async def test_keep_chats_keeps_every_chat(tmp_path: Path, package: FakePackage) -> None:
    async with running(tmp_path, {"gemini": {"keep_chats": True}}, package=package, installed=HERE) as service:
        await service.put("a", "good")
        assert "conversation_id" in (await service.chat("x")).json
        assert package.asked[-1][1]["temporary"] is False


async def test_tools_are_refused_by_default_and_emulated_where_declared(tmp_path: Path, package: FakePackage) -> None:
    tool = {"type": "function", "function": {"name": "clock"}}
    async with running(tmp_path / "a", {}, package=package, installed=HERE) as service:
        await service.put("a", "good")
        found = await service.chat("x", tools=[tool])
        assert (found.status, found.json["error"]["code"]) == (400, "tools_not_supported")
        assert package.asked == []
    async with running(tmp_path / "b", {"tools": "emulate"}, package=package, installed=HERE) as service:
        await service.put("a", "good")
        package.answers = [['{"tool_calls": [{"name": "clock", "arguments": {}}]}']] * 2 + [["just words"]]
        found = await service.chat("x", tools=[tool])
        assert found.json["choices"][0]["finish_reason"] == "tool_calls"
        assert "tools were emulated in words" in found.headers["x-webai-notes"]
        streamed = await service.chat("x", tools=[tool], stream=True)
        assert streamed.done
        delta = next(c["choices"][0]["delta"] for c in streamed.chunks if "tool_calls" in c["choices"][0]["delta"])
        assert delta["tool_calls"][0]["function"]["name"] == "clock"
        words = await service.chat("x", tools=[tool], tool_choice="required")
        assert words.text == "just words" and "a call was demanded" in words.headers["x-webai-notes"]


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


async def test_accounts_take_turns_and_one_that_rests_is_left_out(service: Service, package: FakePackage) -> None:
    await service.put("second", "better")
    for _ in range(4):
        await service.chat("x")
    assert {psid for psid, _ in package.asked} == {"good", "better"}
    limited = type("UsageLimitExceededError", (Exception,), {})()
    package.answers = [[limited], ["Fine"]]
    assert (await service.chat("x")).text == "Fine"
    rested = [each for each in (await service.ask("GET", "/v1/accounts")).json["accounts"] if each["until"]]
    assert [each["state"] for each in rested] == ["limited"]
    package.answers = [[limited]]
    found = await service.chat("x")
    assert found.status == 429 and 800 < int(found.headers["retry-after"]) <= 900
    assert (await service.ask("GET", "/readyz")).status == 503


async def test_a_session_that_ends_needs_a_new_login(service: Service, package: FakePackage) -> None:
    package.answers = [[type("AuthError", (Exception,), {})()]]
    found = await service.chat("x")
    assert (found.status, found.json["error"]["code"]) == (401, "needs_login")
    ready = await service.ask("GET", "/readyz")
    assert ready.status == 503
    assert ready.json["accounts"][0]["state"] == "needs_login"
    assert ready.json["causes"][0]["cause"] == "no_account" and not ready.json["causes"][0]["restart_helps"]
    assert (await service.put("work", "better")).json == {"name": "work", "state": "ready"}
    assert (await service.ask("GET", "/readyz")).status == 200
    assert (await service.chat("x")).status == 200


async def test_cookies_are_proved_before_they_are_kept_and_kept_encrypted(
    service: Service, package: FakePackage, tmp_path: Path
) -> None:
    bad = await service.put("other", "wrong")
    assert (bad.status, bad.json["error"]["code"]) == (401, "needs_login")
    package.opening = TimeoutError()
    assert (await service.put("other", "good")).status == 504
    assert [each["name"] for each in (await service.ask("GET", "/v1/accounts")).json["accounts"]] == ["work"]
    for body in ({}, {"secure_1psid": 5}, {"secure_1psid": "a; b"}, {"secure_1psid": "a", "extra": 1}):
        assert (await service.ask("PUT", "/v1/accounts/other", body)).status == 400
    assert (await service.put("Odd%20Name", "good")).status == 400
    held = (tmp_path / "auth_profiles" / "webai-work.json").read_bytes()
    assert b"sealed" in held and b"good" not in held
    assert (tmp_path / "auth_profiles" / "webai-work.json").stat().st_mode & 0o777 == 0o600


async def test_an_account_can_be_forgotten(service: Service, tmp_path: Path) -> None:
    assert (await service.ask("DELETE", "/v1/accounts/work")).json == {"name": "work", "removed": True}
    assert not (tmp_path / "auth_profiles" / "webai-work.json").exists()
    assert (await service.ask("DELETE", "/v1/accounts/work")).status == 404
    assert (await service.chat("x")).status == 401


async def test_accounts_come_from_settings_and_from_files_and_wrong_ones_are_not_tried_again(
    tmp_path: Path, package: FakePackage
) -> None:
    state = {"cookies": {"__Secure-1PSID": "better", "__Secure-1PSIDTS": "x"}, "provider": "webai"}
    (tmp_path / "auth_profiles").mkdir()
    (tmp_path / "auth_profiles" / "webai-default.json").write_text(json.dumps(state))
    accounts = {"a": {"secure_1psid": "good"}, "b": {"secure_1psid": "wrong"}}
    async with running(tmp_path, {"gemini": {"accounts": accounts}}, package=package, installed=HERE) as service:
        await service.webai.pages.look()
        listed = (await service.ask("GET", "/v1/accounts")).json["accounts"]
        assert {each["name"]: each["state"] for each in listed} == {"a": "ready", "default": "ready"}
        clients = len(package.clients)
        await service.webai.pages.look()
        assert len(package.clients) == clients


async def test_a_file_that_somebody_else_writes_is_taken_in(
    service: Service, package: FakePackage, tmp_path: Path
) -> None:
    package.valid = {"newer"}
    ProfileFiles(tmp_path / "auth_profiles", None).write(
        "webai-work", json.dumps([{"name": "__Secure-1PSID", "value": "newer", "domain": ".google.com"}]).encode()
    )
    await service.webai.pages.look()
    await service.chat("x")
    assert package.asked[-1][0] == "newer"


async def test_cookies_are_rotated_six_hours_before_their_end_and_kept(tmp_path: Path, package: FakePackage) -> None:
    now = [1_000_000.0]
    async with running(tmp_path, {}, package=package, installed=HERE, wall=lambda: now[0]) as service:
        await service.put("a", "good")
        now[0] += 18 * 3600 - 1
        await service.webai.pages.look()
        assert package.rotations == 0
        now[0] += 1
        package.rotating = TimeoutError()
        await service.webai.pages.look()
        package.rotating = None
        await service.webai.pages.look()
        assert package.rotations == 0, "after a failure it waits"
        now[0] += 1800
        await service.webai.pages.look()
        assert package.rotations == 1
        assert service.webai.accounts.load("a").cookies.secure_1psidts.reveal() == "ts-rotated-1"
        await service.webai.pages.look()
        assert package.rotations == 1
        now[0] += 18 * 3600
        package.rotating = type("AuthError", (Exception,), {})()
        await service.webai.pages.look()
        assert service.webai.accounts.health("a").state == "needs_login"


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


async def test_a_caller_that_leaves_ends_its_answer(both: Service, package: FakePackage) -> None:
    await both.put("a", "good")
    never = asyncio.Event()
    package.answers = [["One two three four", never]]
    body = {"model": "gemini-flash", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"authorization": "Bearer sk-service-of-the-tests"}
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


async def test_files_reach_the_package_under_names_that_fit(service: Service, package: FakePackage) -> None:
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\npixels").decode()
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
    await service.chat(parts)
    (path,) = package.asked[-1][1]["files"]
    assert path.name == "file-1.png" and not path.exists(), "it is removed afterwards"


async def test_the_older_routes_answer_as_they_did(service: Service, package: FakePackage) -> None:
    found = await service.ask("POST", "/gemini", {"message": "Hello", "model": "gemini-pro"})
    assert found.json == {"response": "Hello", "model": "gemini-pro"}
    await service.ask("POST", "/gemini-chat", {"message": "One"})
    assert package.asked[-1][1]["temporary"] is False and package.asked[-1][1]["prompt"] == "One"
    package.answers = [["Two"]]
    await service.ask("POST", "/gemini-chat", {"message": "Two"})
    assert package.asked[-1][1]["chat"].metadata == ["c_1", "r_1", "rc_1"]
    await service.ask("POST", "/translate", {"message": "Guten Tag", "target": "English"})
    assert package.asked[-1][1]["prompt"].startswith("Translate the following text to English.")
    await service.ask("POST", "/translate", {"message": "Say it in Latin: yes"})
    assert package.asked[-1][1]["prompt"] == "Say it in Latin: yes"
    for path in ("/gemini", "/gemini-chat", "/translate"):
        assert (await service.ask("POST", path, {})).status == 400


async def test_what_is_not_there_is_said_in_json(service: Service) -> None:
    assert (await service.ask("GET", "/v1/nothing")).json["error"]["type"] == "invalid_request_error"
    assert (await service.ask("GET", "/v1/chat/completions")).status == 405
    unknown = await service.chat("x", model="gpt-9")
    assert unknown.status == 404 and "gemini-pro" in unknown.json["error"]["message"]
    async with service.session.post(
        f"{service.url}/v1/chat/completions", data=b"{", headers={"authorization": "Bearer sk-service-of-the-tests"}
    ) as response:
        assert response.status == 400


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


async def test_newer_cookies_in_the_settings_replace_those_that_are_kept(tmp_path: Path, package: FakePackage) -> None:
    def block(psid: str, psidts: str) -> dict[str, Any]:
        return {"gemini": {"accounts": {"a": {"secure_1psid": psid, "secure_1psidts": psidts}}}}

    def kept(service: Service) -> tuple[str, str]:
        cookies = service.webai.accounts.load("a").cookies
        return cookies.secure_1psid.reveal(), cookies.secure_1psidts.reveal()

    package.renewed = "renewed"
    async with running(tmp_path, block("good", "old"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("good", "renewed")
    async with running(tmp_path, block("good", "old"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("good", "renewed"), "of the same sign-in, what was renewed is newer"
    package.renewed = ""
    async with running(tmp_path, block("better", "new"), package=package, installed=HERE) as service:
        await service.webai.look()
        assert kept(service) == ("better", "new")


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


@pytest.mark.parametrize("stream", [True, False])
async def test_the_gateway_s_own_readers_take_its_answers_whole(
    service: Service, package: FakePackage, stream: bool
) -> None:
    """What the router's readers of this dialect make of an answer."""
    package.answers = [["One", "One two", "One two three"]]
    found = await service.chat("x", stream=stream, stream_options={"include_usage": True} if stream else None)
    if stream:
        splitter = Splitter()
        frames = [*splitter.feed(found.body), *splitter.close()]
        events = events_of(SPEC.stream_reader(Capabilities()), frames)
    else:
        events = SPEC.read_reply(found.json, Capabilities())
    text = "".join(each.text for each in events if isinstance(each, TextDelta))
    assert text == "One two three"
    assert any(isinstance(each, Finished) for each in events)
    assert any(isinstance(each, UsageReported) for each in events)
    assert not any(isinstance(each, Failed) for each in events)


async def test_renewed_cookies_that_cannot_be_written_cost_no_answer(
    service: Service, package: FakePackage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(name: str, cookies: object) -> None:
        raise OSError(28, "No space left on device")

    package.renewed = "renewed on the way"
    monkeypatch.setattr(service.webai.accounts, "save", full)
    assert (await service.chat("x")).status == 200
    assert "cannot be written" in caplog.text and "renewed on the way" not in caplog.text
    assert (await service.put("other", "better")).status == 500


async def test_a_browser_is_named_by_those_who_ask(service: Service) -> None:
    for body in ({}, {"browser": 5}, {"browser": "netscape"}):
        assert (await service.ask("POST", "/v1/accounts/b/from-browser", body)).status == 400


async def test_an_answer_goes_on_while_its_account_gets_new_cookies(
    service: Service, package: FakePackage, tasks: Tasks
) -> None:
    go = asyncio.Event()
    package.answers = [["One", go, "One two"]]
    slow = tasks.spawn(service.chat("slow"), "slow")
    while not package.asked:
        await asyncio.sleep(0)
    assert (await service.put("work", "better")).status == 200
    assert not package.clients[0].closed
    go.set()
    assert (await slow).text == "One two"
    assert package.clients[0].closed
    await service.chat("x")
    assert package.asked[-1][0] == "better"
