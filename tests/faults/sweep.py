"""The way of one streamed answer from its plan to its last byte, without a socket: the providers' bytes come from the
simulated service, and the first stream can be cut anywhere."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from router.accounts.affinity import Affinity
from router.accounts.health import Health
from router.accounts.record import Account
from router.accounts.sessions import Sessions
from router.call import Call, Caller, Limits, Record
from router.clock import FakeClock
from router.faults import Fault
from router.net.message import HttpRequest, Timeouts
from router.patience import Patience, Watch
from router.providers.config import ProviderConfig
from router.providers.credentials import Credentials
from router.providers.run import Runner
from router.routing.attempt import Attempts
from router.routing.plan import Needs, Plan, plan
from router.routing.rescue import Lasting
from router.secret import Secret
from router.wire import codec
from router.wire.dialects import DIALECTS
from tests.faults.cells import MODELS
from tests.router.api.harness import ask
from tests.router.routing.making import crowd, table
from tests.simulators import access
from tests.simulators.connection import Request
from tests.simulators.reply import Reply
from tests.simulators.service import Service

KINDS = {"chat": "openai-compatible", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}
HOSTS = {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}
KEYS = {"openai": "sk-sim", "anthropic": "sk-ant-sim", "gemini": "AIzaSim"}
ADDRESS = "http://simulated"
SECOND = {"chat": "messages", "responses": "gemini", "messages": "chat", "gemini": "chat"}
"""Who is asked behind whom: one that goes on behind its own words, and others that are asked in words."""


class Body:
    """A response whose bytes are here already. fault: what follows them; None: a proper end."""

    arrived = False

    def __init__(self, status: int, headers: Mapping[str, str], pieces: list[bytes], fault: Fault | None) -> None:
        self.status, self.headers = status, headers
        self._pieces, self._fault = pieces, fault
        self._watch = Watch(Patience(), 1.0, lambda: None)

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._fault is not None:
            raise self._fault

    async def read(self, limit: int) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    async def read_some(self) -> bytes:
        return b"".join(self._pieces)

    def patience(self, idle: float | None) -> None:
        """Nobody waits here."""

    def stall(self, seconds: float) -> Watch:
        return self._watch

    def close(self) -> None:
        """Nothing is open."""


class Wire:
    """In the place of `router.net.client.Net`. cut: bytes that come of the first answer to the next call, None for all
    of it. broken: whether a fault follows them, or a proper end."""

    def __init__(self) -> None:
        self.patience = Patience()
        self.passwords = ()  # no proxy is named
        self.cut: int | None = None
        self.broken = True
        self.sent = 0
        self._service = Service()
        self._replies: dict[tuple[str, bytes], Reply] = {}

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> Body:
        reply = self._reply(request)
        frames = reply.frames or [codec.dumps(reply.body)]
        headers = {"content-type": reply.content_type}
        cut, self.cut, self.sent = self.cut, None, self.sent + 1
        if cut is None:
            return Body(reply.status, headers, [b"".join(frames)], None)
        fault = Fault("upstream_broken", "The connection to the provider broke.") if self.broken else None
        return Body(reply.status, headers, [b"".join(frames)[:cut]], fault)

    @property
    def size(self) -> int:
        """Bytes of the first answer that was asked for."""
        return sum(map(len, next(iter(self._replies.values())).frames or ()))

    def _reply(self, request: HttpRequest) -> Reply:
        key = (request.url, request.body)
        if key not in self._replies:
            url = urlsplit(request.url)
            headers = {name.lower(): value for name, value in request.headers.items()}
            plain = Request("POST", unquote(url.path), dict(parse_qsl(url.query)), headers, (), request.body)
            host, path = access.locate(plain)
            self._replies[key] = self._service.answer(plain, host, path, ADDRESS)
        return self._replies[key]


@dataclass
class Told:
    """What a client got. attempts: how many were made. broke: whether the first broke off when the client had got a
    part of the answer."""

    data: bytes
    attempts: int
    broke: bool


@dataclass
class Line:
    """One client dialect, and a plan of two providers: the first is of the dialect `upstream`."""

    dialect: str
    upstream: str
    prompt: str
    more: Mapping[str, Any] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        logging.getLogger("switchyard.rescue").setLevel(logging.WARNING)
        clock, net = FakeClock(), _net(self.wire)
        self.health = Health(clock, random.Random(1))
        chance = random.Random(1)
        runner = Runner(net, Credentials(net, clock))
        self._attempts = Attempts(
            runner,
            self.health,
            Affinity(clock),
            clock,
            chance,
            self.wire.patience,
            Sessions(clock),
            crowd(clock, self.wire.patience),
        )
        first, second = (_provider(each, name) for each, name in ((self.upstream, "first"), (self._second, "second")))
        self._providers = {each.id: each for each in (first, second)}
        self._call = self._made()
        self._plan = self._planned(first, second)

    @property
    def _second(self) -> str:
        return SECOND[self.upstream]

    def _planned(self, first: ProviderConfig, second: ProviderConfig) -> Plan:
        aliases = {"m": (f"first/{MODELS[self.upstream]}", f"second/{MODELS[self._second]}")}
        dialect: Any = self.dialect
        return plan(table(first, second, aliases=aliases), "m", needs=Needs(dialect=dialect))

    def _made(self) -> Call:
        _, body = ask(self.dialect, "m", self.prompt, stream=True, **self.more)
        dialect: Any = self.dialect
        spec = DIALECTS[dialect]
        said = {"model": "m", "stream": True} if dialect == "gemini" else {}
        return Call(
            id="req_1",
            dialect=dialect,
            asked="m",
            stream=True,
            body=codec.dumps(body),
            caller=Caller(key_id="k", key_name="k"),
            conversation=spec.read_request(body, **said),
            response_id=f"{spec.id_prefix}1",
            created=1_790_000_000,
        )

    async def told(self, cut: int | None, *, broken: bool = True) -> Told:
        """The answer where the first provider's stream ends after `cut` bytes."""
        self.health._entries.clear()
        self.wire.cut, self.wire.broken, before = cut, broken, self.wire.sent
        record = Record(call_id="req_1", dialect=self.dialect, surface=self.dialect, asked="m")
        limits, pieces = Limits(), list[bytes]()
        begun = await self._attempts.begin(self._call, self._plan, self._providers, limits, record)
        lasting = Lasting(
            self._attempts,
            begun,
            self._call,
            self._plan,
            self._providers,
            limits,
            record,
            resume="auto",
            observer=_Nobody(),
        )
        pieces.append(lasting.first)
        try:
            async for batch in lasting.rest:
                pieces.append(batch.data)
        except Fault as fault:
            await lasting.broken(fault)
            pieces += lasting.lane.failure(fault)
        else:
            await lasting.complete()
        return Told(b"".join(pieces), self.wire.sent - before, bool(lasting._broken))


class _Nobody:
    def rescue(self, outcome: str) -> None:
        """Not counted here."""


def _net(wire: Wire) -> Any:
    return wire


def _provider(dialect: str, name: str) -> ProviderConfig:
    host = HOSTS[dialect]
    base = f"{ADDRESS}/{host}" + ("/v1" if host == "openai" else "")
    key = Account(id=f"{name}/a", provider=name, label="a", secret=Secret(KEYS[host]))
    kind: Any = KINDS[dialect]
    dialects: Any = (dialect,)
    return ProviderConfig(id=name, kind=kind, dialects=dialects, base_urls=(base,), accounts=(key,))
