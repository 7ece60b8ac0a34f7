"""Sign-ins before the simulated authorisation servers: a desk with everything passed in, and time that stands still."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from msgspec.structs import replace

from router.accounts.asking import Ask, asker
from router.accounts.credential import Credential
from router.accounts.login.flows import FlowStore, LoginView, MemoryFlows
from router.accounts.login.manager import Logins
from router.accounts.renewal import Renew
from router.clock import FakeClock
from router.net.client import Net
from router.settings.sign_ins import SignIn, shipped_sign_ins
from tests.ports import free_port
from tests.simulators.authorisation import AuthorisationServer
from tests.simulators.authorisation.vendors import SECRET

CODE = ("claude-oauth", "chatgpt-oauth", "gemini-cli", "antigravity", "iflow")
DEVICE = ("chatgpt-oauth", "qwen-oauth", "kimi-oauth", "xai-oauth", "copilot")


class Held:
    """Accounts in memory. full: what saving raises."""

    def __init__(self) -> None:
        self.saved: dict[str, Credential] = {}
        self.full: OSError | None = None

    def credentials(self) -> list[Credential]:
        return list(self.saved.values())

    async def save(self, credential: Credential, who: str) -> Credential:
        if self.full is not None:
            raise self.full
        self.saved[credential.id] = credential
        return credential

    @property
    def only(self) -> Credential:
        (one,) = self.saved.values()
        return one


class Agreed:
    """Consents in memory. off: switched off in the settings."""

    def __init__(self, *providers: str, off: tuple[str, ...] = ()) -> None:
        self.given: dict[str, tuple[str, str]] = dict.fromkeys(providers, ("before", ""))
        self.off = off

    def on(self, provider: str) -> bool:
        return provider in self.given and provider not in self.off

    async def accept(self, provider: str, by: str, caveat: str) -> None:
        self.given[provider] = (by, caveat)


class Waits:
    """Waiting that ends when the test says so; the clock moves by what was waited."""

    def __init__(self, clock: FakeClock) -> None:
        self.lengths: list[float] = []
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        over = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((seconds, over))
        await over

    async def over(self) -> float:
        """End the next wait. Returns how long it was, in seconds."""
        async with asyncio.timeout(40):
            seconds, over = await self._waiting.get()
        while over.cancelled():
            seconds, over = await self._waiting.get()
        self.lengths.append(seconds)
        self._clock.advance(seconds)
        over.set_result(None)
        return seconds

    async def begun(self) -> None:
        """Wait until somebody waits."""
        async with asyncio.timeout(40):
            while self._waiting.empty():
                await asyncio.sleep(0.002)

    async def at_once(self) -> None:
        """From now on no wait takes any time."""
        while True:
            await self.over()


@dataclass
class Desk:
    """Everything of one process that signs people in."""

    server: AuthorisationServer
    clock: FakeClock
    waits: Waits
    ask: Ask
    logins: Logins
    accounts: Held
    consents: Agreed
    flows: FlowStore
    facts: dict[str, SignIn]
    ports: dict[str, int] = field(default_factory=dict)

    async def ended(self, view: LoginView) -> LoginView:
        """Wait until a sign-in has ended. Raises `TimeoutError`."""
        async with asyncio.timeout(40):
            while (now := await self.logins.get(view.provider, view.login_id)).state in (
                "pending",
                "waiting",
                "exchanging",
            ):
                await asyncio.sleep(0.005)
        return now


def facts_of(server: AuthorisationServer, ports: dict[str, int]) -> dict[str, SignIn]:
    """The shipped facts at the simulator's addresses, with redirects to free ports, and with secrets."""
    made: dict[str, SignIn] = {}
    for name, shipped in shipped_sign_ins().items():
        if name == "ctonew":
            made[name] = shipped
            continue
        redirect = None
        if shipped.code is not None:
            ports[name] = free_port()
            path = shipped.code.redirect_uri.split("/", 3)[3]
            redirect = f"http://localhost:{ports[name]}/{path}"
        facts = server.facts(name, redirect)
        made[name] = replace(facts, client_secret=SECRET) if facts.needs_secret else facts
    return made


@asynccontextmanager
async def desk(
    *,
    flows: FlowStore | None = None,
    like: Desk | None = None,
    first: Mapping[str, Renew] | None = None,
    agreed: bool = True,
) -> AsyncIterator[Desk]:
    """A desk. like: another process over the same flows, accounts and servers. agreed: every caveat was accepted."""
    clock = like.clock if like is not None else FakeClock()
    server = like.server if like is not None else AuthorisationServer(wall=clock.wall)
    flows = flows or (like.flows if like is not None else MemoryFlows())
    accounts = like.accounts if like is not None else Held()
    consents = like.consents if like is not None else Agreed(*(shipped_sign_ins() if agreed else ()))
    waits = Waits(clock)
    async with Net() as net:
        if like is None:
            await server.__aenter__()
        ports = like.ports if like is not None else {}
        facts = like.facts if like is not None else facts_of(server, ports)
        ask = asker(net, clock.wall)
        logins = Logins(
            facts=lambda: facts,
            flows=flows,
            accounts=accounts,
            consents=consents,
            ask_for=lambda provider: ask,
            clock=clock,
            chance=os.urandom,
            first=first,
            wait=waits,
        )
        try:
            yield Desk(server, clock, waits, ask, logins, accounts, consents, flows, facts, ports)
        finally:
            await logins.close()
            if like is None:
                await server.__aexit__()


async def browse(address: str, host: str | None = None) -> tuple[int, Mapping[str, str], str]:
    """What a browser gets. host: a literal address to connect to, in the place of the name."""
    headers = {}
    if host is not None:
        headers["host"] = address.split("/")[2]
        address = address.replace("localhost", host)
    async with aiohttp.ClientSession() as browser, browser.get(address, headers=headers, allow_redirects=False) as page:
        return page.status, dict(page.headers), await page.text()


async def consent(url: str) -> str:
    """The person opens the provider's page in a browser and says yes: where the browser is sent then."""
    status, headers, _ = await browse(url)
    assert status == 302, status
    return headers["Location"]
