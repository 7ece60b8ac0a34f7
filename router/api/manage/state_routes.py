"""What is configured and what it does now: status, accounts, the relay, and why a name leads where it leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

from router.access.keys import ClientKey
from router.access.lost import lost
from router.access.roles import covers
from router.api.accounts import AccountViews
from router.api.identify import draining
from router.api.manage.account_shapes import AccountList
from router.api.manage.operation import Asked, Operation, Refused
from router.api.planning import explained
from router.faults import Fault
from router.gateway import Gateway
from router.relay.announced import Announced
from router.relay.report import relay_report
from router.routing.explain import explain
from router.routing.plan import Needs, draft
from router.version import VERSION
from router.wire.conversation import Dialect


class AccountStatus(Struct, frozen=True):
    """until: Unix seconds, None where it is ready or where time does not help."""

    account: str
    state: str
    cause: str
    until: float | None


class ProviderStatus(Struct, frozen=True):
    """reason: why it cannot serve at all, None where it can."""

    provider: str
    kind: str
    dialects: list[str]
    reason: str | None
    accounts: list[AccountStatus]


class ConfigStatus(Struct, frozen=True):
    """loaded_at: Unix seconds. error: why a changed file is not in force. restart_needed: settings that wait for it."""

    loaded_at: float
    error: str | None
    warnings: list[str]
    restart_needed: list[str]


class Status(Struct, frozen=True):
    """open_calls: in progress. waiting: calls that wait for a place, by whose limit."""

    version: str
    draining: bool
    config: ConfigStatus
    open_calls: int
    waiting: dict[str, int]
    providers: list[ProviderStatus]


class Wanted(Struct):
    """dialect: of the call. provider: pinned. key: name or id of the client key that asks."""

    model: Annotated[str, Meta(min_length=1)]
    dialect: Dialect = "chat"
    provider: str | None = None
    key: str | None = None


class StateDesk:
    """Reads the gateway."""

    def __init__(self, gateway: Gateway, accounts: AccountViews, announced: Announced) -> None:
        self._gateway = gateway
        self._accounts = accounts
        self._announced = announced

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/status", need="viewer", name="status", answer=Status, handler=self.status,
                summary="Version, settings in force, providers, accounts and their states.",
            ),
            Operation(
                method="GET", path="/explain", need="viewer", name="explain", query=Wanted, answer=dict[str, Any],
                handler=self.explain, summary="What would serve a model and why, from the engine that routes.",
            ),
            Operation(
                method="GET", path="/accounts", need="viewer", name="accounts", answer=AccountList,
                handler=self.accounts, summary="Every account with its state and why, quotas and what it has done.",
            ),
            Operation(
                method="GET", path="/relay", need="viewer", name="relay", answer=dict[str, Any], handler=self.relay,
                summary="Every session of the relay and every service that is reached over HTTP: who it is, how busy, "
                "what went wrong.",
            ),
        ]  # fmt: skip

    async def status(self, asked: Asked) -> Status:
        gateway = self._gateway
        snapshot = gateway.current
        states = gateway.account_states()
        return Status(
            version=VERSION,
            draining=draining(asked.request.scope),
            config=ConfigStatus(
                loaded_at=snapshot.loaded_at,
                error=gateway.config_error,
                warnings=list(snapshot.warnings),
                restart_needed=list(gateway.restart_needed),
            ),
            open_calls=gateway.open_calls,
            waiting={str(scope): count for scope, count in gateway.admission.crowd.waiting.items()},
            providers=[
                ProviderStatus(
                    provider=provider.id,
                    kind=provider.kind,
                    dialects=list(provider.dialects),
                    reason=provider.reason,
                    accounts=[
                        AccountStatus(state.account, state.state, state.cause, state.until)
                        for state in (states[account.id] for account in provider.accounts)
                    ],
                )
                for provider in snapshot.providers.values()
            ],
        )

    async def explain(self, asked: Asked) -> dict[str, Any]:
        wanted: Wanted = asked.query
        snapshot = self._gateway.current
        try:
            made = draft(snapshot.table, wanted.model, needs=Needs(dialect=wanted.dialect), pinned=wanted.provider)
        except Fault as fault:
            raise Refused(fault.http_status, fault.message) from None
        health = self._gateway.health.snapshot()
        if wanted.key is None:
            plan = explained(self._gateway, snapshot, made, None)
            return {**explain(plan, snapshot.providers, health), "key": None}
        if not covers(asked.who.role, "operator"):
            raise Refused(403, "What a key may do is told to operators: ask without `key`.")
        key = self._key(wanted.key)
        plan = explained(self._gateway, snapshot, made, key.id)
        told = lost(snapshot.access.of(key.id), key.name, made, snapshot.providers)
        return {**explain(plan, snapshot.providers_for(key.id), health), "key": to_builtins(told)}

    def _key(self, name: str) -> ClientKey:
        """A client key by its id or its name."""
        known = self._gateway.keys.keys()
        found = next((key for key in known if name in (key.id, key.name)), None)
        if found is None:
            raise Refused(404, f"No key is called {name[:100]!r}; `switchyard keys list` shows them.")
        return found

    async def accounts(self, asked: Asked) -> dict[str, Any]:
        return self._accounts.all()

    async def relay(self, asked: Asked) -> dict[str, Any]:
        return relay_report(self._gateway.hub, self._announced.current())
