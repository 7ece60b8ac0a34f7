"""Renewing: never twice at once for one account, never a rotated token lost as far as that is possible.

One renewal per account runs in a process, as a task of its own that no caller's cancellation reaches; a lock holds off
other processes; the store is read again under the lock; and what the provider gave is on disk before anybody gets it
(`wire.md` 13, "Rotation"; RFC 9700, 4.14). The ways themselves are `router.accounts.renewals`, the times
`router.accounts.schedule`, how it ends `router.accounts.outcomes`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.accounts import schedule
from router.accounts.asking import Ask
from router.accounts.credential import Credential
from router.accounts.exchange import LONGEST, Exchange, Failed
from router.accounts.outcomes import Gone, Good, Misconfigured, NeedsLogin, Outcome, Suspended
from router.accounts.renewal import Renew, Renewed
from router.accounts.shelf import Shelf
from router.accounts.stores.base import AccountStore
from router.accounts.verdicts import DEAD, Verdicts
from router.clock import Clock
from router.secret import Secret
from router.settings.sign_ins import SignIn
from router.tasks import Tasks

_log = logging.getLogger("switchyard.accounts")
Pause: TypeAlias = Callable[[float], Awaitable[None]]
_ROUNDS = 3
_LOCKED_PAUSE = 5.0


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds. exchange: for one attempt. lock: for another process to finish. stop: for what runs when the process
    ends."""

    exchange: float = LONGEST
    lock: float = 60.0
    stop: float = 20.0


_LIMITS = Limits()


