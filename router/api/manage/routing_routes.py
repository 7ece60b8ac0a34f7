"""What the settings say of names, in the order in which they are looked up: aliases, combos, routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from router.api.manage.operation import Asked, Operation
from router.gateway import Gateway
from router.routing.combos import Combo, ComboStrategy
from router.routing.table import Alias, Route


class AliasShown(Struct, frozen=True):
    """name: or a pattern of names. targets: what it stands for, the first that can serve."""

    name: str
    targets: list[str]


class Member(Struct, frozen=True):
    """model: as written in the chain. weight: its share of the turns, null where turns are not weighted."""

    model: str
    weight: int | None


class ComboShown(Struct, frozen=True):
    """proxy: whether it has a proxy of its own."""

    name: str
    strategy: ComboStrategy
    members: list[Member]
    proxy: bool


class RouteShown(Struct, frozen=True):
    """number: its place in the file, from 1; the list is in the order in which routes are looked at. ranks: providers,
    those of one rank take turns. grace, resume: of its calls, null where the general settings count. limits: likewise,
    by name."""

    number: int
    pattern: str
    ranks: list[list[str]]
    grace: float | None
    resume: str | None
    limits: dict[str, Any]


class Routing(Struct, frozen=True):
    """exclusions: patterns of names that nobody may ask for. smaller: who answers where a model has met its limits."""

    aliases: list[AliasShown]
    combos: list[ComboShown]
    routes: list[RouteShown]
    exclusions: list[str]
    smaller: list[AliasShown]


class RoutingDesk:
    """Reads the table of names that is in force."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/routing", need="viewer", name="routing", answer=Routing, handler=self.get,
                summary="Aliases, combos and routes in force, in the order in which a name is looked up.",
            ),
        ]  # fmt: skip

    async def get(self, asked: Asked) -> Routing:
        table = self._gateway.current.table
        return Routing(
            aliases=[_alias(each) for each in (*table.aliases.values(), *table.alias_patterns)],
            combos=[_combo(each) for each in table.combos.values()],
            routes=[_route(each) for each in table.routes],
            exclusions=[each.text for each in table.exclusions],
            smaller=[_alias(each) for each in table.smaller],
        )


def _alias(alias: Alias) -> AliasShown:
    return AliasShown(alias.pattern.text, list(alias.targets))


def _combo(combo: Combo) -> ComboShown:
    weights = combo.weights if combo.strategy == "weighted" else (None,) * len(combo.targets)
    members = [Member(*each) for each in zip(combo.targets, weights, strict=True)]
    return ComboShown(combo.name, combo.strategy, members, combo.way is not None)


def _route(route: Route) -> RouteShown:
    return RouteShown(
        number=route.number,
        pattern=route.pattern.text,
        ranks=[list(rank) for rank in route.ranks],
        grace=route.grace,
        resume=route.resume,
        limits=dict(route.limits),
    )
