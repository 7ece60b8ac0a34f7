"""What the first screen answers: is it working, why did that fail, how much is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from router.api.manage.operation import Asked, Operation
from router.faults import MEANINGS
from router.gateway import AccountState, Gateway
from router.observe.recent import AttemptRow, CallRow, Recent
from router.providers.config import ProviderConfig
from router.version import VERSION

FAILURES = 8
LATELY = 900.0
"""Seconds of the past in which attempts are counted."""
UPSTREAM = frozenset(kind for kind, meaning in MEANINGS.items() if meaning.whose == "upstream")
"""Outcomes that are a provider's fault, not the caller's."""


class ProviderHealth(Struct, frozen=True):
    """One provider. state: ok (all accounts serve), partly, down (none serves now), off (not configured). retry_at:
    Unix seconds when the first of its accounts may serve again. tries, failed: attempts of the last quarter of an hour
    that came to an end, and those of them that failed by the provider's fault."""

    id: str
    kind: str
    state: str
    ready: int
    accounts: int
    reason: str
    retry_at: float | None
    tries: int
    failed: int


class Left(Struct, frozen=True):
    """One quota window of an account. used: share from 0 to 1. resets_at: Unix seconds."""

    account: str
    window: str
    used: float
    resets_at: float | None


class Overview(Struct, frozen=True):
    """causes: as `/readyz` tells them. failures: the newest calls that failed."""

    version: str
    now: float
    open_calls: int
    causes: list[dict[str, Any]]
    providers: list[ProviderHealth]
    windows: list[Left]
    failures: list[CallRow]


class OverviewDesk:
    """causes: what is not as it should be."""

    def __init__(
        self, gateway: Gateway, recent: Recent, causes: Callable[[], list[dict[str, Any]]], wall: Callable[[], float]
    ) -> None:
        self._gateway = gateway
        self._recent = recent
        self._causes = causes
        self._wall = wall

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
        lately = [made for row in calls if row.at >= now - LATELY for made in row.attempts]
        providers = [
            _health(
                provider,
                [made for made in lately if made.provider == provider.id],
                [states[account.id] for account in provider.accounts],
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
            windows=windows,
            failures=failed[:FAILURES],
        )


def _health(provider: ProviderConfig, made: list[AttemptRow], states: list[AccountState]) -> ProviderHealth:
    ready = sum(state.state == "ready" for state in states)
    resting = [state for state in states if state.state != "ready"]
    state = "off" if not states else "ok" if not resting else "partly" if ready else "down"
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
    )
