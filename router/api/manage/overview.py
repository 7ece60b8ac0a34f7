"""What the first screen answers: is it working, why did that fail, how much is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from router.api.manage.operation import Asked, Operation
from router.faults import MEANINGS
from router.gateway import AccountState, Gateway
from router.observe.recent import AttemptRow, CallRow, Recent
from router.providers.config import ProviderConfig
from router.relay.attendance import Absent
from router.routing.cooldown import Entry, Key
from router.routing.scopes import target
from router.version import VERSION

FAILURES = 8
LATELY = 900.0
"""Seconds of the past in which attempts are counted."""
UPSTREAM = frozenset(kind for kind, meaning in MEANINGS.items() if meaning.whose == "upstream")
"""Outcomes that are a provider's fault, not the caller's."""


class Circuit(Struct, frozen=True):
    """A model that is not asked for a while, because it failed again and again there. retry_at: Unix seconds."""

    model: str
    reason: str
    retry_at: float | None


class ProviderHealth(Struct, frozen=True):
    """One provider. state: ok (all accounts serve), partly, down (none serves now), off (not configured). retry_at:
    Unix seconds when the first of its accounts may serve again. tries, failed: attempts of the last quarter of an hour
    that came to an end, and those of them that failed by the provider's fault. circuits: models of it that rest."""

    id: str
    kind: str
    state: str
    ready: int
    accounts: int
    reason: str
    retry_at: float | None
    tries: int
    failed: int
    circuits: list[Circuit]


class Missing(Struct, frozen=True):
    """A service that is not connected. wanted: the settings turn it on, so it is down; else it was here and has gone.
    name: "" where none has come yet. since: Unix seconds. program: the one under supervisord that it would be, "" where
    it runs elsewhere. remedy: what to do."""

    service: str
    name: str
    since: float
    cause: str
    wanted: bool
    program: str
    remedy: str


class Left(Struct, frozen=True):
    """One quota window of an account. used: share from 0 to 1. resets_at: Unix seconds."""

    account: str
    window: str
    used: float
    resets_at: float | None


class Overview(Struct, frozen=True):
    """causes: as `/readyz` tells them. missing: services that are not connected; `/relay` has those that are.
    supervised: whether `/processes` can tell of programs. failures: the newest calls that failed."""

    version: str
    now: float
    open_calls: int
    causes: list[dict[str, Any]]
    providers: list[ProviderHealth]
    missing: list[Missing]
    supervised: bool
    windows: list[Left]
    failures: list[CallRow]


class OverviewDesk:
    """causes: what is not as it should be. absent: services that are not connected. supervised: see `Overview`."""

    def __init__(
        self,
        gateway: Gateway,
        recent: Recent,
        causes: Callable[[], list[dict[str, Any]]],
        absent: Callable[[], list[Absent]],
        wall: Callable[[], float],
        *,
        supervised: bool,
    ) -> None:
        self._gateway = gateway
        self._recent = recent
        self._causes = causes
        self._absent = absent
        self._wall = wall
        self._supervised = supervised

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET",
                path="/overview",
                need="viewer",
                name="overview",
                summary="Is it working, why did that fail, how much is left.",
                answer=Overview,
                handler=self.get,
            )
        ]

    async def get(self, asked: Asked) -> Overview:
        gateway = self._gateway
        states = gateway.account_states()
        named = {".".join(path.split(".")[:2]) for path in gateway.current.provenance}
        now, calls = self._wall(), list(self._recent.newest())
        missing = [Missing(**msgspec.structs.asdict(each)) for each in self._absent()]
        down = {each.service for each in missing if each.wanted}
        entries = gateway.health.snapshot().entries
        lately = [made for row in calls if row.at >= now - LATELY for made in row.attempts]
        providers = [
            _health(
                provider,
                [made for made in lately if made.provider == provider.id],
                [states[account.id] for account in provider.accounts],
                _circuits(provider.id, entries, now),
                down=provider.id in down,
            )
            for provider in gateway.current.providers.values()
            if provider.kind != "demo" and (provider.accounts or f"providers.{provider.id}" in named)
        ]
        windows = [
            Left(account, name, window.used, window.resets_at) for account, name, window in gateway.quota_windows()
        ]
        failed = [row for row in calls if row.failed]
        return Overview(
            version=VERSION,
            now=now,
            open_calls=gateway.open_calls,
            causes=self._causes(),
            providers=providers,
            missing=missing,
            supervised=self._supervised,
            windows=windows,
            failures=failed[:FAILURES],
        )


def _circuits(provider: str, entries: Mapping[Key, Entry], now: float) -> list[Circuit]:
    """Those that are open. Where its time is over the next call may try, so it rests no more."""
    start = target(provider, "")[2]
    return [
        Circuit(name.removeprefix(start), entry.cause[:300], entry.until)
        for (_, scope, name), entry in entries.items()
        if scope == "target" and name.startswith(start) and entry.state != "ready" and (entry.until or 0) > now
    ]


def _health(
    provider: ProviderConfig,
    made: list[AttemptRow],
    states: list[AccountState],
    circuits: list[Circuit],
    *,
    down: bool,
) -> ProviderHealth:
    """down: the service that serves it is turned on and not there."""
    ready = sum(state.state == "ready" for state in states)
    resting = [state for state in states if state.state != "ready"]
    state = ("down" if down else "off") if not states else "ok" if not resting else "partly" if ready else "down"
    retries = [each.until for each in resting if each.until is not None]
    told = "; ".join(dict.fromkeys(f"{each.account}: {each.cause or each.state}" for each in resting))
    return ProviderHealth(
        id=provider.id,
        kind=provider.kind,
        state=state,
        ready=ready,
        accounts=len(states),
        reason=(told or provider.reason or "")[:500],
        retry_at=min(retries) if retries else None,
        tries=sum(each.outcome == "ok" or each.outcome in UPSTREAM for each in made),
        failed=sum(each.outcome in UPSTREAM for each in made),
        circuits=circuits,
    )