class Refresher:
    """Renews the accounts of one store.

    ways, facts: by the provider's id; facts may change with the settings. settled: told once how each renewal ended,
    also where nobody waits for it any more. pause: waits so many seconds. proxy_of: see `Exchange`. Used within one
    event loop.
    """

    def __init__(
        self,
        store: AccountStore,
        ways: Mapping[str, Renew],
        facts: Callable[[str], SignIn],
        ask: Ask,
        clock: Clock,
        chance: random.Random,
        *,
        settled: Callable[[str, Outcome], None] = lambda account, outcome: None,
        pause: Pause = asyncio.sleep,
        limits: Limits = _LIMITS,
        proxy_of: Callable[[str], str | None] = lambda provider: None,
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._settled = settled
        self._pause = pause
        self._limits = limits
        self._shelf = Shelf(store, pause)
        self._verdicts = Verdicts(facts, clock, chance)
        self._exchange = Exchange(ways, facts, ask, clock, limits.exchange, proxy_of=proxy_of)
        self._tasks = Tasks("refresh")
        self._closing = False
        self._running: dict[str, asyncio.Task[Outcome]] = {}

    @property
    def skews(self) -> Mapping[str, float]:
        """By provider: seconds by which its server's clock is ahead of ours, where that is worth a warning."""
        return self._exchange.skews

    def ready(self, credential: Credential) -> bool:
        """Whether its access may be used without waiting. What is made on demand is made anew a little early."""
        now = self._clock.wall()
        on_demand = self._facts(credential.provider).on_demand
        return credential.fresh(now) and not (on_demand and self._is_due(credential, now))

    def next_at(self, credential: Credential) -> float | None:
        """When the background should call `renew`: Unix time, None where it need not."""
        if not credential.renewable or credential.disabled or not self._exchange.knows(credential.provider):
            return None
        verdict = self._verdicts.find(credential)
        if verdict is not None:
            return verdict.until if isinstance(verdict, Suspended) else None
        if self._shelf.unsaved(credential.id):
            return self._clock.wall() + schedule.LONGEST_SLEEP
        if self._facts(credential.provider).on_demand:
            return None
        due = self._due(credential) if credential.access else self._clock.wall()
        return schedule.in_background(due, credential.issued_at)

    async def renew(self, credential: Credential, *, rejected: Secret | None = None) -> Outcome:
        """A better access than that of `credential`: the provider is asked only where it is due, or is the one that the
        provider `rejected`. Raises for mistakes of ours only; a cancelled caller cancels nothing."""
        for _ in range(_ROUNDS):
            started = self._started(credential, rejected)
            if not isinstance(started, asyncio.Task):
                return started
            outcome = await asyncio.shield(started)
            if rejected is None or not isinstance(outcome, Good) or outcome.credential.access != rejected:
                break  # else a renewal was joined that had no reason to ask the provider
        return outcome

    async def access(self, credential: Credential, within: float = 30.0) -> Outcome:
        """As `renew`, for a call that needs an access now: waits up to `within` seconds for trouble to pass, and takes
        an access that is due but has not ended."""
        deadline = self._clock.monotonic() + within
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                    outcome = await self.renew(credential)
            except TimeoutError:
                reason = f"its renewal has not ended within {within:g} seconds"
                outcome = Suspended(reason=reason, until=self._clock.wall() + 1, credential=credential)
            if not isinstance(outcome, Suspended):
                return outcome
            if outcome.credential.fresh(self._clock.wall()):
                return Good(credential=outcome.credential)
            wait = max(0.1, outcome.until - self._clock.wall())
            if self._clock.monotonic() + wait >= deadline:
                return outcome
            await self._pause(wait)

    @asynccontextmanager
    async def held(self, account: str) -> AsyncIterator[None]:
        """Keeps renewals away, in all processes, while an account is read, changed and saved by somebody else: one that
        runs is waited for. Renaming and deleting do that themselves. Raises `TimeoutError`, `OSError`."""
        async with self._shelf.locked(account, self._limits.lock):
            yield

    def forget(self, account: str) -> None:
        """The account is gone, or the operator wants it to be tried again."""
        self._verdicts.clear(account)
        self._shelf.forget(account)

    async def close(self) -> None:
        """Start nothing more, and let what runs finish for a while: each may hold a token that is nowhere else."""
        self._closing = True
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=self._limits.stop)
        await self._tasks.close()
        self._shelf.close()

    def _started(self, credential: Credential, rejected: Secret | None) -> asyncio.Task[Outcome] | Outcome:
        """The renewal that runs, or one that begins; an outcome where it is known without one."""
        account = credential.id
        if account in self._running:
            return self._running[account]
        verdict = self._verdicts.find(credential)
        if verdict is not None:
            return replace(verdict, credential=credential) if isinstance(verdict, Suspended) else verdict
        if self._closing:
            return Suspended(reason="the gateway is stopping", until=self._clock.wall() + 1, credential=credential)
        if not self._exchange.knows(credential.provider):
            return Misconfigured(f"there is no way to renew accounts of {credential.provider}")
        task = self._tasks.spawn(self._run(credential, rejected), account)
        self._running[account] = task
        task.add_done_callback(lambda _: self._running.pop(account, None))
        return task

    async def _run(self, credential: Credential, rejected: Secret | None) -> Outcome:
        outcome = await self._guarded(credential, rejected)
        if isinstance(outcome, Good):
            self._verdicts.clear(credential.id)
        self._settled(credential.id, outcome)
        return outcome

    async def _guarded(self, credential: Credential, rejected: Secret | None) -> Outcome:
        try:
            if not credential.renewable:  # another program's files get no lock of ours
                stored = await self._shelf.read(credential.id)
                if stored is None or not stored.renewable:
                    return Gone() if stored is None else _unrenewable(stored, rejected, self._clock.wall())
            async with self._shelf.locked(credential.id, self._limits.lock):
                return await self._renewed(credential, rejected)
        except TimeoutError:
            until = self._clock.wall() + _LOCKED_PAUSE
            return Suspended(reason="another process is still renewing it", until=until, credential=credential)
        except OSError as error:
            reason = f"its file cannot be used: {error.strerror or type(error).__name__}"
            return self._failed(credential, Failed(trouble="transient", message=reason))

    async def _renewed(self, credential: Credential, rejected: Secret | None) -> Outcome:
        """Under the lock: what is stored counts, not what the caller knew."""
        stored = await self._shelf.read(credential.id)
        now = self._clock.wall()
        if stored is None:
            return Gone()
        if stored.fresh(now) and not self._is_due(stored, now) and stored.access != rejected:
            return Good(credential=stored, unsaved=self._shelf.unsaved(stored.id))
        if not stored.renewable:
            return _unrenewable(stored, rejected, now)
        verdict = self._verdicts.find(stored)
        if verdict is not None:  # of a newer token than the caller knew
            return verdict
        if rejected is not None and stored.access == rejected and stored.issued_at is not None:
            until = stored.issued_at + schedule.forced_pause(stored.expires_at, stored.issued_at)
            if stored.issued_at <= now < until:
                reason = "the provider does not take a token that was renewed only just now"
                return Suspended(reason=reason, until=until, credential=stored)
        if not self._facts(stored.provider).on_demand and not self._shelf.unsaved(stored.id):
            await self._shelf.rehearse(stored.id)  # a full disk must show before the token has rotated
        return await self._exchanged(stored)

    async def _exchanged(self, stored: Credential) -> Outcome:
        """Ask the provider, and keep what it gives."""
        for _ in range(_ROUNDS):
            began = self._clock.wall()
            answer = await self._exchange.renewed(stored)
            if isinstance(answer, Renewed):
                return await self._kept(stored, answer, began)
            if answer.trouble not in DEAD:
                return self._failed(stored, answer)
            current = await self._shelf.read(stored.id)
            if current is None:
                return Gone()
            if current.refresh == stored.refresh or not current.renewable:
                return self._failed(stored, answer)
            if current.fresh(self._clock.wall()) and current.access != stored.access:
                return Good(credential=current)  # somebody signed in, or renewed it without our lock
            stored = current
        changing = "somebody else changes its token all the time"
        return self._failed(stored, Failed(trouble="transient", message=changing))

    async def _kept(self, stored: Credential, renewed: Renewed, at: float) -> Outcome:
        kept = await self._shelf.keep(stored, renewed, at)
        if kept.credential is None:
            return Gone()
        if not kept.credential.access:
            failed = Failed(trouble="transient", message="the provider gave a token, and then no key for it")
            return self._failed(kept.credential, failed)
        _log.info("renewed %s", stored.id)
        return Good(credential=kept.credential, renewed=True, unsaved=kept.unsaved)

    def _failed(self, stored: Credential, failed: Failed) -> Outcome:
        outcome = self._verdicts.note(stored, failed)
        _log.warning("%s was not renewed: %s", stored.id, outcome.reason)
        return outcome

    def _due(self, credential: Credential) -> float | None:
        return schedule.due_at(
            expires_at=credential.expires_at,
            issued_at=credential.issued_at,
            wanted=self._facts(credential.provider).refresh_lead,
            spread=schedule.spread_of(credential.id),
        )

    def _is_due(self, credential: Credential, now: float) -> bool:
        due = self._due(credential)
        return due is not None and now >= due


def _unrenewable(stored: Credential, rejected: Secret | None, now: float) -> Outcome:
    if stored.fresh(now) and stored.access != rejected:
        return Good(credential=stored)
    if stored.owner == "found":
        return NeedsLogin("its token has ended, and it belongs to another program: use that one, or import the account")
    return NeedsLogin("its token has ended, and it came without one to renew it with")
