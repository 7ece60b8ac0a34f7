"""The object graph: built from settings, swapped whole on reload, closed at the end. No logic of its own.

`Gateway` lives as long as the process; `Snapshot` is immutable: a request takes one when it starts and keeps it. Health,
keys and connections live outside the snapshot and survive reloads.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from router.access.keys import KeyRing
from router.accounts.health import Health
from router.api.continuation import Continuations
from router.api.reply import Heartbeats
from router.call import Limits, Record
from router.clock import Clock, SystemClock
from router.faults import Fault
from router.ids import Ids
from router.models import capabilities
from router.models.catalogue import Catalogue
from router.net.client import Net
from router.observe.metrics import AccountStates, Metrics
from router.observe.request_line import tell
from router.providers.config import ProviderConfig
from router.providers.credentials import Credentials
from router.providers.run import Runner
from router.routing.attempt import Attempts
from router.routing.table import Rule, Table, build
from router.settings.resolve import resolve
from router.settings.schema import Settings
from router.tasks import Tasks


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that follows from one version of the settings."""

    settings: Settings
    providers: Mapping[str, ProviderConfig]
    table: Table
    catalogue: Catalogue
    limits: Limits
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, str] = {}
    loaded_at: float = 0.0


def snapshot_of(
    settings: Settings, environ: Mapping[str, str], *, warnings: tuple[str, ...] = (), now: float = 0.0
) -> Snapshot:
    """Build all of it. Raises `RoutingMistakes` or `CapabilityMistakes`: then nothing has changed."""
    providers = resolve(settings, environ)
    table = build(
        providers,
        [
            Rule(pattern=route.pattern, providers=_ranks(route.providers), priority=route.priority)
            for route in settings.models.routing
        ],
        settings.models.aliases,
        settings.models.exclusions,
        capabilities=capabilities.load(settings.models.capabilities),
    )
    waits = settings.server.timeouts
    return Snapshot(
        settings=settings,
        providers={provider.id: provider for provider in providers},
        table=table,
        catalogue=Catalogue(table),
        limits=Limits(
            max_attempts=settings.retry.max_attempts,
            deadline=settings.retry.deadline,
            connect=waits.connect,
            first_token=waits.first_token,
            slow_first_token=waits.slow_first_token,
            idle=waits.idle,
            content_stall=waits.content_stall,
            total=waits.total,
            grace=waits.grace,
            heartbeat=waits.heartbeat,
        ),
        warnings=warnings,
        loaded_at=now,
    )


def _ranks(groups: tuple[tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
    return tuple(group[0] if len(group) == 1 else group for group in groups)


class Gateway:
    """The router's parts, put together."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        keys: KeyRing,
        net: Net,
        health: Health,
        continuations: Continuations,
        metrics: Metrics,
        clock: Clock | None = None,
        chance: random.Random | None = None,
        watchers: Tasks | None = None,
        state_dir: Path | None = None,
    ) -> None:
        self.log = logging.getLogger("switchyard.gateway")
        self.clock: Clock = clock or SystemClock()
        self.current = snapshot
        self.keys = keys
        self.net = net
        self.health = health
        self.continuations = continuations
        self.metrics = metrics
        self.state_dir = state_dir
        self.ids = Ids(chance or random.SystemRandom())
        self.watchers = watchers or Tasks("watchers")
        self.heartbeats = Heartbeats(snapshot.limits.grace, snapshot.limits.heartbeat)
        self.attempts = Attempts(
            Runner(net, Credentials(net, self.clock)),
            health,
            self.clock,
            chance or random.Random(),  # noqa: S311
        )
        self.draining = False
        self.config_error: str | None = None
        self.open_calls = 0
        self._rotation = 0
        metrics.accounts(AccountStates(self._account_states))
        metrics.config_valid.set(1)

    def rotation(self) -> int:
        """A counter that turns providers of equal rank."""
        self._rotation += 1
        return self._rotation

    def admit(self) -> None:
        """Take one more call, or raise `Fault` overloaded or unavailable. `settle` gives its place back."""
        if self.draining:
            raise Fault("unavailable", "This gateway is stopping. Try again in a moment.", retry_after=2.0)
        if self.open_calls >= self.current.settings.server.limits.streams:
            raise Fault(
                "overloaded",
                f"{self.open_calls} calls are in progress, which is all that server.limits.streams allows.",
                retry_after=2.0,
            )

    def replace(self, snapshot: Snapshot) -> None:
        """Put new settings in force for the calls that start from now on."""
        self.current = snapshot
        self.heartbeats.grace = snapshot.limits.grace
        self.heartbeats.every = snapshot.limits.heartbeat
        self.config_error = None
        self.metrics.config_valid.set(1)
        self.metrics.reloads.labels("ok").inc()

    def reject(self, reason: str) -> None:
        """A changed settings file is not valid: the old settings stay in force."""
        self.config_error = reason
        self.metrics.config_valid.set(0)
        self.metrics.reloads.labels("rejected").inc()

    def settle(self, record: Record) -> None:
        """Account for one finished call, exactly once."""
        self.metrics.settle(record)
        tell(record)

    def _account_states(self) -> Iterator[tuple[str, str, str]]:
        for provider in self.current.providers.values():
            for account in provider.accounts:
                yield account.id, provider.id, self.health.state_of(account.id)

    async def start(self) -> None:
        """Begin the background work, within the running loop."""
        self.heartbeats.start()

    async def close(self) -> None:
        """End everything that was started."""
        await self.heartbeats.close()
        await self.watchers.close()
        await self.net.close()
