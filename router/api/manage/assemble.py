"""The management API put together: every desk's operations in one table, and the document that describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from msgspec import Struct
from starlette.routing import Route

from router.accounts.audit import Audit
from router.accounts.keeper import Keeper
from router.accounts.record import Account
from router.api.accounts import AccountViews
from router.api.manage.account_changes import AccountChangeDesk
from router.api.manage.account_routes import AccountDesk
from router.api.manage.audit_routes import AuditDesk
from router.api.manage.auth_described import AUTH
from router.api.manage.backup_routes import BackupDesk
from router.api.manage.budget_routes import BudgetDesk
from router.api.manage.call_routes import CallDesk
from router.api.manage.config_routes import ConfigDesk
from router.api.manage.debug_routes import DebugDesk
from router.api.manage.key_routes import KeyDesk, Store
from router.api.manage.log_routes import LogDesk
from router.api.manage.model_routes import ModelDesk
from router.api.manage.network_routes import NetworkDesk
from router.api.manage.new_account_routes import NewAccountDesk
from router.api.manage.openapi import document
from router.api.manage.operation import Asked, Operation, Table
from router.api.manage.overview import OverviewDesk
from router.api.manage.price_routes import PriceDesk
from router.api.manage.process_routes import ProcessDesk
from router.api.manage.record_routes import RecordDesk
from router.api.manage.routing_routes import RoutingDesk
from router.api.manage.session_routes import SessionDesk
from router.api.manage.state_routes import StateDesk
from router.api.manage.usage_routes import Reader, UsageDesk
from router.backup.shelf import Shelf
from router.clock import Clock
from router.config_history import ConfigHistory
from router.gateway import Gateway
from router.healed import Healed
from router.observe.debugging import Debugging
from router.observe.recent import Recent
from router.observe.records.folder import RecordFolder
from router.observe.tail import Tail
from router.relay.announced import Announced
from router.relay.attendance import Absent
from router.settings.checks import names_in
from router.settings.load import Loaded
from router.settings.provider_names import ProviderNames
from router.snapshot import Snapshot
from router.supervisord import Supervisord


class Sources(Struct, frozen=True, kw_only=True):
    """What the operations work with. check, apply, environ: see `ConfigDesk`. keys: the database, None while it is not
    open. usage: reads the ledger, None likewise. audit: takes who, what and which. replace: see `ProcessDesk`. judged,
    elsewhere: see `BackupDesk`. prices: the table in the state folder, and those before it. with_account: see
    `NewAccountDesk`."""

    accounts: AccountViews
    keeper: Keeper
    with_account: Callable[[Account], Snapshot]
    announced: Announced
    recent: Recent
    records: RecordFolder
    tail: Tail
    history: ConfigHistory
    prices: ConfigHistory
    file: str
    check: Callable[[str], tuple[Loaded, Snapshot]]
    apply: Callable[[], Any]
    keys: Callable[[], Store | None]
    usage: Callable[[], Reader | None]
    causes: Callable[[], list[dict[str, Any]]]
    absent: Callable[[], list[Absent]]
    audit: Callable[[str, str, str], None]
    audit_log: Audit
    supervisord: Supervisord
    debugging: Debugging
    replace: Callable[[], bool]
    healed: Callable[[], Mapping[str, list[Healed]]]
    shelf: Shelf
    judged: Callable[[str], str | None]
    elsewhere: bool
    environ: Mapping[str, str]


def assemble(gateway: Gateway, sources: Sources, clock: Clock) -> list[Route]:
    """The routes."""
    table = Table(gateway, sources.audit)
    table.add(SessionDesk(gateway, clock).operations())
    table.add(RoutingDesk(gateway).operations())
    table.add(StateDesk(gateway, sources.accounts, sources.announced).operations())
    supervised = sources.supervisord.known
    table.add(
        OverviewDesk(
            gateway, sources.recent, sources.causes, sources.absent, clock.wall, supervised=supervised
        ).operations()
    )
    table.add(CallDesk(sources.recent).operations())
    table.add(RecordDesk(sources.records, gateway.door.tokens, clock).operations())
    table.add(AuditDesk(sources.audit_log).operations())
    table.add(NetworkDesk(gateway).operations())
    table.add(LogDesk(sources.tail).operations())
    names = partial(_names, gateway)
    table.add(KeyDesk(gateway.keys, gateway.budgets, sources.keys, names, clock).operations())
    config = ConfigDesk(
        gateway, sources.history, sources.file, sources.check, sources.apply, sources.environ, clock.wall
    )
    table.add(config.operations())
    table.add(ModelDesk(gateway, config, sources.audit).operations())
    table.add(BudgetDesk(gateway.keys, gateway.budgets, clock).operations())
    table.add(NewAccountDesk(gateway, sources.keeper, sources.accounts, sources.with_account).operations())
    table.add(AccountChangeDesk(gateway, config, sources.keeper, sources.accounts).operations())
    table.add(AccountDesk(gateway, sources.accounts, sources.audit).operations())
    table.add(DebugDesk(gateway, sources.debugging).operations())
    table.add(PriceDesk(gateway, sources.prices, sources.apply, clock.wall).operations())
    table.add(ProcessDesk(sources.supervisord, sources.replace, sources.healed).operations())
    table.add(
        BackupDesk(gateway, sources.shelf, sources.judged, sources.audit, elsewhere=sources.elsewhere).operations()
    )
    table.add(UsageDesk(sources.usage, partial(_kept, gateway), clock.wall).operations())
    described = cache(lambda: document(table.operations, AUTH))  # takes some milliseconds, and never changes

    async def describe(asked: Asked) -> dict[str, Any]:
        return described()

    table.add(
        [
            Operation(
                method="GET",
                path="/openapi.json",
                need="viewer",
                name="openapi",
                summary="This description of the management API.",
                answer=dict[str, Any],
                handler=describe,
            )
        ]
    )
    return table.routes()


def _names(gateway: Gateway) -> ProviderNames:
    """Of the providers that may be written beside the settings in force."""
    return names_in(gateway.current.settings)


def _kept(gateway: Gateway) -> bool:
    return gateway.current.settings.usage.enabled
