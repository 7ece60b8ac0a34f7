"""A store in memory that can be told to fail, and a bench for renewals against the simulated authorisation server."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from msgspec.structs import replace

from router.accounts.asking import Ask, asker
from router.accounts.credential import Credential
from router.accounts.outcomes import Good, Outcome
from router.accounts.refresh import Limits, Refresher
from router.accounts.renewals import RENEWALS
from router.accounts.stores.base import Contents
from router.clock import FakeClock
from router.net.client import Net
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.tasks import Tasks
from tests.simulators.authorisation import AuthorisationServer, Granted, faulty


class MemoryStore:
    """An `AccountStore` without files. before_save: called on the thread that saves; may wait or raise."""

    def __init__(self) -> None:
        self.accounts: dict[str, Credential] = {}
        self.saves: list[Credential] = []
        self.before_save: Callable[[Credential], None] = lambda credential: None
        self._locks: dict[str, threading.Lock] = {}

    def load(self) -> Contents:
        return Contents(tuple(self.accounts.values()))

    def read(self, account: str) -> Credential | None:
        return self.accounts.get(account)

    def save(self, credential: Credential) -> None:
        assert credential.owner == "ours"
        self.before_save(credential)
        self.saves.append(credential)
        self.accounts[credential.id] = credential

    def delete(self, account: str) -> bool:
        return self.accounts.pop(account, None) is not None

    def rename(self, account: str, label: str) -> Credential:
        renamed = replace(self.accounts.pop(account), label=label)
        self.accounts[renamed.id] = renamed
        return renamed

    @contextmanager
    def lock(self, account: str, within: float = 60.0) -> Iterator[None]:
        lock = self._locks.setdefault(account, threading.Lock())
        if not lock.acquire(timeout=within):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()

    def version(self) -> object:
        return len(self.saves)


class Bench:
    """One process that renews: `refresher`, with everything around it."""

    def __init__(self, server: AuthorisationServer, clock: FakeClock, ask: Ask, limits: Limits) -> None:
        self.server = server
        self.clock = clock
        self.store = MemoryStore()
        self.changes: dict[str, SignIn] = {}
        self.outcomes: list[tuple[str, Outcome]] = []
        self.pauses: list[float] = []
        self.refresher = Refresher(
            self.store,
            RENEWALS,
            self.facts,
            ask,
            clock,
            random.Random(7),
            settled=lambda account, outcome: self.outcomes.append((account, outcome)),
            pause=self.pause,
            limits=limits,
        )

    def facts(self, provider: str) -> SignIn:
        return self.changes.get(provider) or self.server.facts(provider)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def put(self, credential: Credential) -> Credential:
        """Store an account."""
        self.store.accounts[credential.id] = credential
        return credential

    def signed_in(self, provider: str, *, left: float | None = 0.0, **facts: object) -> Credential:
        """A stored account. left: seconds until its access ends."""
        granted = self.server.seed(provider)
        end = None if left is None else self.clock.wall() + left
        return self.put(replace(account_of(provider, granted, end, self.clock.wall()), **facts))

    @property
    def refreshes(self) -> int:
        """Refresh requests that arrived."""
        return len(self.server.asked("token", "refresh_token"))


def good(outcome: Outcome) -> Credential:
    assert isinstance(outcome, Good)
    return outcome.credential


def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return Tasks("test").spawn(work, "caller")


async def started(at: Bench, renewing: asyncio.Future[Any], requests: int = 1) -> None:
    """Until the token endpoint has so many requests."""
    await at.server.arrived(requests)
    assert not renewing.done()


def held(at: Bench, *more: faulty.Misbehaviour) -> asyncio.Event:
    """The next answer of the token endpoint waits for the event, after the rotation."""
    release = asyncio.Event()
    at.server.script(faulty.held(release), *more, endpoint="token")
    return release


def account_of(provider: str, granted: Granted, expires_at: float | None, now: float) -> Credential:
    """As it is after a sign-in, at half of its life."""
    return Credential(
        provider=provider,
        label="ada@example.org",
        access=Secret(granted.access),
        refresh=Secret(granted.refresh or granted.access),
        expires_at=expires_at,
        issued_at=now - 3600,
    )


@asynccontextmanager
async def bench(*, grace: float = 0.0, limits: Limits = Limits(lock=5.0, stop=5.0)) -> AsyncIterator[Bench]:  # noqa: B008
    """A simulated server, whose clock is the fake one too, and a process that renews."""
    clock = FakeClock()
    async with AuthorisationServer(wall=clock.wall, grace=grace) as server, Net() as net:
        made = Bench(server, clock, asker(net, clock.wall), limits)
        try:
            yield made
        finally:
            server.behave()
            await made.refresher.close()
