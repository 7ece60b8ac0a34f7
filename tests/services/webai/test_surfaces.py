"""What the routes take and give, with a stand-in of the package."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from router.wire.capabilities import Capabilities
from router.wire.chat import SPEC
from router.wire.dialect import events_of
from router.wire.events import Failed, Finished, TextDelta, UsageReported
from router.wire.sse import Splitter
from tests.services.webai.running import HERE, KEY, FakePackage, Service, running


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


async def test_the_one_chat_begins_anew_where_its_account_has_gone_and_says_so(
    service: Service, package: FakePackage
) -> None:
    async def said(text: str, **more: object) -> tuple[int, str]:
        found = await service.ask("POST", "/gemini-chat", {"message": text, "model": "gemini-pro", **more})
        return found.status, found.headers.get("x-webai-notes", found.body.decode())

    assert (await said("One"))[0] == 200
    await service.put("other", "better")
    package.answers = [[type("AuthError", (Exception,), {})()]]
    assert (await said("Two"))[0] == 401 and package.asked[-1][0] == "good"
    status, text = await said("Three")
    assert status == 503 and "cannot go on" in text and "begin a new chat with" in text
    await service.ask("DELETE", "/v1/accounts/work")
    status, notes = await said("Four")
    assert status == 200 and "a new chat was begun: the account of the last one, work, is gone" in notes
    assert package.asked[-1][0] == "better"
    for more, begun in (({}, False), ({"model": "gemini-flash"}, True), ({"new": True}, False)):
        status, notes = await said("Five", **more)
        assert status == 200 and ("a new chat was begun" in notes) == begun


async def test_what_is_not_there_is_said_in_json(service: Service) -> None:
    assert (await service.ask("GET", "/v1/nothing")).json["error"]["type"] == "invalid_request_error"
    assert (await service.ask("GET", "/v1/chat/completions")).status == 405
    unknown = await service.chat("x", model="gpt-9")
    assert unknown.status == 404 and "gemini-pro" in unknown.json["error"]["message"]
    async with service.session.post(
        f"{service.url}/v1/chat/completions", data=b"{", headers={"authorization": f"Bearer {KEY}"}
    ) as response:
        assert response.status == 400


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
