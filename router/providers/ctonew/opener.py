"""Begins chats at cto.new: the socket first, then the prompt. What it learns of servers and models is in memory."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from router.accounts import oauth
from router.accounts.record import Access, Account
from router.accounts.renewals.clerk import OAUTH
from router.call import Call, Limits
from router.clock import Clock
from router.faults import Fault, bad_request
from router.hidden import Hidden
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.net.sockets import Socket, SocketRequest, connect
from router.providers.config import ProviderConfig
from router.providers.ctonew import models, requests
from router.providers.ctonew.faults import answer_fault, limit_of
from router.providers.ctonew.prompt import Prompt, write
from router.providers.ctonew.requests import Chat, Door, Shape
from router.providers.ctonew.source import ChatEvents, Waits
from router.providers.ctonew.vendor import open_vendor
from router.providers.sources import Source
from router.routing.plan import Candidate
from router.wire.conversation import Conversation
from router.wire.events import Started
from router.wire.notes import refuse_if_strict

BODY_LIMIT = 32_768
ORIGIN = "https://cto.new"
T = TypeVar("T")
STEP = 30.0
"""Seconds for each request before the prompt is sent, and for that one."""
PROJECT = "switchyard"
"""How the names of the projects begin that chats of 2026 live in."""
_ABSENT = (404, 405)
"""Statuses of a server that has no projects yet: it is of 2025."""


class _Begun(Struct, frozen=True):
    """A chat that waits for its prompt."""

    door: Door
    shape: Shape
    chat: Chat
    socket: Socket


class CtoNew:
    """One per process: `open` is the provider's `OpenSource`; `close` ends what it does in the background."""

    def __init__(self, net: Net, clock: Clock, chance: random.Random, *, ping: float = 30.0) -> None:
        """ping: seconds after which a socket is to be told that we are there."""
        self.models = models.Lists(clock)
        self._net = net
        self._clock = clock
        self._chance = chance
        self._ping = ping
        self._old: set[str] = set()  # base URLs of servers that turned out to be of 2025
        self._turns: dict[str, asyncio.Lock] = {}

    async def open(
        self,
        call: Call,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        access: Access,
        limits: Limits,
        conversation: Conversation,
    ) -> Source:
        """See `router.providers.sources.OpenSource`."""
        if access.facts.get("way") == OAUTH:
            return await open_vendor(self._net, call, provider, account, access, limits, conversation)
        prompt = write(conversation, candidate.capabilities)
        refuse_if_strict(prompt.notes, strict=call.strict)
        facts = provider.settings
        old = facts.get("shape") == "2025" or self._old.issuperset(provider.base_urls)
        _refuse_too_much("2025" if old else "2026", prompt, int(facts.get("body_limit", BODY_LIMIT)))
        doors = [_door(provider, account, access, base_url) for base_url in provider.base_urls]
        adapter = await self._model(doors, account, facts, conversation.model, limits)
        if prompt.images and adapter.images is False:
            raise bad_request(f"'{conversation.model}' sees no images at cto.new. Describe them in words.")
        begun = await self._first(doors, lambda door: self._begin(door, facts, limits))
        try:
            await self._send(account, begun, prompt, adapter, limits)
        except BaseException:
            await begun.socket.close()
            raise
        waits = Waits(idle=limits.idle, stall=limits.content_stall, ping=self._ping)
        started = Started(response_id=begun.chat.id, model=adapter.sent(begun.shape))

        async def why() -> Fault | None:
            try:
                return limit_of(await self._ask(begun.door, requests.bill(begun.door), limits), self._clock.wall())
            except Fault:
                return None

        events = ChatEvents(begun.socket, started, why, waits, self._clock)
        return Source(events, prompt.notes, prompt.undo)

    async def _model(
        self, doors: list[Door], account: Account, facts: Mapping[str, str], name: str, limits: Limits
    ) -> models.Adapter:
        async def fetch() -> tuple[models.Adapter, ...]:
            return models.read_adapters(await self._first(doors, lambda door: self._listed(door, limits)))

        return await self.models.find(account.id, name, fetch, models.shipped(facts.get("adapters", "")))

    async def _listed(self, door: Door, limits: Limits) -> bytes:
        return await self._ask(door, requests.adapters(door), limits)

    async def _begin(self, door: Door, facts: Mapping[str, str], limits: Limits) -> _Begun:
        """A chat with an open socket."""
        chat = await self._chat(door, facts.get("shape", "auto"), limits)
        cookie = facts.get("socket_cookie", "session") == "session"
        socket = await self._connect(requests.socket(door, chat, cookie=cookie), limits)
        return _Begun(door, "2025" if chat.workspace is None else "2026", chat, socket)

    async def _first(self, doors: Sequence[Door], what: Callable[[Door], Awaitable[T]]) -> T:
        """What the first server says that can be reached. Raises `Fault`."""
        unreachable = Fault("unavailable", "cto.new has no base URL.")
        for door in doors:
            try:
                return await what(door)
            except Fault as fault:
                if fault.status is not None or fault.kind != "upstream_broken":
                    raise
                unreachable = fault
        raise unreachable

    async def _connect(self, request: SocketRequest, limits: Limits) -> Socket:
        """A refused handshake has no words, so that nothing is concluded from it for good."""
        try:
            return await connect(self._net, request, Timeouts(connect=limits.connect, head=STEP))
        except Fault as fault:
            if fault.status in (401, 403):
                raise Fault("upstream_auth", f"cto.new: {fault.message}", status=fault.status) from fault
            if fault.status is not None and fault.meaning.whose != "upstream":
                raise Fault("upstream_broken", f"cto.new: {fault.message}", status=fault.status) from fault
            raise

    async def _chat(self, door: Door, shape: str, limits: Limits) -> Chat:
        if shape != "2025" and door.base_url not in self._old:
            try:
                name = f"{PROJECT}-{self._chance.getrandbits(32):08x}"
                return requests.read_project(await self._ask(door, requests.create(door, name), limits))
            except Fault as fault:
                if shape == "2026" or fault.status not in _ABSENT:
                    raise
            self._old.add(door.base_url)
        return Chat(str(uuid.UUID(int=self._chance.getrandbits(128), version=4)))

    async def _send(
        self, account: Account, begun: _Begun, prompt: Prompt, adapter: models.Adapter, limits: Limits
    ) -> None:
        """The prompt. In 2026 the model is the team's, so chats of one team are begun one after the other."""
        door, chat = begun.door, begun.chat
        name = adapter.sent(begun.shape)
        _refuse_images(begun.shape, prompt)
        begin = requests.begin(door, begun.shape, chat, prompt.text, prompt.images, name)
        if begun.shape == "2025":
            await self._ask(door, begin, limits)
            return
        async with self._turns.setdefault(door.organisation or account.id, asyncio.Lock()):
            await self._ask(door, requests.prefer(door, name), limits)
            await self._ask(door, requests.offers(door, chat), limits)
            await self._ask(door, begin, limits)

    async def _ask(self, door: Door, request: HttpRequest, limits: Limits) -> bytes:
        """The body of a good answer. Raises `Fault`, which repeats nothing of what the door was shown."""
        timeouts = Timeouts(connect=limits.connect, head=STEP, idle=STEP)
        async with await self._net.send(request, timeouts) as response:
            body = await response.read_some()
        if not 200 <= response.status < 300:
            hidden = Hidden(door.token, *door.headers.values())
            raise hidden.fault(answer_fault(response.status, response.headers, hidden.data(body), self._clock.wall()))
        return body

    async def close(self) -> None:
        """End what runs in the background."""
        await self.models.close()


def _refuse_too_much(shape: Shape, prompt: Prompt, limit: int) -> None:
    _refuse_images(shape, prompt)
    requests.refuse_too_long(shape, prompt.text, prompt.images, limit)


def _refuse_images(shape: Shape, prompt: Prompt) -> None:
    if shape == "2025" and prompt.images:
        raise bad_request("This server of cto.new takes no images. Describe them in words.")


def _door(provider: ProviderConfig, account: Account, access: Access, base_url: str) -> Door:
    """Raises `Fault` upstream_auth where nobody knows whose token it is."""
    user = access.facts.get("user_id") or oauth.claims(access.secret.reveal()).get("sub")
    if not isinstance(user, str) or not user:
        raise Fault("upstream_auth", f"The token of {account.id} does not say whose it is.")
    return Door(
        base_url=base_url,
        origin=provider.settings.get("origin", ORIGIN),
        token=access.secret,
        user=user,
        organisation=access.facts.get("organisation", ""),
        proxy=account.proxy or provider.proxy,
        headers=provider.headers,
    )
