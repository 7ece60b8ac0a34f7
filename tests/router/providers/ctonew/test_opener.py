"""Chats are begun in the right order, at the right server, and nothing is left open where that fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts.record import Access, Account
from router.call import Call, Caller, Limits
from router.clock import FakeClock, SystemClock
from router.faults import Fault
from router.models import capabilities
from router.net.client import Net
from router.providers.config import ProviderConfig
from router.providers.ctonew.opener import CtoNew
from router.providers.sources import Source
from router.routing.plan import Candidate
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from router.wire.conversation import Conversation, Image, Part, Text, Turn, Url
from router.wire.events import Started, TextDelta
from tests.simulators import ctonew as simulated
from tests.simulators.ctonew import Person, Play
from tests.simulators.ctonew.play import TEXT

CALL = Call(
    id="req_1",
    dialect="chat",
    asked="ctonew-gpt-5",
    stream=True,
    body=b"",
    caller=Caller(key_id="k", key_name="k"),
    response_id="chatcmpl-1",
)
LIMITS = Limits(idle=5.0, content_stall=5.0, connect=2.0)
ACCOUNT = Account(id="ctonew/ada", provider="ctonew", label="ada", secret=Secret(""), stored=True)


class World:
    """An opener before a simulated service, and one account."""

    def __init__(self, service: simulated.CtoNew, net: Net, opener: CtoNew, person: Person) -> None:
        self.service = service
        self.net = net
        self.engine = service.engine
        self.opener = opener
        self.person = person
        self.settings: dict[str, str] = dict(shipped_sign_ins()["ctonew"].upstream.extra)
        self.base_urls: tuple[str, ...] = (service.address,)
        self.images = False

    def access(self) -> Access:
        return Access(
            Secret(self.service.clerk.issue(self.person)),
            {"user_id": self.person.user, "organisation": self.person.organisation},
        )

    async def open(
        self, *parts: Part, access: Access | None = None, limits: Limits = LIMITS, model: str = "ctonew-gpt-5"
    ) -> Source:
        provider = ProviderConfig(id="ctonew", kind="ctonew", base_urls=self.base_urls, settings=self.settings)
        accepts = capabilities.load().capabilities(provider, model, "chat")
        candidate = Candidate(
            provider="ctonew",
            model=model,
            dialect="chat",
            lane="translated",
            rank=0,
            why="",
            capabilities=replace(accepts, images=self.images),
        )
        turn = Turn(role="user", parts=parts or (Text(text="hello"),))
        conversation = Conversation(dialect="chat", model=model, turns=(turn,), stream=True)
        return await self.opener.open(CALL, candidate, provider, ACCOUNT, access or self.access(), limits, conversation)

    async def answer(self, source: Source) -> str:
        """The text of a source that is read to its end, and closed."""
        try:
            events = [event async for batch in source.events for event in batch]
        finally:
            await source.events.close()
        assert isinstance(events[0], Started)
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    async def refusal(self, *parts: Part, **more: Any) -> Fault:
        """The fault of an attempt that fails to open, after which no socket is open."""
        with pytest.raises(Fault) as raised:
            await self.open(*parts, **more)
        async with asyncio.timeout(5):
            for socket in self.engine.sockets:
                await socket.closed.wait()
        return raised.value


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with simulated.CtoNew() as service, Net() as net:
        opener = CtoNew(net, SystemClock(), random.Random(1), ping=0.3)
        yield World(service, net, opener, service.clerk.sign_in())
        await opener.close()
        assert service.engine.violations == []


async def test_the_steps_of_2026_come_in_their_order(world: World) -> None:
    assert await world.answer(await world.open()) == TEXT
    steps = [f"{request.method} {request.path.rpartition('/')[2]}" for request in world.engine.requests]
    assert steps == [
        "GET adapters",
        "POST create-hosted",
        "GET stream",
        "PATCH preferred-model",
        "POST offers",
        "POST chat",
    ]
    assert world.engine.last.model == "gpt_5"


async def test_the_steps_of_2025_are_two(world: World) -> None:
    world.settings["shape"], world.engine.shape = "2025", "2025"
    assert await world.answer(await world.open()) == TEXT
    steps = [request.path.rpartition("/")[2] for request in world.engine.requests]
    assert steps == ["adapters", "stream", "chat"]
    assert world.engine.last.model == "GPT5"
    await world.answer(await world.open())
    assert len(world.engine.chats) == 2


async def test_a_shape_that_is_stated_is_not_guessed_at(world: World) -> None:
    world.settings["shape"], world.engine.shape = "2026", "2025"
    fault = await world.refusal()
    assert (fault.kind, fault.status) == ("upstream_broken", 404)
    assert all(request.path != "/engine-agent/chat" for request in world.engine.requests)


@pytest.mark.parametrize(
    "path", ["/chat/adapters", "/projects/create-hosted", "/teams/preferred-model", "/engine-agent/offers"]
)
async def test_a_token_that_is_not_taken_is_told_as_such_at_every_step(world: World, path: str) -> None:
    world.engine.failing[path] = (401, {"message": "Unauthorized"})
    assert (await world.refusal()).kind == "upstream_auth"


async def test_a_token_that_has_ended_is_told_as_such() -> None:
    clock = FakeClock()
    async with simulated.CtoNew(clock.wall) as service, Net() as net:
        world = World(service, net, CtoNew(net, clock, random.Random(1)), service.clerk.sign_in())
        access = world.access()
        clock.advance(61)
        assert (await world.refusal(access=access)).kind == "upstream_auth"


async def test_a_token_that_does_not_say_whose_it_is_leads_nowhere(world: World) -> None:
    assert (await world.refusal(access=Access(Secret("opaque")))).kind == "upstream_auth"
    assert world.engine.requests == []
    access = Access(world.access().secret, {"organisation": world.person.organisation})
    assert await world.answer(await world.open(access=access)) == TEXT


@pytest.mark.parametrize(
    ("cookie", "kind"),
    [("none", "upstream_auth"), ("session", None)],
)
async def test_the_socket_of_2026_wants_the_token_as_a_cookie(world: World, cookie: str, kind: str | None) -> None:
    world.settings["socket_cookie"] = cookie
    if kind is None:
        assert await world.answer(await world.open()) == TEXT
    else:
        assert (await world.refusal()).kind == kind


async def test_a_server_out_of_reach_is_passed_over_and_one_that_refuses_is_not(world: World) -> None:
    world.base_urls = ("http://127.0.0.1:1", world.service.address)
    assert await world.answer(await world.open()) == TEXT
    world.base_urls = (world.service.address, "http://127.0.0.1:1")
    world.engine.failing["/projects/create-hosted"] = (500, {"message": "boom"})
    fault = await world.refusal()
    assert (fault.status, "boom" in fault.message) == (500, True)
    world.base_urls = ("http://127.0.0.1:1",)
    assert "connection refused" in (await world.refusal()).message


async def test_a_refused_prompt_closes_its_socket(world: World) -> None:
    world.engine.plays.append(Play(status=503, refusal={"message": "busy"}))
    assert (await world.refusal()).kind == "overloaded"
    assert len(world.engine.sockets) == 1


async def test_a_caller_who_leaves_while_the_prompt_is_sent_leaves_no_socket(world: World) -> None:
    turn = world.opener._turns.setdefault(world.person.organisation, asyncio.Lock())
    async with turn, asyncio.TaskGroup() as group:
        task = group.create_task(world.open())
        async with asyncio.timeout(20):
            while not world.engine.sockets:
                await asyncio.sleep(0.01)
        task.cancel()
    async with asyncio.timeout(5):
        await world.engine.sockets[0].closed.wait()


async def test_images_go_by_address_in_2026_and_are_refused_in_2025(world: World) -> None:
    world.images = True
    picture = Image(source=Url("https://x.test/a.png"))
    assert await world.answer(await world.open(Text(text="What?"), picture)) == TEXT
    assert world.engine.last.images == ("https://x.test/a.png",)
    blind = await world.refusal(picture, model="ctonew-glm-4-6")
    assert (blind.kind, "sees no images" in blind.message) == ("bad_request", True)
    world.engine.shape = "2025"
    assert (await world.refusal(picture)).kind == "bad_request"  # found out on the way
    before = len(world.engine.requests)
    assert (await world.refusal(picture)).kind == "bad_request"  # known
    assert len(world.engine.requests) == before


async def test_the_limit_of_a_body_counts_as_the_shape_sends_it(world: World) -> None:
    text = Text(text="x" * 30_000)
    fault = await world.refusal(text)
    assert (fault.kind, fault.code) == ("too_long", "context_length_exceeded")
    assert world.engine.requests == []
    world.settings["shape"], world.engine.shape = "2025", "2025"
    assert await world.answer(await world.open(text)) == TEXT
    world.settings["body_limit"] = "1000"
    assert "at most 1,000" in (await world.refusal(text)).message


async def test_a_quiet_socket_is_kept_alive_for_as_long_as_an_answer_may_stall(world: World) -> None:
    world.engine.play = Play(after=1, ending="stall")
    source = await world.open(limits=replace(LIMITS, idle=1.0, content_stall=1.2))
    with pytest.raises(Fault, match="without going on") as raised:
        await world.answer(source)
    assert raised.value.kind == "timeout"
    assert world.engine.sockets[0].received[:2] == ["ping", "ping"]


async def test_silence_has_a_limit(world: World) -> None:
    world.engine.play = Play(after=1, ending="stall")
    world.opener = CtoNew(world.net, SystemClock(), random.Random(2))
    with pytest.raises(Fault, match=r"nothing for 0\.6 seconds"):
        await world.answer(await world.open(limits=replace(LIMITS, idle=0.6)))


async def test_an_account_without_an_answer_is_asked_for_its_limit(world: World) -> None:
    world.engine.limited, world.engine.quiet_limit = {world.person.user}, True
    source = await world.open()
    with pytest.raises(Fault, match="300 a day") as raised:
        await world.answer(source)
    assert (raised.value.kind, raised.value.retry_after) == ("quota_spent", 7200)
    world.engine.limited = set()
    world.engine.play = Play(after=0, ending="silence")
    world.engine.failing["/billing"] = (500, {})
    source = await world.open()
    batches = [batch async for batch in source.events]
    await source.events.close()
    assert "without an answer" in batches[-1][0].fault.message  # type: ignore[union-attr]
