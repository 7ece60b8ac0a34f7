"""The quota windows of every account, in memory, and who asks for them in the background.

`Windows` is told the headers of answers as they pass, and what usage endpoints say. Synchronous, no locks, no I/O.
`UsageReader` asks the endpoints; whoever owns it calls `round` now and then. Its failures are quiet.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from router.accounts import quota, quota_headers
from router.accounts.asking import Ask
from router.accounts.quota import Window
from router.accounts.record import Access, Account
from router.accounts.usage import USAGE, read_usage
from router.clock import Clock
from router.faults import Fault
from router.settings.sign_ins import SignIn

_log = logging.getLogger("switchyard.quota")
EVERY = 300.0
"""Seconds between two questions about one account."""
LONGEST = 3600.0
"""Failures double the time to the next question up to here."""
AT_ONCE = 4
"""Accounts that one round asks about at most; the others wait for the next one."""
FIRST, SPREAD = 10.0, 20.0
"""Seconds after which an account is asked about for the first time, and by how much accounts differ in that."""
PAUSE = 1.0
"""Seconds for which further headers of an account are not read: they hardly differ."""
_MOST = 4096


class Cool(Protocol):
    """Told that an account lets nothing through before a time (`router.accounts.health.Health.cool`)."""

    def __call__(self, account: str, until: float, cause: str, *, bucket: str = "") -> None: ...


class Windows:
    """What is known of each account's windows. known: by account and name, also what is no longer true."""

    def __init__(self, clock: Clock, cool: Cool | None = None) -> None:
        """cool: told of windows that the provider says are closed, before a call meets them."""
        self._clock = clock
        self._cool = cool
        self.known: dict[str, dict[str, Window]] = {}
        self._heard: dict[str, float] = {}

    def heard(self, account: Account, headers: Mapping[str, str]) -> None:
        """An answer with these headers (lower-case names) came for `account`."""
        now = self._clock.wall()
        if 0 <= now - self._heard.get(account.id, 0.0) < PAUSE:
            return
        self._heard[account.id] = now
        found = quota_headers.read(headers, now)
        if found:
            self.told(account.id, found)

    def told(self, account: str, windows: Iterable[Window]) -> None:
        """A provider said this of an account's windows; what it did not mention stays as it was."""
        now = self._clock.wall()
        known = self.known.get(account)
        if known is None:
            while len(self.known) >= _MOST:
                self.forget(next(iter(self.known)))
            known = self.known[account] = {}
        known |= {each.name: each for each in windows}
        if self._cool is not None:
            for each in quota.closed(known.values(), now):
                if each.resets_at is not None and each.seen_at >= now - PAUSE:
                    cause = f"quota_spent: the provider says that the window {each.name} is closed"
                    self._cool(account, each.resets_at, cause, bucket=each.bucket)

    def of(self, account: str) -> tuple[Window, ...]:
        """The windows of one account that are still true, by name."""
        known = self.known.get(account, {})
        return tuple(sorted(quota.live(known.values(), self._clock.wall()), key=lambda each: each.name))

    def samples(self, accounts: Iterable[Account]) -> Iterator[tuple[str, str, Window]]:
        """Account, provider and window, for metrics."""
        for account in accounts:
            for each in self.of(account.id):
                yield account.id, account.provider, each

    def forget(self, account: str) -> None:
        """The account is gone, or somebody else's now."""
        self.known.pop(account, None)
        self._heard.pop(account, None)


class _Turn:
    """When one account is asked about next."""

    __slots__ = ("at", "failures")

    def __init__(self, at: float) -> None:
        self.at = at
        self.failures = 0


class UsageReader:
    """Asks usage endpoints about accounts that are turned on. Never two rounds at a time: one owner calls it."""

    def __init__(self, windows: Windows, ask: Ask, clock: Clock, chance: random.Random) -> None:
        self._windows = windows
        self._ask = ask
        self._clock = clock
        self._chance = chance
        self._turns: dict[str, _Turn] = {}

    async def round(
        self,
        accounts: Sequence[Account],
        sign_ins: Mapping[str, SignIn],
        access: Callable[[Account, str], Awaitable[Access]],
    ) -> None:
        """Ask about those whose time has come. accounts: stored ones whose provider is turned on. access: gives what
        an endpoint takes: of the account, ``access`` or ``refresh``. Raises nothing."""
        for gone in self._turns.keys() - {account.id for account in accounts}:
            del self._turns[gone]
        for account in self._due(accounts, sign_ins):
            await self._about(account, sign_ins[account.provider], access)

    def _due(self, accounts: Sequence[Account], sign_ins: Mapping[str, SignIn]) -> list[Account]:
        now = self._clock.monotonic()
        asked = [each for each in accounts if each.provider in USAGE and _has_usage(sign_ins.get(each.provider))]
        for account in asked:
            if account.id not in self._turns:
                self._turns[account.id] = _Turn(now + FIRST + SPREAD * self._chance.random())
        due = [account for account in asked if self._turns[account.id].at <= now]
        return sorted(due, key=lambda account: self._turns[account.id].at)[:AT_ONCE]

    async def _about(
        self, account: Account, sign_in: SignIn, access: Callable[[Account, str], Awaitable[Access]]
    ) -> None:
        turn = self._turns[account.id]
        found: tuple[Window, ...] = ()
        try:
            secret = await access(account, USAGE[account.provider].takes)
            found = await read_usage(account.provider, sign_in, secret, self._ask, proxy=account.proxy)
        except (Fault, TimeoutError, OSError) as error:
            _log.debug("the windows of %s could not be read: %s", account.id, error)
        turn.failures = 0 if found else min(turn.failures + 1, 16)
        wait = min(LONGEST, EVERY * 2.0**turn.failures) if turn.failures else EVERY
        turn.at = self._clock.monotonic() + wait * (1 + 0.2 * self._chance.random())
        if found:
            self._windows.told(account.id, found)


def _has_usage(sign_in: SignIn | None) -> bool:
    return sign_in is not None and sign_in.upstream.usage_url is not None
