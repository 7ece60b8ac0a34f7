"""The object graph: built from settings, swapped whole on reload, closed at the end. No logic of its own.

`Gateway` lives as long as the process; `Snapshot` is immutable: a request takes one when it starts and keeps it.
Health, keys and connections live outside the snapshot and survive reloads.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from router import places
from router.access.door import Door
from router.access.keys import ClientKey, KeyRing
from router.access.rights import Access, access_of
from router.access.sources import settings_keys
from router.accounts.affinity import Affinity
from router.accounts.health import Health
from router.accounts.quota import Window
from router.accounts.sessions import Sessions
from router.accounts.tally import Tallies
from router.accounts.windows import Windows
from router.call import Limits, Record
from router.clock import Clock, SystemClock
from router.ids import Ids
from router.models import capabilities
from router.models.capabilities import CapabilityTable
from router.models.catalogue import Catalogue
from router.models.catalogue import build as build_catalogue
from router.net.client import Net
from router.observe.metrics import AccountStates, Metrics, QuotaWindows
from router.policies.idempotency import Idempotency
from router.policies.kept import Kept
from router.policies.payload import Payload, payload_of
from router.policies.shapes import Shapes, shapes_of
from router.providers.config import ProviderConfig
from router.providers.credentials import Credentials, Stored
from router.providers.ctonew.opener import CtoNew
from router.providers.resolve import NOBODY, SignedIn, resolve
from router.providers.run import Runner
from router.relay.arrivals import Arrivals
from router.relay.hub import Hub
from router.routing import scopes
from router.routing.admission import Admission
from router.routing.attempt import Attempts
from router.routing.choose import Strategy
from router.routing.combos import Combo, Turns
from router.routing.crowd import Crowd
from router.routing.limits import route_limits
from router.routing.line import Bounds
from router.routing.table import Rule, Table, build
from router.settings.combo_blocks import Combo as ComboBlock
from router.settings.schema import Settings
from router.usage import price_file
from router.usage.budgets import Budgets
from router.usage.ledger import Ledger
from router.usage.prices import PriceTable
from router.usage.tariff import NOTHING_KNOWN, Tariff


class AccountState(Struct, frozen=True, kw_only=True):
    """How one account is. until: Unix time, None where it is ready or where time does not help."""

    account: str
    provider: str
    state: str
    cause: str = ""
    until: float | None = None


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
    tariff: Tariff = NOTHING_KNOWN
    access: Access = Access()
    shapes: Shapes = Shapes()
    payload: tuple[Payload, ...] = ()

    def providers_for(self, key: str) -> Mapping[str, ProviderConfig]:
        """The providers with the accounts that the key with this id may use."""
        own = self.access.of(key).own
        return self.providers if own is None else own

    def for_keys(self, keys: Iterable[ClientKey], before: Access | None = None) -> Snapshot:
        """The same with the rights of these keys, worked out here once and not for every call. before: rights of which
        some are the same."""
        keys, known = tuple(keys), (before or self.access).rights
        return replace(
            self,
            access=access_of(self.settings, self.table.resolve_provider, self.providers.values(), keys, known),
            shapes=shapes_of(self.settings, {key.id: key.rights for key in keys if key.rights is not None}),
        )


def snapshot_of(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    warnings: tuple[str, ...] = (),
    provenance: Mapping[str, str] | None = None,
    now: float = 0.0,
    signed_in: SignedIn = NOBODY,
    facts: CapabilityTable | None = None,
    prices: PriceTable | None = None,
) -> Snapshot:
    """Build all of it. signed_in: the accounts of the store, and the services that are connected. facts: about models,
    and prices, where the same settings gave them before (reading them takes most of the time). Raises
    `RoutingMistakes`, `CapabilityMistakes` or `PriceMistakes`: then nothing has changed."""
    providers = resolve(settings, environ, signed_in=signed_in)
    facts = facts or capabilities.load(settings.models.capabilities)
    table = build(
        providers,
        [
            Rule(
                pattern=route.pattern,
                providers=_ranks(route.providers),
                priority=route.priority,
                grace=route.grace,
                resume=route.resume,
                limits=route_limits(route),
            )
            for route in settings.models.routing
        ],
        settings.models.aliases,
        settings.models.exclusions,
        capabilities=facts,
        combos=combos_of(settings.models.combos),
        smaller=settings.routing.smaller_models if settings.routing.quota_exceeded == "smaller_model" else None,
    )
    waits = settings.server.timeouts
    if prices is None:
        prices = price_file.load(*price_files(settings))
    made = Snapshot(
        settings=settings,
        providers={provider.id: provider for provider in providers},
        table=table,
        catalogue=build_catalogue(
            providers,
            facts,
            aliases={
                **settings.models.aliases,
                **{name: combo.names for name, combo in settings.models.combos.items()},
            },
            exclusions=settings.models.exclusions,
        ),
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
            resume=settings.retry.resume,
            hedge=settings.retry.hedge,
            cache=settings.policies.cache.enabled,
            heartbeat=waits.heartbeat,
            quota_exceeded=settings.routing.quota_exceeded,
        ),
        warnings=warnings,
        provenance=provenance or {},
        loaded_at=now,
        tariff=Tariff(prices, providers),
        payload=payload_of(settings.policies.payload, table.resolve_provider),
    )
    return made.for_keys(settings_keys(settings))


def combos_of(blocks: Mapping[str, ComboBlock]) -> list[Combo]:
    """The named chains of the settings."""
    return [
        Combo(name, block.names, block.strategy, tuple(target.weight for target in block.targets))
        for name, block in blocks.items()
    ]


def price_files(settings: Settings) -> tuple[Path, Path | None]:
    """Where prices are looked for: the state folder, and the operator's own table."""
    own = settings.usage.prices
    return places.in_checkout(settings.server.state_dir), None if own is None else places.in_checkout(own)


