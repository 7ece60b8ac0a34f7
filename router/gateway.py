"""The object graph: built once, closed at the end. No logic of its own.

`Gateway` lives as long as the process, with health, keys and connections. What follows from the settings is a
`Snapshot`: a request takes the current one when it starts and keeps it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from router.access.door import Door
from router.access.keys import ClientKey, KeyRing
from router.accounts.affinity import Affinity
from router.accounts.health import Health
from router.accounts.quota import Window
from router.accounts.sessions import Sessions
from router.accounts.tally import Tallies
from router.accounts.windows import Windows
from router.call import Record
from router.clock import Clock, SystemClock
from router.ids import Ids
from router.net.client import Net
from router.observe.metrics import AccountStates, Metrics, QuotaWindows
from router.policies.idempotency import Idempotency
from router.policies.kept import Kept
from router.providers.credentials import Credentials, Stored
from router.providers.ctonew.opener import CtoNew
from router.providers.run import Runner
from router.relay.announced import Within
from router.relay.arrivals import Arrivals
from router.relay.hub import Hub
from router.routing import scopes
from router.routing.admission import Admission
from router.routing.attempt import Attempts
from router.routing.choose import Strategy
from router.routing.combos import Turns
from router.routing.crowd import Crowd
from router.routing.line import Bounds
from router.settings.schema import Settings
from router.snapshot import Snapshot
from router.usage.budgets import Budgets
from router.usage.ledger import Ledger


class AccountState(Struct, frozen=True, kw_only=True):
    """How one account is. until: Unix time, None where it is ready or where time does not help."""

    account: str
    provider: str
    state: str
    cause: str = ""
    until: float | None = None


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
        self.kept_by_services: Callable[[], Iterable[tuple[str, str, Within]]] = tuple
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

    def waiting_in_services(self) -> list[AccountState]:
        """Accounts that services keep themselves, such as cookies of the WebAI service, and that only a person can
        bring back: ``webai/desk/home``."""
        return [
            AccountState(account=f"{account}/{each.name}", provider=provider, state=each.state, cause=each.cause)
            for account, provider, each in self.kept_by_services()
        ]

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
        for state in self.waiting_in_services():
            yield state.account, state.provider, state.state

    async def close(self) -> None:
        """End everything that was started."""
        await self.ctonew.close()
        await self.net.close()
