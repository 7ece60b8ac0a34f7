"""The health of every account and target, in memory, around the pure machines of `router.routing.cooldown`.

Lives outside the settings snapshot and survives reloads: everything is keyed by ids. Synchronous, no locks, no I/O.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from msgspec import Struct

from router.accounts.record import Account
from router.clock import Clock
from router.faults import Fault
from router.providers.config import ProviderConfig


class Lease(Struct, frozen=True, kw_only=True):
    """One account in use for one attempt. probe: this attempt tests whether something cooling has recovered."""

    number: int
    provider: str
    model: str
    account: Account
    probe: bool = False


class Waiting(Struct, frozen=True):
    """Why one account cannot be used now. until: Unix time, None where time alone does not help."""

    account: str
    state: str
    cause: str
    until: float | None


class Cooling(Struct, frozen=True, kw_only=True):
    """No account of the provider can be used. retry_after: seconds until the earliest one may, None if never."""

    provider: str
    model: str
    reasons: tuple[Waiting, ...]
    retry_after: float | None

    def fault(self) -> Fault:
        """What to tell the client when there is nothing else: 429 or 503 naming accounts and causes."""
        raise NotImplementedError


class HealthRow(Struct, frozen=True, kw_only=True):
    """One row of persistent state. until, at: Unix time. account is "" for a target (scope ``target``)."""

    account: str
    scope: str  # account | bucket | model | target
    key: str
    state: str
    until: float | None
    strikes: int
    cause: str
    at: float


class Health:
    """Leases accounts and learns from how the attempts end."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance

    def lease(
        self,
        provider: ProviderConfig,
        model: str,
        *,
        avoid: Iterable[str] = (),
        prefer: str | None = None,
    ) -> Lease | Cooling:
        """Take an account for one attempt. avoid: account ids already tried for this call. prefer: the account that
        holds this conversation's opaque items or cache, taken if it can serve at all.

        Every lease ends with exactly one of `succeeded`, `failed`, `release` (later ones are ignored)."""
        raise NotImplementedError

    def committed(self, lease: Lease) -> None:
        """The first content arrived: the account and the target work. Ends probes at once; the lease goes on."""
        raise NotImplementedError

    def succeeded(self, lease: Lease) -> None:
        """The answer is complete."""
        raise NotImplementedError

    def failed(self, lease: Lease, fault: Fault) -> None:
        """The attempt ended with `fault`. A request fault cools nothing."""
        raise NotImplementedError

    def release(self, lease: Lease) -> None:
        """The attempt ended without saying anything about the account (the client went away)."""
        raise NotImplementedError

    def dirty(self) -> list[HealthRow]:
        """Rows that changed since the last call, for whoever persists them. A recovered one has state ``ready``."""
        raise NotImplementedError

    def load(self, rows: Iterable[HealthRow]) -> None:
        """Take persisted rows over, at start, before the first lease."""
        raise NotImplementedError
