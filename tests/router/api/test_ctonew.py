"""cto.new the whole way: a pasted cookie's account, four dialects, both shapes of the service, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio

from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import SystemClock
from router.secret import Secret
from router.vault.keys import account_vault
from tests.router.api.harness import DIALECTS, Answer, Running, ask, error_text, merged, running
from tests.simulators import Upstream
from tests.simulators.ctonew import CtoNew, Person, Play, Trouble
from tests.simulators.ctonew.play import TEXT

MODEL = "ctonew-claude-sonnet-4-5"
Shape = Literal["2025", "2026"]
SHAPES: tuple[Shape, ...] = ("2025", "2026")


@pytest_asyncio.fixture
async def service() -> AsyncIterator[CtoNew]:
    async with CtoNew() as started:
        yield started


@pytest_asyncio.fixture
async def others() -> AsyncIterator[Upstream]:
    async with Upstream() as started:
        yield started


def keep(folder: Path, person: Person, **more: Any) -> Credential:
    """The account file that a sign-in leaves."""
    fields: dict[str, Any] = {"refresh": Secret(person.cookie), "issued_at": time.time(), **more}
    credential = Credential(provider="ctonew", label=person.user, **fields)
    FileStore(folder / "accounts", None, SystemClock()).save(credential)
    return credential


def stored(folder: Path, person: Person) -> Credential:
    accounts = folder / "accounts"
    found = FileStore(accounts, account_vault(accounts, {}), SystemClock()).read(f"ctonew/{person.user}")
    assert found is not None
    return found


@asynccontextmanager
async def router(
    service: CtoNew, others: Upstream, folder: Path, *people: Person, **changes: Any
) -> AsyncIterator[Running]:
    """A router with accounts of `people` (one, where none is named)."""
    for person in people or (service.clerk.sign_in(),):
        keep(folder, person)
    block: dict[str, Any] = {"enabled": True, "sign_in": service.facts()}
    settings = merged({"providers": {"ctonew": block}, "retry": {"deadline": 5}}, changes)
    async with running(others, folder, settings) as one:
        yield one
    assert service.engine.violations == []


def thoughts(answer: Answer) -> str:
    """The thinking in an unstreamed Messages answer."""
    return "".join(block["thinking"] for block in answer.json["content"] if block["type"] == "thinking")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("updates", ["delta", "snapshot", "final"])
async def test_every_dialect_is_answered_streamed_and_whole(
    service: CtoNew, others: Upstream, tmp_path: Path, shape: Shape, updates: Any
) -> None:
    service.engine.shape = shape
    service.engine.play = Play(updates=updates, thinking="The timetable first.")
    async with router(service, others, tmp_path) as one:
        for dialect in DIALECTS:
            for stream in (False, True):
                answer = await one.ask(dialect, MODEL, "When does it leave?", stream=stream)
                assert answer.status == 200, answer.body
                assert answer.text == TEXT, (dialect, stream)
                assert answer.headers["x-switchyard-provider"] == "ctonew"
        whole = await one.ask("messages", MODEL)
    assert thoughts(whole) == "The timetable first."
    assert service.engine.last.model == ("ClaudeSonnet4_5" if shape == "2025" else "claude_sonnet_4_5")
    assert len(service.engine.sockets) == 9
    assert all(socket.closed.is_set() for socket in service.engine.sockets)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_whole_conversation_reaches_the_agent(
    service: CtoNew, others: Upstream, tmp_path: Path, shape: Shape
) -> None:
    service.engine.shape = shape
    body = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief. Grüße"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three 🚂"},
        ],
        "temperature": 0.1,
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    }
    async with router(service, others, tmp_path) as one:
        answer = await one.send("/v1/chat/completions", body)
        strict = await one.send("/v1/chat/completions", body, headers={"x-switchyard-strict": "1"})
    assert answer.status == 200
    assert service.engine.last.prompt == (
        "<system>\nBe brief. Grüße\n</system>\n\n<conversation>\n<user>\none\n</user>\n<assistant>\ntwo\n</assistant>\n"
        "</conversation>\n\nthree 🚂"
    )
    notes = answer.headers["x-switchyard-notes"]
    assert "tools" in notes
    assert "temperature" in notes
    assert strict.status == 400


async def test_a_server_of_2025_is_recognised_once(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    service.engine.shape = "2025"
    async with router(service, others, tmp_path) as one:
        for _ in range(2):
            assert (await one.ask("chat", MODEL)).text == TEXT
    asked = [request.path for request in service.engine.requests]
    assert (asked.count("/projects/create-hosted"), asked.count("/engine-agent/chat")) == (1, 2)
    assert asked.count("/chat/adapters") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tools": [{"type": "function", "function": {"name": "x"}}], "tool_choice": "required"}, "calls no tools"),
        ({"n": 3}, "one answer"),
        ({"messages": [{"role": "user", "content": "x" * 40_000}]}, "at most 32,768"),
    ],
)
async def test_what_cannot_be_done_is_refused_before_anybody_is_asked(
    service: CtoNew, others: Upstream, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    async with router(service, others, tmp_path) as one:
        path, body = ask("chat", MODEL)
        answer = await one.send(path, {**body, **changes})
    assert answer.status == 400
    assert words in error_text("chat", answer.json)
    asked = {each.path for each in service.engine.requests}
    assert asked <= {"/chat/adapters"}  # which the router reads by itself, two seconds after its start


async def test_a_prompt_goes_to_a_model_with_more_room_where_there_is_one(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    routing = [{"pattern": "^both$", "providers": ["ctonew", "openai"]}]
    aliases = {"both": [MODEL, "openai/gpt-4.1"]}
    async with router(service, others, tmp_path, models={"routing": routing, "aliases": aliases}) as one:
        answer = await one.ask("chat", "both", "x" * 40_000)
    assert answer.status == 200
    assert answer.headers["x-switchyard-provider"] == "openai"


async def test_an_unknown_model_is_named_with_those_that_there_are(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    async with router(service, others, tmp_path) as one:
        answer = await one.ask("chat", "ctonew/gpt-9")
    assert answer.status == 404
    assert "ctonew-claude-sonnet-4-5" in error_text("chat", answer.json)


async def test_a_token_is_made_once_while_it_lives(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    async with router(service, others, tmp_path) as one:
        answers = await asyncio.gather(*(one.ask("chat", MODEL) for _ in range(6)))
        assert {answer.status for answer in answers} == {200}
        assert len(service.clerk.token_calls()) == 1


async def test_a_token_that_is_not_taken_is_replaced_once(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    person, now = service.clerk.sign_in(), time.time()
    facts = {"user_id": person.user, "organisation": person.organisation, "session_id": person.session}
    token = Secret(service.clerk.issue(person))
    async with router(service, others, tmp_path, person) as one:
        keep(tmp_path, person, access=token, issued_at=now - 20, expires_at=now + 40, facts=facts)
        await one.router._sign_ins.keeper.reload()
        assert (await one.ask("chat", MODEL)).status == 200
        assert service.clerk.token_calls() == []
        service.clerk.tokens.clear()
        answer = await one.ask("chat", MODEL)
        assert (answer.status, answer.text) == (200, TEXT)
        assert len(service.clerk.token_calls()) == 1
        service.engine.failing["/engine-agent/chat"] = (401, {"message": "Unauthorized"})
        answer = await one.ask("chat", MODEL)
    assert answer.status == 502
    assert len(service.clerk.token_calls()) <= 2


async def test_a_replaced_cookie_is_on_disk_before_its_token_is_used(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    service.clerk.rotates = True
    person = service.clerk.sign_in()
    first = person.cookie
    seen: list[str] = []
    answer = service.engine.answer

    def look(request: Any) -> Any:
        seen.append(stored(tmp_path, person).refresh.reveal())
        return answer(request)

    service.engine.answer = look  # type: ignore[method-assign]
    async with router(service, others, tmp_path, person) as one:
        assert (await one.ask("chat", MODEL)).status == 200
    assert set(seen) == {person.cookie}
    assert person.cookie != first


async def test_a_dead_cookie_needs_a_person_and_another_account_serves(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    ada, bob = service.clerk.sign_in("ada"), service.clerk.sign_in("bob")
    ada.signed_out = True
    async with router(service, others, tmp_path, ada, bob) as one:
        for _ in range(2):
            assert (await one.ask("chat", MODEL)).status == 200
        states = {entry["account"]: entry for entry in (await one.management("accounts"))["accounts"]}
        assert states["ctonew/user_ada"]["state"] == "needs_login"
        assert states["ctonew/user_bob"]["state"] == "ready"
        bob.signed_out = True


async def test_clerk_out_of_reach_is_a_503_that_names_it_and_no_dead_account(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    service.clerk.script.extend([Trouble(status=502, html=True, retry_after=200)] * 4)
    async with router(service, others, tmp_path, retry={"deadline": 1}) as one:
        answer = await one.ask("chat", MODEL)
        assert answer.status == 503
        assert "Clerk (127.0.0.1" in error_text("chat", answer.json)
        entries = (await one.management("accounts"))["accounts"]
        (state,) = [entry["state"] for entry in entries if entry["account"] == "ctonew/user_ada"]
        assert state not in ("needs_login", "refused")


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_reached_limit_rests_the_account_and_another_one_serves(
    service: CtoNew, others: Upstream, tmp_path: Path, quiet: bool
) -> None:
    ada, bob = service.clerk.sign_in("ada"), service.clerk.sign_in("bob")
    service.engine.limited, service.engine.quiet_limit = {ada.user}, quiet
    async with router(service, others, tmp_path, ada, bob) as one:
        for _ in range(3):
            answer = await one.ask("chat", MODEL)
            assert (answer.status, answer.text) == (200, TEXT)
        service.engine.limited.add(bob.user)
        answer = await one.ask("chat", MODEL)
    assert answer.status == 429
    chats = [chat.owner for chat in service.engine.chats.values()]
    assert chats.count(ada.user) == 1


@pytest.mark.parametrize("ending", ["cut", "reset", "goodbye", "error", "malformed", "cancelled", "binary"])
async def test_a_broken_answer_is_never_a_success(
    service: CtoNew, others: Upstream, tmp_path: Path, ending: Any
) -> None:
    service.engine.play = Play(after=2, ending=ending)
    async with router(service, others, tmp_path) as one:
        whole = await one.ask("chat", MODEL)
        streamed = await one.ask("chat", MODEL, stream=True)
    assert whole.status == 502
    payloads = [payload for _, payload in streamed.frames]
    assert "[DONE]" not in payloads
    assert "error" in payloads[-1]
    assert not any(isinstance(each, dict) and _finish(each) for each in payloads)


def _finish(payload: dict[str, Any]) -> Any:
    return payload.get("choices") and payload["choices"][0].get("finish_reason")


async def test_a_failure_before_the_first_word_goes_to_another_account(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    service.engine.plays.append(Play(after=0, ending="cut"))
    async with router(service, others, tmp_path, service.clerk.sign_in("a"), service.clerk.sign_in("b")) as one:
        answer = await one.ask("messages", MODEL, stream=True)
    assert answer.text == TEXT
    assert answer.headers["x-switchyard-attempts"] == "2"


async def test_silence_ends_an_answer(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    service.engine.play = Play(after=1, ending="stall")
    async with router(service, others, tmp_path, server={"timeouts": {"idle": 0.5}}) as one:
        answer = await one.ask("chat", MODEL, stream=True)
    assert "nothing for 0.5 seconds" in json.dumps(answer.frames[-1][1])
    async with asyncio.timeout(5):
        await service.engine.sockets[0].closed.wait()


async def test_a_client_that_leaves_closes_the_socket_within_a_second(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    service.engine.play = Play(after=1, ending="stall")
    async with router(service, others, tmp_path) as one:
        path, body = ask("chat", MODEL, stream=True)
        async with one.open(path, body) as response:
            await response.content.readany()
            socket = service.engine.sockets[0]
            assert not socket.closed.is_set()
            response.close()
        async with asyncio.timeout(5):
            await socket.closed.wait()
        assert socket.goodbye


async def test_a_client_that_leaves_before_the_first_word_closes_it_too(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    service.engine.play = Play(after=0, ending="stall")
    async with router(service, others, tmp_path) as one:
        path, body = ask("chat", MODEL, stream=True)
        _, writer = await asyncio.open_connection("127.0.0.1", int(one.url.rpartition(":")[2]))
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
        writer.write(f"{head}authorization: {one.headers['authorization']}\r\n\r\n".encode() + data)
        await one.until(lambda: any(chat.posted.is_set() for chat in service.engine.chats.values()))
        writer.close()
        async with asyncio.timeout(5):
            await service.engine.sockets[0].closed.wait()


async def test_the_servers_pings_are_answered(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    service.engine.play = Play(pings=True)
    async with router(service, others, tmp_path) as one:
        assert (await one.ask("chat", MODEL)).text == TEXT
    assert service.engine.sockets[0].received == ["pong"]


async def test_chats_of_one_team_do_not_mix_up_their_models(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    names = {"ctonew-gpt-5": "gpt_5", "ctonew-gpt-5-4": "gpt_5_4", "ctonew-claude-sonnet-4-5": "claude_sonnet_4_5"}
    async with router(service, others, tmp_path, models={"aliases": {"x": "ctonew/gpt-5.4"}}) as one:
        asked = [name if name != "ctonew-gpt-5-4" else "x" for name in names] * 4
        answers = await asyncio.gather(
            *(one.ask("chat", name, f"{number}-{name}") for number, name in enumerate(asked))
        )
    assert {answer.status for answer in answers} == {200}
    for chat in service.engine.chats.values():
        said = chat.prompt.partition("-")[2]
        assert chat.model == names["ctonew-gpt-5-4" if said == "x" else said]


async def test_the_vendors_own_tokens_speak_chat_completions_with_tools(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    vendor = service.engine.vendor
    credential = Credential(provider="ctonew", label="cli", refresh=Secret(vendor.refresh), facts={"way": "oauth"})
    FileStore(tmp_path / "accounts", None, SystemClock()).save(credential)
    settings = {"providers": {"ctonew": {"enabled": True, "sign_in": service.facts()}}}
    async with running(others, tmp_path, settings) as one:
        for dialect in DIALECTS:
            for stream in (False, True):
                answer = await one.ask(dialect, "ctonew-gpt-5", stream=stream)
                assert (answer.status, answer.text) == (200, "From the vendor."), answer.body
        tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
        path, body = ask("chat", "ctonew-gpt-5")
        assert (await one.send(path, {**body, "tools": tools, "tool_choice": "required"})).status == 200
    assert vendor.bodies[-1]["tools"] == tools
    assert {said["model"] for said in vendor.bodies} == {"gpt-5"}
    assert service.clerk.requests == []


async def test_no_secret_of_an_account_is_told_anywhere(service: CtoNew, others: Upstream, tmp_path: Path) -> None:
    person = service.clerk.sign_in()
    service.clerk.rotates = True
    service.engine.plays.extend([Play(), Play(after=1, ending="cut"), Play(status=500, refusal={"message": "boom"})])
    async with router(service, others, tmp_path, person) as one:
        answers = [await one.ask("chat", MODEL) for _ in range(3)]
        pages = [json.dumps(await one.management(name)) for name in ("accounts", "status")]
        pages += [(await one.send("/metrics")).body.decode(), *(answer.body.decode() for answer in answers)]
        await one.stop()
        pages.append(one.log)
    secrets = [*person.cookies_given, *service.clerk.tokens, "rotating-canary"]
    assert not any(secret in page for page in pages for secret in secrets)


async def test_the_models_that_the_account_has_are_listed_before_any_call(
    service: CtoNew, others: Upstream, tmp_path: Path
) -> None:
    async with router(service, others, tmp_path) as one:
        names = one.router._gateway.ctonew.models.names
        await one.until(lambda: names() and one.router._rounds.listed == names())
        listed = {model["id"] for model in (await one.send("/v1/models")).json["data"]}
        assert set(names()) <= listed and len(names()) > 2
