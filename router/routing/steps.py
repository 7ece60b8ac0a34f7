"""The steps from a plain name to targets, each with its words: catalogue, prefix, brand, routes, lists, makers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from router.call import Resume
from router.net.proxies import Way
from router.providers.config import ProviderConfig
from router.routing.makers import BRANDS, NICKNAMES, bare, subscription, vendor
from router.routing.table import Table


class Target(Struct, frozen=True):
    """A provider and its model, before anything is known about the call. rank: equal ones rotate. grace, resume,
    limits: of its route, see `table.Rule`. route: its number. member: which of the models of an alias or
    a combo. way: the proxy that a combo names."""

    provider: ProviderConfig
    model: str
    rank: int
    why: str
    grace: float | None = None
    resume: Resume | None = None
    limits: Mapping[str, Any] = {}
    route: int | None = None
    member: int | None = None
    way: Way | None = None


def _upstream(table: Table, provider: ProviderConfig, name: str) -> str:
    for written in dict.fromkeys((name, bare(provider.id, name))):
        lower = written.lower()
        known = table.upstream[provider.id].get(lower) or table.aliased[provider.id].get(lower)
        if known is not None:
            return known
    return written


def _catalogue(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    lower = name.lower()
    having = [
        provider
        for provider in table.providers.values()
        if lower in table.upstream[provider.id] or lower in table.aliased[provider.id]
    ]
    having.sort(key=lambda provider: provider.priority)
    yield (
        f"'{name}' is in the catalogue of {_names(having)}",
        [
            Target(provider, _upstream(table, provider, name), rank, f"{provider.id} has '{name}' in its models")
            for rank, provider in enumerate(having)
        ],
    )


def _prefixed(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    for provider in table.providers.values():
        if provider.prefix is not None and name.lower().startswith(f"{provider.prefix.lower()}/"):
            rest = name[len(provider.prefix) + 1 :]
            yield _prefix_step(table, name, rest, [provider], provider.prefix)
    head, slash, rest = name.partition("/")
    if slash and rest:
        ids = table.resolve_provider(head)
        yield _prefix_step(table, name, rest, [table.providers[provider] for provider in ids], head)


def _prefix_step(
    table: Table, name: str, rest: str, providers: list[ProviderConfig], prefix: str
) -> tuple[str, list[Target]]:
    targets = []
    for provider in providers:
        whole = name in provider.models or name in provider.listed  # a server whose own names have the prefix
        model = name if whole else _upstream(table, provider, rest)
        targets.append(Target(provider, model, 0, f"the prefix '{prefix}/' names {provider.id}"))
    return f"the prefix '{prefix}/' names {_names(providers)}", targets


def _branded(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    for provider_id, pattern in BRANDS.items():
        if provider_id in table.providers and pattern.match(name):
            provider = table.providers[provider_id]
            why = f"'{name}' begins with the name of {provider_id}"
            yield why, [Target(provider, _upstream(table, provider, name), 0, why)]


def _routed(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    for route in table.routes:
        if not route.pattern.matches(name):
            continue
        targets: list[Target] = []
        seen: set[str] = set()
        for rank, ids in enumerate(route.ranks):
            for provider_id in ids:
                if provider_id not in seen:
                    seen.add(provider_id)
                    provider = table.providers[provider_id]
                    why = f"route {route.number} ({route.pattern.text}) names {provider_id}"
                    upstream = _upstream(table, provider, name)
                    own = (route.grace, route.resume, route.limits, route.number)
                    targets.append(Target(provider, upstream, rank, why, *own))
        yield f"route {route.number} ({route.pattern.text}) matches '{name}'", targets


def _nicknamed(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    for provider_id in NICKNAMES:
        if provider_id in table.providers and bare(provider_id, name) != name:
            provider = table.providers[provider_id]
            why = f"'{name}' says that {provider_id} is meant"
            yield why, [Target(provider, _upstream(table, provider, name), 0, why)]


def _listed(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    having = [table.providers[provider_id] for provider_id in table.listed.get(name.lower(), ())]
    yield (
        f"{_names(having)} offers '{name}'",
        [
            Target(provider, _upstream(table, provider, name), rank, f"{provider.id} offers '{name}'")
            for rank, provider in enumerate(having)
        ],
    )


def _vendors(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    if any(bare(provider_id, name) != name for provider_id in NICKNAMES):  # no vendor has a model of such a name
        return
    head, slash, _ = name.partition("/")
    if slash and table.resolve_provider(head):
        return  # it says its provider, whose name may begin like a model of somebody else's
    usable = [provider for provider in table.providers.values() if provider.accounts and provider.reason is None]
    usable.sort(key=lambda provider: provider.priority)
    having = [provider for provider in usable if vendor(provider, name)]
    having += [provider for provider in usable if subscription(provider, name)]
    yield (
        f"'{name}' looks like a model of {_names(having)}",
        [Target(provider, name, rank, f"'{name}' looks like its model") for rank, provider in enumerate(having)],
    )


def _pinned(table: Table, name: str, pinned: tuple[str, ...]) -> Iterator[tuple[str, list[Target]]]:
    """The caller named the provider by path or header: the name is its model, with or without its prefix."""
    targets = []
    for provider in (table.providers[provider_id] for provider_id in pinned):
        rest = name
        head, slash, tail = name.partition("/")
        own = provider.prefix is not None and plain_equal(head, provider.prefix)
        whole = name in provider.models or name in provider.listed
        if slash and tail and not whole and (own or provider.id in table.resolve_provider(head)):
            rest = tail
        targets.append(Target(provider, _upstream(table, provider, rest), 0, f"the caller asked for {provider.id}"))
    yield f"the caller asked for {_names([target.provider for target in targets])}", targets


def plain_equal(one: str, other: str) -> bool:
    """Whether two names of a provider are the same as users write them."""
    return one.strip().lower() == other.strip().lower()


def _names(providers: list[ProviderConfig]) -> str:
    return ", ".join(provider.id for provider in providers)


Step = Callable[[Table, str, tuple[str, ...]], Iterator[tuple[str, list[Target]]]]
STEPS: tuple[Step, ...] = (_catalogue, _prefixed, _branded, _routed, _nicknamed, _listed, _vendors)
PINNED_STEPS: tuple[Step, ...] = (_pinned,)
