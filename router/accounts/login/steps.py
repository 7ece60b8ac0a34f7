"""The steps of a sign-in that only one process may take, and the last one of each: its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.login.exchange import Failed
from router.accounts.login.flows import NOTHING, Flow, FlowStore
from router.accounts.login.refusals import Refused
from router.tasks import Tasks

_log = logging.getLogger("switchyard.login")
T = TypeVar("T")
EXCHANGE = 120.0
"""Seconds from the code to the saved account, at most."""
USED = "This sign-in has ended, or its answer has been used: each counts once. Begin again."
_OFF = " It does not serve yet: the provider is switched off in the settings (providers.{}.enabled)."
_TRIES = 5


class Consents(Protocol):
    """Whose caveats were accepted."""

    def on(self, provider: str) -> bool:
        """Whether the provider may serve: turned on in the settings, or accepted and not turned off there."""
        ...

    async def accept(self, provider: str, by: str, caveat: str) -> None:
        """Write down that it was accepted."""
        ...


class Steps:
    """owner: this process's name. changed: called after every end, so that nobody listens any longer than needed."""

    def __init__(
        self, flows: FlowStore, consents: Consents, owner: str, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._flows = flows
        self._consents = consents
        self._owner = owner
        self._changed = changed
        self._tasks = Tasks("sign-in exchanges")
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def step(self, flow: Flow, change: Callable[[Flow], Flow]) -> Flow | None:
        """Change a flow as long as its state is the one that is known here; None where somebody else was first."""
        now: Flow | None = flow
        for _ in range(_TRIES):
            if now is None or now.state != flow.state:
                return None
            made = await self._flows.swap(now, change(now))
            if made is not None:
                return made
            now = await self._flows.get(flow.id)  # somebody wrote a message, or a new pace
        return None

    async def take(self, flow: Flow) -> Flow:
        """Take the answer of a waiting flow: state, verifier and device code are gone from the store with it. Raises
        `Refused`."""
        taken = await self.step(
            flow, lambda now: replace(now, state="exchanging", owner=self._owner, url=None, hidden=NOTHING)
        )
        if taken is None:
            raise Refused("closed", USED)
        return taken

    async def end(self, flow: Flow, ended: Flow) -> Flow:
        """Write an end down. Raises `Refused` where there was one already."""
        written = await self.step(flow, lambda now: replace(ended, owner=now.owner, beat_at=now.beat_at))
        await self._changed()
        if written is None:
            raise Refused("closed", USED)
        return written

    async def answer(self, flow: Flow, work: Callable[[], Awaitable[Credential]]) -> Flow:
        """Take the answer and turn it into an account, also where whoever waits for this goes away. Raises
        `Refused`."""
        if self._closing:
            raise Refused("busy", "This process is being replaced. Try the same again in a few seconds.")

        async def taken() -> Flow | Refused:
            try:
                return await self.finish(await self.take(flow), work)
            except Refused as refused:
                return refused

        ended = await self.apart(taken())
        if isinstance(ended, Refused):
            raise ended
        return ended

    async def finish(self, taken: Flow, work: Callable[[], Awaitable[Credential]]) -> Flow:
        """Await the account and write down how it ended."""
        try:
            async with asyncio.timeout(EXCHANGE):
                account = await work()
        except Failed as error:
            ended = taken.ended("failed", str(error))
        except TimeoutError:
            ended = taken.ended("failed", "The provider took too long. Sign in again.")
        except Exception as error:  # its words may hold a secret
            _log.error("a sign-in to %s failed by a mistake of ours: %s", taken.provider, type(error).__name__)
            ended = taken.ended("failed", f"The gateway itself failed ({type(error).__name__}). Look into its log.")
        else:
            ended = taken.ended("done", self._welcome(account), account.id)
        told = ended.account or ended.message
        _log.log(logging.INFO if ended.account else logging.WARNING, "sign-in to %s: %s", taken.provider, told)
        return await self.end(taken, ended)

    async def apart(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, which goes on where whoever waits is cancelled: what a server has given must not be lost."""
        task = self._tasks.spawn(work, "exchange")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self, within: float) -> None:
        """Take no more steps, and finish those that run, at most `within` seconds."""
        self._closing = True
        if self._running:
            await asyncio.wait(set(self._running), timeout=within)
        await self._tasks.close()

    def _welcome(self, account: Credential) -> str:
        off = "" if self._consents.on(account.provider) else _OFF.format(account.provider.replace("-", "_"))
        return f"Signed in as {account.email or account.label}; the account is {account.id}.{off}"
