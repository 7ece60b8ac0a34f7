"""What follows from one version of the settings: immutable, built whole, swapped whole on reload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from router import places
from router.access.keys import ClientKey
from router.access.rights import Access, access_of
from router.access.sources import settings_keys
from router.call import Limits
from router.models import capabilities
from router.models.capabilities import CapabilityTable
from router.models.catalogue import Catalogue
from router.models.catalogue import build as build_catalogue
from router.net.proxies import Way
from router.policies.payload import Payload, payload_of
from router.policies.shapes import Shapes, shapes_of
from router.providers.config import ProviderConfig
from router.providers.resolve import NOBODY, SignedIn, resolve
from router.routing.combos import Combo
from router.routing.limits import route_limits
from router.routing.table import Rule, Table, build
from router.settings.combo_blocks import Combo as ComboBlock
from router.settings.schema import Settings
from router.usage import price_file
from router.usage.prices import PriceTable
from router.usage.tariff import NOTHING_KNOWN, Tariff


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
            access=access_of(
                self.settings, self.table.resolve_provider, self.providers.values(), keys, known, self.tariff.known
            ),
            shapes=shapes_of(
                self.settings,
                {key.id: key.rights for key in keys if key.rights is not None},
                self.providers.values(),
            ),
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
        Combo(
            name,
            block.names,
            block.strategy,
            tuple(target.weight for target in block.targets),
            None if block.proxy is None else Way(block.proxy, f"combo {name!r}"),
        )
        for name, block in blocks.items()
    ]


def price_files(settings: Settings) -> tuple[Path, Path | None]:
    """Where prices are looked for: the state folder, and the operator's own table."""
    own = settings.usage.prices
    return places.in_checkout(settings.server.state_dir), None if own is None else places.in_checkout(own)


def _ranks(groups: tuple[tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
    return tuple(group[0] if len(group) == 1 else group for group in groups)