def _ranks(groups: tuple[tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
    return tuple(group[0] if len(group) == 1 else group for group in groups)


def _bounds(settings: Settings) -> Bounds:
    return Bounds(settings.server.limits.streams, settings.server.limits.queue)


_STRATEGIES: Mapping[str, Strategy] = {
    "round_robin": "round-robin",
    "fill_first": "fill-first",
    "weighted": "weighted",
    "least_busy": "least-busy",
    "most_quota_left": "most-quota-left",
}


class Gateway:
    """The router's parts, put together."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        keys: KeyRing,
        door: Door,
        net: Net,
        health: Health,
        metrics: Metrics,
        clock: Clock | None = None,
        chance: random.Random | None = None,
        tell: Callable[[Record], None],
        stored: Stored | None = None,
        hub: Hub,
        ledger: Ledger,
    ) -> None:
        """door: of management. tell: what to do with the record of every finished call. stored: gives the tokens of
        sign-ins. hub: has the services that are connected. ledger: where finished calls are kept."""
        self.log = logging.getLogger("switchyard.gateway")
        self.clock: Clock = clock or SystemClock()
        self.current = snapshot.for_keys(keys.known())
        self.keys = keys
        self.door = door
        self.net = net
        self.health = health
        self.hub = hub
        self.ledger = ledger
        health.load_of = hub.load
        self.arrivals = Arrivals(self.clock, lambda: self.current.settings.relay.arrival_wait)
        self.metrics = metrics
        self._tell = tell
        chance = chance or random.Random()  # noqa: S311  ids and jitter are no secrets
        self.ids = Ids(chance)
        self.ctonew = CtoNew(net, self.clock, chance)
        self.windows = Windows(self.clock, health.cool)
        health.windows = self.windows.known
        self.runner = Runner(
            net,
            Credentials(net, self.clock, stored),
            sources={"ctonew": self.ctonew.open},
            heard=self.windows.heard,
            relay=hub,
        )
        self.sessions = Sessions(self.clock)
        self.sessions.stays = hub.stays
        self.affinity = Affinity(self.clock)
        self.tallies = Tallies(self.clock)
        self.budgets = Budgets(self.clock)
        self.cache, self.idempotency = Kept(0, 0), Idempotency(0)
        crowd = Crowd(self.clock, net.patience, metrics)
        self.admission = Admission(crowd, self.clock, _bounds(snapshot.settings))
        self.attempts = Attempts(
            self.runner, health, self.affinity, self.clock, chance, net.patience, self.sessions, crowd
        )
        self._follow(snapshot)
        keys.told = self._follow_keys
        self.config_error: str | None = None
        self.restart_needed: tuple[str, ...] = ()
        self.programs_problem: str | None = None
        self._rotation = 0
        self.turns = Turns()
        metrics.collect(AccountStates(self._states))
        metrics.collect(QuotaWindows(self._quota))
        metrics.open_requests.set_function(lambda: self.open_calls)
        metrics.waits_for(crowd.waiting)
        metrics.relay_calls_open.set_function(lambda: sum(session.open_calls for session in hub.sessions))
        metrics.ledger_dropped.set_function(lambda: ledger.dropped)
        metrics.config_valid.set(1)

    def rotation(self) -> int:
        """A counter that turns providers of equal rank."""
        self._rotation += 1
        return self._rotation

    @property
    def open_calls(self) -> int:
        """Calls in progress; those that wait to begin are not counted."""
        return self.admission.process.running

    def replace(self, snapshot: Snapshot, restart_needed: tuple[str, ...] = ()) -> None:
        """Put new settings in force for the calls that start from now on. restart_needed: paths of those that wait."""
        snapshot.tariff.remember(self.current.tariff)
        self.current = snapshot.for_keys(self.keys.known(), self.current.access)
        self.restart_needed = restart_needed
        self._follow(snapshot)
        self.cache.clear()  # whatever was changed may change answers
        self.config_error = None
        self.metrics.config_valid.set(1)
        self.metrics.reloads.labels("ok").inc()

    def _follow(self, snapshot: Snapshot) -> None:
        routing, limits = snapshot.settings.routing, snapshot.settings.server.limits
        self.net.follow(snapshot.settings.network.proxy, snapshot.settings.network.no_proxy)
        self.admission.follow(_bounds(snapshot.settings), limits.queue_timeout, self.keys.known())
        self.health.rooms.follow(snapshot.providers)
        self.health.strategy = _STRATEGIES[routing.strategy]
        policies = snapshot.settings.policies
        self.cache.follow(policies.cache.ttl, policies.cache.max_bytes)
        self.idempotency.follow(policies.idempotency.ttl)
        self.sessions.ttl = routing.sticky.ttl if routing.sticky.enabled else 0.0

    def _follow_keys(self, keys: Iterable[ClientKey]) -> None:
        """Keys came, went or changed: what they may do counts for the calls that start from now on."""
        keys = tuple(keys)
        self.admission.follow_keys(keys)
        if not self.current.access.fits(keys):
            self.current = self.current.for_keys(keys)
            self.cache.clear()

    def reroute(self, snapshot: Snapshot) -> None:
        """The same settings with other accounts."""
        snapshot.tariff.remember(self.current.tariff)
        before, self.current = self.current, snapshot.for_keys(self.keys.known(), self.current.access)
        self.arrivals.changed(before.providers, snapshot.providers)

    def reject(self, reason: str) -> None:
        """A changed settings file is not valid: the old settings stay in force."""
        self.config_error = reason
        self.metrics.config_valid.set(0)
        self.metrics.reloads.labels("rejected").inc()

    def settle(self, record: Record) -> None:
        """Account for one finished call, exactly once."""
        try:
            self.current.tariff.settle(record)
            self.ledger.settle(record)
        except Exception:  # a mistake of ours in the accounts is no reason to break an answer
            self.log.exception("the call %s could not be accounted for", record.call_id)
        self.budgets.settle(record)
        self.metrics.settle(record)
        self.tallies.settle(record)
        self._tell(record)

    def account_states(self) -> dict[str, AccountState]:
        """Every configured account with the state that it is in as a whole."""
        view = self.health.snapshot()
        states: dict[str, AccountState] = {}
        for provider in self.current.providers.values():
            for account in provider.accounts:
                entry = scopes.ruling(view.entries, account.id, view.now)
                states[account.id] = AccountState(
                    account=account.id,
                    provider=provider.id,
                    state=entry.state if entry is not None else "ready",
                    cause=entry.cause if entry is not None else "",
                    until=entry.until if entry is not None else None,
                )
        return states

    def needing_login(self) -> frozenset[str]:
        """Providers that have accounts, none of which can serve before a person has signed in."""
        entries = self.health.waiting_for_people()
        if not entries:
            return frozenset()
        providers = self.current.providers.values()
        return frozenset(
            provider.id
            for provider in providers
            if provider.accounts and all(account.id in entries for account in provider.accounts)
        )

    def quota_windows(self) -> list[tuple[str, str, Window]]:
        """Account, name and state of every quota window that is known."""
        return [(account, window.name, window) for account, _, window in self._quota()]

    def _quota(self) -> Iterator[tuple[str, str, Window]]:
        for provider in self.current.providers.values():
            yield from self.windows.samples(provider.accounts)

    def _states(self) -> Iterator[tuple[str, str, str]]:
        for state in self.account_states().values():
            yield state.account, state.provider, state.state

    async def close(self) -> None:
        """End everything that was started."""
        await self.ctonew.close()
        await self.net.close()
